//! Reading a table in pages, in the order of creation time and id.

use diesel::prelude::*;

use super::row::{Read, columns};
use super::schema::{interface, machine};
use crate::rows::PageKey;
use crate::table::{InterfaceRow, MachineRow};

/// Both conditions on the time, as the first alone lets an index be used.
macro_rules! page {
    ($(#[$doc:meta])* $name:ident, $table:ident, $row:ty) => {
        $(#[$doc])*
        pub(super) fn $name(
            connection: &mut SqliteConnection,
            after: Option<&PageKey>,
            limit: u32,
        ) -> QueryResult<Vec<Read<$row>>> {
            let mut query = $table::table.select(columns::<$row>()).into_boxed();
            if let Some(key) = after {
                let later = $table::created_at.gt(&key.created_at);
                query = query
                    .filter($table::created_at.ge(&key.created_at))
                    .filter(later.or($table::id.gt(&key.id)));
            }
            query
                .order(($table::created_at, $table::id))
                .limit(limit.into())
                .load(connection)
        }
    };
}
page!(machines, machine, MachineRow);
page!(interfaces, interface, InterfaceRow);
