//! The state machines of hostledger: events in, effects out.
