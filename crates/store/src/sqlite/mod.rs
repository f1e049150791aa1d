//! The SQLite engine.

mod access;
mod any_of;
mod apply;
mod attempt;
mod binary;
mod catalog;
mod check;
mod commit;
mod connections;
mod failure;
mod interface;
mod journal;
mod kind;
mod limited;
mod literal;
mod machine;
mod migration;
mod open;
mod owner;
mod page;
#[cfg(test)]
mod plans;
mod prefix;
mod process;
mod store;
mod transaction;
mod update;
mod uri;
mod version;
mod watch;
mod worker_id;

use crate::table::{encoding, row, schema};

pub use store::SqliteStore;
