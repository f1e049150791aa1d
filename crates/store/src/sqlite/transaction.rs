//! Transactions that report what made them fail.
//!
//! SQLite ends a transaction by itself when the disk is full, say, and then diesel's failure to
//! roll it back would hide why: so what the body failed with is kept aside.

use diesel::SqliteConnection;
use diesel::connection::Connection;
use diesel::result::Error;

/// Runs `body` in a transaction that has the write lock from its start: one that reads first
/// and writes later fails at once when another program wrote in between.
pub(super) fn immediate<T, E: From<Error>>(
    connection: &mut SqliteConnection,
    body: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
) -> Result<T, E> {
    let mut cause = None;
    let result = connection.immediate_transaction(|connection| {
        body(connection).map_err(|error| roll_back(&mut cause, error))
    });
    cause.map_or_else(|| result.map_err(E::from), Err)
}

/// Runs `body` in a savepoint of the transaction that is open.
pub(super) fn savepoint<T, E: From<Error>>(
    connection: &mut SqliteConnection,
    body: impl FnOnce(&mut SqliteConnection) -> Result<T, E>,
) -> Result<T, E> {
    let mut cause = None;
    let result = connection
        .transaction(|connection| body(connection).map_err(|error| roll_back(&mut cause, error)));
    cause.map_or_else(|| result.map_err(E::from), Err)
}

fn roll_back<E>(cause: &mut Option<E>, error: E) -> Error {
    *cause = Some(error);
    Error::RollbackTransaction
}
