//! A connection, and which tables are meant on it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use diesel::pg::PgConnection;

/// A connection to the database of a ledger.
pub(super) struct Session {
    connection: PgConnection,
    /// What stands for the tables of a ledger in another program's database: queries of the same
    /// names, for the `WITH` of a statement. None where the tables are our own.
    tables: Option<Arc<str>>,
}

impl Session {
    pub(super) fn new(connection: PgConnection, tables: Option<Arc<str>>) -> Self {
        Self { connection, tables }
    }

    /// A statement as it is to be run here.
    pub(super) fn text(&self, text: &str) -> Option<String> {
        let tables = self.tables.as_ref()?;
        Some(format!("WITH {tables} {text}"))
    }
}

impl Deref for Session {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
