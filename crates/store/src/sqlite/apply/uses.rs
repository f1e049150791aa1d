//! Counting uses, once for each thing that is used in a transaction.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::change::Used;
use crate::sqlite::schema;
use crate::sqlite::update::update;

/// The uses of one transaction.
#[derive(Default)]
pub(in crate::sqlite) struct Uses(BTreeMap<(Used, bool), i64>);

impl Uses {
    /// Adds one use.
    pub(in crate::sqlite) fn add(&mut self, of: Used, succeeded: bool) {
        *self.0.entry((of, succeeded)).or_default() += 1;
    }

    /// Counts all of them in the database itself, so that no count is lost between writers. What is
    /// gone needs no count.
    pub(in crate::sqlite) fn write(self, connection: &mut SqliteConnection) -> QueryResult<()> {
        for ((of, succeeded), number) in self.0 {
            count(connection, of, succeeded, number)?;
        }
        Ok(())
    }
}

/// The time of modification stays: it says when the thing was last looked at.
fn count(
    connection: &mut SqliteConnection,
    of: Used,
    succeeded: bool,
    number: i64,
) -> QueryResult<usize> {
    macro_rules! count {
        ($table:ident, $id:expr) => {{
            use schema::$table::{num_uses_failed, num_uses_succeeded, table};
            let it = schema::$table::id.eq($id.simple());
            if succeeded {
                let set = num_uses_succeeded.eq(num_uses_succeeded + number);
                update(&table, it, set).execute(connection)
            } else {
                let set = num_uses_failed.eq(num_uses_failed + number);
                update(&table, it, set).execute(connection)
            }
        }};
    }
    match of {
        Used::Machine(id) => count!(machine, id),
        Used::Interface(id) => count!(interface, id),
        Used::Binary(id) => count!(binary, id),
    }
}
