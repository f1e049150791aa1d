//! Opening a database: whose it is decides how.

use super::connections::Connections;
use super::kind::{self, Kind};
use super::migration;
use crate::error::StoreError;
use crate::store::Access;

/// Finds out whose database it is, and brings the tables of our own up to date.
pub(super) fn prepare(connections: &Connections) -> Result<Access, StoreError> {
    let mut connection = connections.connect()?;
    connections.check_server(&mut connection)?;
    let failures = connections.failures();
    if migration::is_up_to_date(&mut connection, failures)? {
        connections.keep(connection);
        return Ok(Access::Own);
    }
    match kind::of(&mut connection) {
        Ok(Kind::Own) => {
            migration::bring_up_to_date(&mut connection, failures)?;
            Ok(Access::Own)
        }
        Ok(Kind::Foreign(tables)) => {
            connections.read_only_with(tables);
            Ok(Access::Foreign)
        }
        Ok(Kind::NoLedger(missing)) => Err(StoreError::NotALedger {
            path: failures.place.clone(),
            missing,
        }),
        Err(error) => Err(failures.of_query(&mut connection, error)),
    }
}
