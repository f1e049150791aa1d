//! Connections to one server: how they are made, kept and lent out for reading.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::result::Error;
use diesel::sql_types::Text;
use diesel::{Connection, QueryResult};

use super::failure::{Failures, is_lost};
use super::language;
use super::session::Session;
use super::sql::{Sql, sql};
use super::url::PostgresUrl;
use crate::error::StoreError;
use crate::store::Durability;

/// Connections kept for the next reader; more readers at once have theirs closed after use.
const KEPT: usize = 4;

/// The oldest server that its makers still look after when this was written.
const OLDEST_SERVER: u32 = 14;

/// What a statement may take: none of ours takes seconds.
const LONGEST_STATEMENT: Duration = Duration::from_secs(60);

/// How long a transaction of ours may stand still, as when this program is stopped by a signal,
/// before the server ends it and gives its locks back.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Makes connections, and lends them out for reading; each is used by one reader at a time.
pub(super) struct Connections {
    url: PostgresUrl,
    failures: Failures,
    kept: Mutex<Vec<Session>>,
    /// Whether the server's messages are not English unless we ask for it.
    translates: AtomicBool,
    /// What stands for our tables in another program's database.
    foreign: OnceLock<Arc<str>>,
}

impl Connections {
    pub(super) fn new(url: PostgresUrl, patience: Duration) -> Self {
        let place = PathBuf::from(url.to_string());
        Self {
            url,
            failures: Failures { place, patience },
            kept: Mutex::new(Vec::new()),
            translates: AtomicBool::new(false),
            foreign: OnceLock::new(),
        }
    }

    pub(super) fn failures(&self) -> &Failures {
        &self.failures
    }

    /// What libpq connects to, password and all.
    pub(super) fn connection_string(&self) -> String {
        self.url.connection_string()
    }

    /// A new connection, set up to write and to read.
    pub(super) fn connect(&self) -> Result<Session, StoreError> {
        let connection = PgConnection::establish(&self.url.connection_string())
            .map_err(|error| self.failures.of_connection(error))?;
        let foreign = self.foreign.get();
        let mut connection = Session::new(connection, foreign.cloned());
        let lock = self.failures.patience.as_millis();
        let statement = LONGEST_STATEMENT.as_millis();
        let pause = LONGEST_PAUSE.as_millis();
        // diesel has set the time zone to UTC and the encoding to UTF-8.
        let access = match foreign {
            Some(_) => "SET default_transaction_read_only = on;",
            None => "",
        };
        let settings = format!(
            "{access} SET datestyle = 'ISO'; SET jit = off;
             SET lock_timeout = {lock};
             SET statement_timeout = {statement};
             SET idle_in_transaction_session_timeout = {pause};
             SET default_transaction_isolation = 'read committed'"
        );
        let mut set = connection.batch_execute(&settings);
        if set.is_ok() && self.translates.load(Ordering::Relaxed) {
            set = language::ask_for_english(&mut connection);
        }
        match set {
            Ok(()) => Ok(connection),
            Err(error) => Err(self.failures.of_query(&mut connection, error)),
        }
    }

    /// The same for one who writes, by keys alone: however few rows a table had when a statement
    /// was planned, it is never read through later on. So there is one plan for each statement,
    /// and it is made once.
    pub(super) fn connect_writer(&self, durability: Durability) -> Result<Session, StoreError> {
        let mut connection = self.connect()?;
        let commit = match durability {
            // As the server has it, which survives the loss of power unless it was told otherwise.
            Durability::Normal => "",
            Durability::Full => "SET synchronous_commit = on;",
        };
        let settings = format!(
            "{commit} SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off;
             SET enable_mergejoin = off; SET enable_sort = off; SET enable_material = off;
             SET plan_cache_mode = force_generic_plan"
        );
        match connection.batch_execute(&settings) {
            Ok(()) => Ok(connection),
            Err(error) => Err(self.failures.of_query(&mut connection, error)),
        }
    }

    /// Whether the server is one that we know how to use.
    ///
    /// # Errors
    /// It is too old, or keeps texts in another encoding than UTF-8.
    pub(super) fn check_server(&self, connection: &mut Session) -> Result<(), StoreError> {
        let mut show = |setting: &'static str| {
            let query: Sql<Text> = sql(format!("SHOW {setting}"), Vec::new());
            let shown: QueryResult<String> = query.get_result(connection);
            shown.map_err(|error| self.failures.of_query(connection, error))
        };
        let place = || self.failures.place.clone();
        let version = show("server_version")?;
        let number: u32 = show("server_version_num")?.parse().unwrap_or(0);
        if number / 10_000 < OLDEST_SERVER {
            return Err(StoreError::TooOld {
                place: place(),
                version,
                oldest: OLDEST_SERVER,
            });
        }
        let speaks_english = language::is_english(&show("lc_messages")?);
        let encoding = show("server_encoding")?;
        if encoding != "UTF8" {
            return Err(StoreError::Encoding {
                place: place(),
                encoding,
            });
        }
        if !speaks_english {
            self.translates.store(true, Ordering::Relaxed);
            language::ask_for_english(connection)
                .map_err(|error| self.failures.of_query(connection, error))?;
        }
        Ok(())
    }

    /// Has the database only read from now on, with these for the tables of a ledger.
    pub(super) fn read_only_with(&self, tables: Arc<str>) {
        // Said once, before anybody else has it.
        let _said = self.foreign.set(tables);
    }

    /// The error for a statement that failed on a connection that has outlived it, and was begun
    /// then.
    pub(super) fn refusal(
        &self,
        connection: &mut Session,
        error: Error,
        began: Instant,
    ) -> StoreError {
        let error = self.failures.of_answer(error);
        if self.translates.load(Ordering::Relaxed) {
            language::interpret(error, connection, &self.failures, began)
        } else {
            error
        }
    }

    /// Keeps a connection for the next reader.
    pub(super) fn keep(&self, connection: Session) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(connection);
        }
    }

    /// Runs a query on a connection of its own; once more on a new one where a kept one turns
    /// out to be lost, as it is after a restart of the server.
    pub(super) fn read<T>(
        &self,
        query: impl Fn(&mut Session) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        if let Some(mut connection) = self.take() {
            match query(&mut connection) {
                Ok(value) => {
                    self.keep(connection);
                    return Ok(value);
                }
                Err(error) if !is_lost(&mut connection, &error) => {
                    return Err(self.refusal(&mut connection, error, began));
                }
                // The others were made before and are lost as well.
                Err(_) => self.forget(),
            }
        }
        let mut connection = self.connect()?;
        match query(&mut connection) {
            Ok(value) => {
                self.keep(connection);
                Ok(value)
            }
            Err(error) if is_lost(&mut connection, &error) => Err(self.failures.of_loss(error)),
            Err(error) => Err(self.refusal(&mut connection, error, began)),
        }
    }

    fn take(&self) -> Option<Session> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pop()
    }

    fn forget(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
    }
}
