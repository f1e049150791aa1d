//! Bringing the tables of a ledger up to date.

use std::collections::BTreeSet;
use std::error::Error as AnyError;
use std::sync::Arc;

use diesel::QueryResult;
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::failure::Failures;
use super::session::Session;
use super::sql::{Sql, sql};
use crate::error::StoreError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The version of the migration that makes a ledger.
const FIRST: &str = "20261125180000";

/// 'HLDG': whoever migrates holds the advisory lock of this number.
const LOCK: i64 = 0x484C_4447;

/// How long another process may take for its migrations.
const PATIENCE: &str = "10min";

/// Runs the migrations that are missing. The connection has other settings afterwards than it is
/// to have.
///
/// # Errors
/// Those of [`StoreError`]; then nothing is changed.
pub(super) fn bring_up_to_date(
    connection: &mut Session,
    failures: &Failures,
) -> Result<(), StoreError> {
    // The lock is the session's: a process that dies gives it back.
    let begin = format!(
        "SET lock_timeout = '{PATIENCE}'; SET statement_timeout = '{PATIENCE}';
         SELECT pg_advisory_lock({LOCK})"
    );
    connection
        .batch_execute(&begin)
        .map_err(|error| failures.of_query(connection, error))?;
    let outcome = run_missing(connection, failures);
    let end = format!("SELECT pg_advisory_unlock({LOCK})");
    let ended = connection
        .batch_execute(&end)
        .map_err(|error| failures.of_query(connection, error));
    outcome.and(ended)
}

/// Looked at again under the lock: another process may have been first.
fn run_missing(connection: &mut Session, failures: &Failures) -> Result<(), StoreError> {
    if is_up_to_date(connection, failures)? {
        return Ok(());
    }
    tracing::debug!(place = %failures.place.display(), "bringing the tables up to date");
    match connection.run_pending_migrations(MIGRATIONS) {
        Ok(_) => Ok(()),
        Err(source) => Err(failed(connection, failures, source)),
    }
}

/// How far a database is.
pub(super) enum Progress {
    /// It has no migration at all.
    Nothing,
    /// It has those of another program.
    OfAnother,
    /// It has some of ours, the first one at least.
    Begun(BTreeSet<String>),
}

pub(super) fn progress(connection: &mut Session) -> QueryResult<Progress> {
    let recorded = recorded(connection)?.unwrap_or_default();
    if recorded.is_empty() {
        return Ok(Progress::Nothing);
    }
    if !recorded.contains(FIRST) {
        return Ok(Progress::OfAnother);
    }
    Ok(Progress::Begun(recorded))
}

/// Whether a ledger has all migrations; two queries.
///
/// # Errors
/// Those of [`StoreError`]: it has later ones, too.
pub(super) fn is_up_to_date(
    connection: &mut Session,
    failures: &Failures,
) -> Result<bool, StoreError> {
    let known = known(failures)?;
    let recorded = match progress(connection) {
        Ok(Progress::Begun(recorded)) => recorded,
        Ok(Progress::Nothing | Progress::OfAnother) => return Ok(false),
        Err(error) => return Err(failures.of_query(connection, error)),
    };
    match recorded.difference(&known).next() {
        Some(version) => Err(StoreError::Newer {
            path: failures.place.clone(),
            version: version.clone(),
        }),
        None => Ok(recorded == known),
    }
}

/// The migrations that the database says it has; none when it has no table of them.
fn recorded(connection: &mut Session) -> QueryResult<Option<BTreeSet<String>>> {
    let there: Sql<Bool> = sql(
        "SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL",
        Vec::new(),
    );
    if !there.get_result::<bool>(connection)? {
        return Ok(None);
    }
    let versions: Sql<Text> = sql(
        "SELECT version::text FROM __diesel_schema_migrations",
        Vec::new(),
    );
    let versions: Vec<String> = versions.load(connection)?;
    Ok(Some(versions.into_iter().collect()))
}

fn known(failures: &Failures) -> Result<BTreeSet<String>, StoreError> {
    let migrations =
        MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(|source| StoreError::Migration {
            path: failures.place.clone(),
            source: Arc::from(source),
        })?;
    Ok(migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}

/// A migration that failed: for a reason that any statement can have, or its own.
fn failed(
    connection: &mut Session,
    failures: &Failures,
    source: Box<dyn AnyError + Send + Sync>,
) -> StoreError {
    match source.downcast::<diesel::result::Error>() {
        Ok(error) => failures.of_query(connection, *error),
        Err(source) => StoreError::Migration {
            path: failures.place.clone(),
            source: Arc::from(source),
        },
    }
}
