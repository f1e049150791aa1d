//! Bringing the tables of a ledger of our own up to date.

use std::collections::BTreeSet;
use std::sync::Arc;

use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::catalog::schema_object;
use super::failure::{Failed, Failures};
use super::schema::migration;
use super::transaction;
use crate::error::StoreError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Runs the migrations that are missing; one query when none is.
///
/// # Errors
/// Those of [`StoreError`]; then nothing is changed.
pub(super) fn bring_up_to_date(
    connection: &mut SqliteConnection,
    failures: &Failures,
) -> Result<(), StoreError> {
    let known = known(failures)?;
    if is_up_to_date(connection, &known, failures)? {
        return Ok(());
    }
    // Looked at again under the lock: another process may have been first.
    let outcome = transaction::immediate(connection, |connection| {
        if is_up_to_date(connection, &known, failures)? {
            return Ok(());
        }
        tracing::debug!(path = %failures.path.display(), "bringing the tables up to date");
        match connection.run_pending_migrations(MIGRATIONS) {
            Ok(_) => Ok(()),
            Err(source) => Err(failed(failures, source).into()),
        }
    });
    outcome.map_err(|failed: Failed| failures.of(failed))
}

fn is_up_to_date(
    connection: &mut SqliteConnection,
    known: &BTreeSet<String>,
    failures: &Failures,
) -> Result<bool, StoreError> {
    let recorded = recorded(connection).map_err(|error| failures.of_query(error))?;
    match recorded.difference(known).next() {
        Some(version) => Err(StoreError::Newer {
            path: failures.path.clone(),
            version: version.clone(),
        }),
        None => Ok(recorded == *known),
    }
}

/// The migrations that the database says it has; none when it has no table of them.
fn recorded(connection: &mut SqliteConnection) -> QueryResult<BTreeSet<String>> {
    let table = schema_object::table.filter(schema_object::name.eq("__diesel_schema_migrations"));
    if diesel::select(diesel::dsl::exists(table)).get_result(connection)? {
        let versions: Vec<String> = migration::table
            .select(migration::version)
            .load(connection)?;
        return Ok(versions.into_iter().collect());
    }
    Ok(BTreeSet::new())
}

fn known(failures: &Failures) -> Result<BTreeSet<String>, StoreError> {
    let migrations = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)
        .map_err(|source| failed(failures, source))?;
    Ok(migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}

/// A migration that failed: for a reason that any statement can have, or its own.
fn failed(failures: &Failures, source: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    match source.downcast::<Error>() {
        Ok(error) => failures.of_query(*error),
        Err(source) => StoreError::Migration {
            path: failures.path.clone(),
            source: Arc::from(source),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn objects(connection: &mut SqliteConnection) -> Vec<String> {
        schema_object::table
            .select(schema_object::name)
            .order(schema_object::name)
            .load(connection)
            .unwrap()
    }

    #[test]
    fn what_a_migration_makes_it_takes_back() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        let failures = Failures {
            path: "/x".into(),
            busy_timeout: Duration::ZERO,
        };
        assert_eq!(recorded(&mut connection).unwrap(), BTreeSet::new());
        bring_up_to_date(&mut connection, &failures).unwrap();
        let made = objects(&mut connection);
        assert!(made.iter().any(|name| name == "machine_process"));
        assert_eq!(
            recorded(&mut connection).unwrap(),
            known(&failures).unwrap()
        );

        connection.revert_all_migrations(MIGRATIONS).unwrap();
        let left = objects(&mut connection);
        assert!(
            left.iter()
                .all(|name| name.contains("__diesel_schema_migrations")),
            "{left:?}"
        );
        bring_up_to_date(&mut connection, &failures).unwrap();
        assert_eq!(objects(&mut connection), made);
    }
}
