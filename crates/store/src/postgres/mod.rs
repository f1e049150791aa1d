//! The PostgreSQL engine.

mod backoff;
mod change;
mod claim;
mod commit;
mod connections;
mod failure;
mod find;
mod foreign;
mod kind;
mod language;
mod mark;
mod migration;
mod open;
mod owner;
mod permission;
mod processes;
mod projection;
mod session;
mod sql;
mod store;
mod url;
mod watch;

pub use store::PostgresStore;
pub use url::{InvalidUrl, PostgresUrl};
