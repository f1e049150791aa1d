//! What can go wrong with a ledger's database.

use std::borrow::Cow;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::record_id::RecordId;

/// Why a store could not be opened, read or written.
///
/// Cloneable, as everybody whose changes were in one commit hears of its failure. The path of a
/// database that is no file is its URL without a password.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The file or its directory could not be used; the source says why.
    #[error("cannot open {path}", path = path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The directory the database is to be made in does not exist.
    #[error("cannot create {path}: its directory does not exist", path = path.display())]
    NoDirectory {
        /// The database.
        path: PathBuf,
    },
    /// There is a directory where the database should be.
    #[error("{path} is a directory, not a database", path = path.display())]
    IsDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The file, or the directory SQLite keeps its journal in, may not be used by this user.
    #[error("permission denied: {path}", path = path.display())]
    PermissionDenied {
        /// The database.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is not a SQLite database", path = path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database holds other tables than a ledger's.
    #[error("{path} is a database, but not a ledger: it has no table {missing}", path = path.display())]
    NotALedger {
        /// The database.
        path: PathBuf,
        /// The table that was looked for.
        missing: &'static str,
    },
    /// The database is damaged, or was cut short.
    #[error("the database {path} is damaged or cut short", path = path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The database was written by a later version of this program.
    #[error(
        "{path} was written by a newer version of hostledger (it has the migration {version}, unknown here)",
        path = path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The first migration not known here.
        version: String,
    },
    /// The file is on a network file system, where SQLite's write-ahead log cannot work.
    #[error("{path} is on a network file system ({file_system})", path = path.display())]
    NetworkFileSystem {
        /// The database.
        path: PathBuf,
        /// Which one, such as `nfs`.
        file_system: String,
    },
    /// Another program kept the database locked.
    #[error("{path} is locked by another program (waited {waited:?})", path = path.display())]
    Locked {
        /// The database.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The database cannot be written.
    #[error("{path} cannot be written: {why}", path = path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// Why not.
        why: ReadOnly,
    },
    /// No space is left for the database.
    #[error("the disk is full: {path} cannot grow", path = path.display())]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// A row holds something it should not.
    #[error(transparent)]
    Corrupt(#[from] CorruptRow),
    /// A record of the same id or key is there already; nothing was written.
    #[error("{record} is in the ledger already (unique: {columns})")]
    Duplicate {
        /// The record that was to be written.
        record: RecordId,
        /// The columns that clash, as SQLite names them.
        columns: String,
    },
    /// The record names another one that is not in the ledger; nothing was written.
    #[error("{record} names a record that is not in the ledger")]
    DanglingReference {
        /// The record that was to be written.
        record: RecordId,
    },
    /// The tables could not be made or brought up to date; nothing of it was kept.
    #[error("cannot bring the tables of {path} up to date", path = path.display())]
    Migration {
        /// The database.
        path: PathBuf,
        /// What the migration ran into.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// SQLite could not switch to its write-ahead log.
    #[error("{path} cannot use a write-ahead log (its journal mode stays {mode})", path = path.display())]
    NoWriteAheadLog {
        /// The database.
        path: PathBuf,
        /// The mode it stays in.
        mode: String,
    },
    /// The server of the database cannot be reached, or went away.
    #[error("cannot reach {place}", place = place.display())]
    Unreachable {
        /// The database, without a password.
        place: PathBuf,
        /// What was seen of it.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The server does not let us in: user, password, database, or where we come from.
    #[error("{place} does not let us in", place = place.display())]
    Login {
        /// The database, without a password.
        place: PathBuf,
        /// What the server said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The server is not known to be the one that was asked for, by its certificate.
    #[error("{place} cannot be trusted", place = place.display())]
    Untrusted {
        /// The database, without a password.
        place: PathBuf,
        /// What is wrong with its certificate, or with what it is compared with.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The user of the database may not do this.
    #[error("the user of {place} may not do this", place = place.display())]
    Forbidden {
        /// The database, without a password.
        place: PathBuf,
        /// What the server said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The server is older than any that this program knows.
    #[error(
        "{place} is served by PostgreSQL {version}; the oldest that can be used is {oldest}",
        place = place.display()
    )]
    TooOld {
        /// The database, without a password.
        place: PathBuf,
        /// What the server says of itself.
        version: String,
        /// The first version that will do.
        oldest: u32,
    },
    /// The database cannot hold every text.
    #[error("{place} keeps texts as {encoding}; it must be UTF8", place = place.display())]
    Encoding {
        /// The database, without a password.
        place: PathBuf,
        /// Its encoding.
        encoding: String,
    },
    /// The writer ended before it got to the changes; nothing of them was written.
    #[error("the writer of the ledger has ended")]
    WriterGone,
    /// Any other failure of the database.
    #[error("the database {path} failed", path = path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What it said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
}

/// Why a database cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadOnly {
    /// It was made by another program: it is read, exported and shown, never written.
    #[error("another program made it, so it is only read")]
    Foreign,
    /// Its file, directory or file system allows no writing.
    #[error("its file, directory or file system is read-only")]
    File,
    /// The server only follows another one, or was told to write nothing.
    #[error("its server is read-only")]
    Standby,
}

/// A row that cannot be read as the record it stands for.
#[derive(Debug, Clone, thiserror::Error)]
#[error("row {id} of {table} has an unreadable {column}")]
pub struct CorruptRow {
    /// The table, as the database names it.
    pub table: &'static str,
    /// The row's id as it stands there.
    pub id: String,
    /// The column.
    pub column: Cow<'static, str>,
    /// What is wrong with it.
    #[source]
    pub source: Arc<dyn Error + Send + Sync>,
}
