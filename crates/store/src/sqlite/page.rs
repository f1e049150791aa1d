//! Reading a table in pages, in the order of creation time and id.

use diesel::prelude::*;

use super::binary::BinaryRow;
use super::interface::InterfaceRow;
use super::machine::MachineRow;
use super::process::ProcessRow;
use super::schema::{binary, interface, machine};
use crate::error::CorruptRow;
use crate::rows::{Page, PageKey, Rows};

/// A row that says where it stands in its table.
pub(super) trait Positioned {
    /// Creation time and id as they stand.
    fn position(&self) -> (&str, &str);
}

macro_rules! positioned {
    ($($row:ty),*) => {$(
        impl Positioned for $row {
            fn position(&self) -> (&str, &str) {
                (&self.created_at, &self.id)
            }
        }
    )*};
}
positioned!(MachineRow, InterfaceRow, BinaryRow);

impl Positioned for ProcessRow {
    fn position(&self) -> (&str, &str) {
        self.position()
    }
}

/// The records of a page; full pages have a next one.
pub(super) fn of<R: Positioned, T: TryFrom<R, Error = CorruptRow>>(
    rows: Vec<R>,
    limit: u32,
) -> Page<T> {
    let full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
    let next = rows.last().filter(|_| full).map(|row| {
        let (created_at, id) = row.position();
        PageKey {
            created_at: created_at.to_owned(),
            id: id.to_owned(),
        }
    });
    let rows: Rows<T> = rows.into_iter().map(T::try_from).collect();
    Page { rows, next }
}

/// Both conditions on the time, as the first alone lets an index be used.
macro_rules! page {
    ($(#[$doc:meta])* $name:ident, $table:ident, $row:ty) => {
        $(#[$doc])*
        pub(super) fn $name(
            connection: &mut SqliteConnection,
            after: Option<&PageKey>,
            limit: u32,
        ) -> QueryResult<Vec<$row>> {
            let mut query = $table::table.select(<$row>::as_select()).into_boxed();
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
page!(binaries, binary, BinaryRow);
