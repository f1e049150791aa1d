//! The SQLite engine.

mod access;
mod apply;
mod attempt;
mod binary;
mod check;
mod connections;
mod encoding;
mod failure;
mod interface;
mod journal;
mod kind;
mod literal;
mod machine;
mod migration;
mod open;
mod page;
mod prefix;
mod process;
mod row;
mod schema;
mod store;
mod transaction;
mod update;
mod uri;
mod worker_id;
mod writer;

pub use open::OpenOptions;
pub use store::SqliteStore;
