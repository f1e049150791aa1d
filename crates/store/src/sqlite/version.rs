//! Whether others have written to the database.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

/// What a connection knew of the writing of others.
///
/// SQLite counts for a connection the commits of all others, in this program or another, but not
/// its own (`PRAGMA data_version`).
#[derive(Debug, Default)]
pub(super) struct Version(Option<i64>);

impl Version {
    /// Whether others have committed since the last time this connection was asked; yes when it
    /// is asked for the first time, or cannot tell.
    pub(super) fn has_changed(&mut self, connection: &mut SqliteConnection) -> bool {
        let now = sql::<BigInt>("PRAGMA data_version")
            .get_result::<i64>(connection)
            .inspect_err(|error| tracing::debug!(%error, "not known whether others have written"))
            .ok();
        let unchanged = now.is_some() && now == self.0;
        self.0 = now;
        !unchanged
    }
}
