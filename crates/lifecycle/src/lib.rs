//! The state machines of hostledger: events in, effects out.
//!
//! A handler looks at the record and the event, decides, and pushes effects: plain data that
//! says what is to be done. It does no I/O, reads no clock and waits for nothing, so a machine
//! is tested by comparing lists of effects. The engine carries the effects out and feeds what
//! comes of them back as events.
//!
//! The state of a machine is the stored `status` of its row. A machine is resumed in it
//! without running entry actions, for each event anew (see [`process::handle`] and
//! [`binary::handle`]).

pub mod binary;
pub mod process;
mod resume;
