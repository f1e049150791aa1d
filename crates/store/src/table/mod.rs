//! The tables' rows, the same on every engine: what stands in their columns, and the records
//! that they stand for.

mod attempt;
mod binary;
pub(crate) mod encoding;
mod interface;
mod machine;
#[cfg(feature = "postgres")]
mod mark;
mod owner;
mod process;
pub(crate) mod row;
pub(crate) mod schema;
mod text;

pub(crate) use attempt::AttemptRow;
pub(crate) use binary::{
    BaseRow as BinaryBaseRow, BinaryRow, ContentRow as BinaryContentRow, OwnRow as BinaryOwnRow,
    reasons as binary_reasons,
};
pub(crate) use interface::{InterfaceRow, NetworkFactsRow};
pub(crate) use machine::{MachineFactsRow, MachineRow};
#[cfg(feature = "postgres")]
pub(crate) use mark::marked;
pub(crate) use owner::OwnerRow;
pub(crate) use process::{BaseRow, IdentityRow, KILLED, ProcessRow, QueuedRow, UsageRow, read_id};
