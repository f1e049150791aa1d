//! The unsafe corner of hostledger: spawning, pidfds, waiting with resource use.
