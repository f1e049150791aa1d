//! The event loop of hostledger: carries out what the state machines decide.
