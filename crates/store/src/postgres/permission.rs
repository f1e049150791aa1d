//! Whether the server lets us write, without trying it.

use std::sync::Arc;

use diesel::QueryResult;
use diesel::sql_types::{Bool, Nullable, Text};

use super::failure::Failures;
use super::session::Session;
use super::sql::{Sql, sql};
use crate::error::{ReadOnly, StoreError};

/// What every writer does to every table of a ledger.
const LOOK: &str = "SELECT current_setting('transaction_read_only') = 'on',
    (SELECT privilege || ' on ' || name
     FROM unnest(ARRAY['machine_machine', 'machine_networkinterface', 'machine_binary',
            'machine_process', 'hostledger_attempt', 'hostledger_worker_id', 'hostledger_owner',
            'hostledger_commit']) AS name,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS privilege
     WHERE NOT has_table_privilege(name, privilege) LIMIT 1)";

/// A privilege that the user of the database does not have.
#[derive(Debug, thiserror::Error)]
#[error("it has no {0}")]
struct Missing(String);

/// Why nothing can be written, if nothing can.
pub(super) fn refusal(
    connection: &mut Session,
    failures: &Failures,
) -> QueryResult<Option<StoreError>> {
    let query: Sql<(Bool, Nullable<Text>)> = sql(LOOK, Vec::new());
    let (read_only, missing): (bool, Option<String>) = query.get_result(connection)?;
    let place = failures.place.clone();
    Ok(match missing {
        Some(missing) => Some(StoreError::Forbidden {
            place,
            source: Arc::new(Missing(missing)),
        }),
        None if read_only => Some(StoreError::ReadOnly {
            path: place,
            why: ReadOnly::Standby,
        }),
        None => None,
    })
}
