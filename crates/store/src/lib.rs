//! Storage of hostledger's records: diesel, SQLite, migrations, the batching writer.
//!
//! The port is [`Store`]: everything the layers above ask of a database, in the words of
//! [`hostledger_model`]. [`SqliteStore`] is the engine behind it. What is written is data
//! ([`Change`]), handed to one writer that commits whatever has queued up; what must follow
//! durability waits for the [`Ticket`].
//!
//! Tables and encodings are ArchiveBox's, so that both can read the same file; columns of our
//! own come on top. This is the only crate that names diesel or SQL.

mod bell;
mod change;
mod claim;
mod error;
mod filter;
mod hierarchy;
mod location;
#[cfg(feature = "postgres")]
mod postgres;
mod record_id;
mod records;
mod root_error;
mod rows;
mod sqlite;
mod store;
mod table;
mod ticket;
mod watch;
mod writer;

pub use change::{Change, OwnerChange, Used};
pub use claim::{BinariesMark, Claim, Claimed, Claims};
pub use error::{CorruptRow, ReadOnly, StoreError};
pub use filter::ProcessFilter;
pub use location::{Database, InvalidLocation, OpenOptions};
#[cfg(feature = "postgres")]
pub use postgres::{InvalidUrl, PostgresStore, PostgresUrl};
pub use record_id::{Found, IdPrefix, InvalidPrefix, RecordId};
pub use records::Records;
pub use rows::{Descendant, Page, PageKey, Rows};
pub use sqlite::SqliteStore;
pub use store::{Access, Durability, Store};
pub use ticket::{Commit, Completion, Ticket};
pub use watch::QueueWatch;
