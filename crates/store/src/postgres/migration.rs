//! Bringing the tables of a ledger up to date.

use std::collections::BTreeSet;
use std::error::Error as AnyError;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{Bool, Text};
use diesel::{QueryResult, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::failure::Failures;
use super::sql::{Sql, sql};
use crate::error::StoreError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// 'HLDG': whoever migrates holds the advisory lock of this number.
const LOCK: i64 = 0x484C_4447;

/// How long another process may take for its migrations.
const PATIENCE: &str = "10min";

/// Runs the migrations that are missing; two queries when none is. True when there were some:
/// then the connection has other settings than it is to have.
///
/// # Errors
/// Those of [`StoreError`]; then nothing is changed.
pub(super) fn bring_up_to_date(
    connection: &mut PgConnection,
    failures: &Failures,
) -> Result<bool, StoreError> {
    let known = known(failures)?;
    if is_up_to_date(connection, &known, failures)? {
        return Ok(false);
    }
    // The lock is the session's: a process that dies gives it back.
    let begin = format!(
        "SET lock_timeout = '{PATIENCE}'; SET statement_timeout = '{PATIENCE}';
         SELECT pg_advisory_lock({LOCK})"
    );
    connection
        .batch_execute(&begin)
        .map_err(|error| failures.of_query(connection, error))?;
    let outcome = run_missing(connection, &known, failures);
    let end = format!("SELECT pg_advisory_unlock({LOCK})");
    let ended = connection
        .batch_execute(&end)
        .map_err(|error| failures.of_query(connection, error));
    outcome.and(ended).map(|()| true)
}

/// Looked at again under the lock: another process may have been first.
fn run_missing(
    connection: &mut PgConnection,
    known: &BTreeSet<String>,
    failures: &Failures,
) -> Result<(), StoreError> {
    if is_up_to_date(connection, known, failures)? {
        return Ok(());
    }
    tracing::debug!(place = %failures.place.display(), "bringing the tables up to date");
    match connection.run_pending_migrations(MIGRATIONS) {
        Ok(_) => Ok(()),
        Err(source) => Err(failed(connection, failures, source)),
    }
}

fn is_up_to_date(
    connection: &mut PgConnection,
    known: &BTreeSet<String>,
    failures: &Failures,
) -> Result<bool, StoreError> {
    let recorded = match recorded(connection) {
        Ok(recorded) => recorded,
        Err(error) => return Err(failures.of_query(connection, error)),
    };
    let Some(recorded) = recorded else {
        return Ok(false);
    };
    match recorded.difference(known).next() {
        Some(version) => Err(StoreError::Newer {
            path: failures.place.clone(),
            version: version.clone(),
        }),
        None => Ok(recorded == *known),
    }
}

/// The migrations that the database says it has; none when it has no table of them.
fn recorded(connection: &mut PgConnection) -> QueryResult<Option<BTreeSet<String>>> {
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
    connection: &mut PgConnection,
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
