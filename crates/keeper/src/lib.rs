//! The keeper: a small process that starts programs, reaps them, and outlives whoever asked.
//!
//! A program that supervises others can be killed. Who ended while nobody was there to read the
//! exit code is lost then, unless another process is the parent: the keeper. It is the running
//! image executed once more, does nothing but start, reap and write down, and goes on when its
//! launcher has died. What it knows stands in a [`Table`], a file that is mapped by both: an
//! entry is made *before* the process exists, and holds its end before it is reaped.
//!
//! Linux 5.10 and later. The launcher asks over a socket ([`Keeper`]); after its start a keeper
//! allocates nothing.

mod available;
mod client;
mod error;
mod protocol;
mod run;
mod start;
mod table;
mod tag;

pub use available::available;
pub use client::{Event, Keeper, Request, SinceBoot};
pub use error::KeeperError;
pub use hostledger_sys::{CloneWay, LaunchBlock};
pub use start::{Program, Start};
pub use table::entry::{End, Entry, Slot, State, Torn};
pub use table::{GroupLease, Table, TableError};
pub use tag::tag;
