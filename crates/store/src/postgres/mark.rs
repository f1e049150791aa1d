//! What a transaction is recognised by, when its COMMIT had no answer.
//!
//! Its number would not do: after a crash the server gives the numbers of those that never
//! reached the disk to others. So each leaves a mark, which is there if all of it is.

use diesel::QueryResult;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Bool;
use uuid::Uuid;

use super::session::Session;
use super::sql::{Parameter, Sql, sql};

/// For how long the mark of one who was killed is kept: whoever does not reach the server for
/// so long takes what had no answer for not committed.
const KEPT: &str = "30 days";

/// The mark of the transaction that a session is making.
pub(super) struct Mark {
    session: Uuid,
    batch: i64,
}

impl Mark {
    /// For a session that has written nothing.
    pub(super) fn new() -> Self {
        Self {
            session: Uuid::now_v7(),
            batch: 0,
        }
    }

    /// Goes on to the next transaction.
    pub(super) fn advance(&mut self) {
        self.batch += 1;
    }

    /// A statement that leaves the mark; it fails once the session [was asked
    /// about](Self::was_committed), however late the server comes to it.
    pub(super) fn statement(&self) -> String {
        format!(
            "INSERT INTO hostledger_commit AS r (session, batch, marked_at)
             VALUES ('{}', {}, now()) ON CONFLICT (session) DO UPDATE
             SET batch = CASE WHEN r.closed THEN NULL ELSE EXCLUDED.batch END,
                 marked_at = EXCLUDED.marked_at;",
            self.session, self.batch
        )
    }

    /// Whether the transaction was committed. If it was not it never will be: it is waited for
    /// where it has left its mark already, and can leave none after this.
    pub(super) fn was_committed(&self, connection: &mut Session) -> QueryResult<bool> {
        let query: Sql<Bool> = sql(
            "INSERT INTO hostledger_commit AS r (session, batch, closed, marked_at)
             VALUES (?::uuid, 0, true, now()) ON CONFLICT (session) DO UPDATE SET closed = true
             RETURNING batch = ?",
            vec![
                Parameter::text(&self.session.to_string()),
                Parameter::Integer(self.batch),
            ],
        );
        query.get_result(connection)
    }

    /// Takes the mark away as nothing is to be asked any more, and those of the killed.
    pub(super) fn clear(&self, connection: &mut Session) -> QueryResult<()> {
        if self.batch == 0 {
            return Ok(());
        }
        connection.batch_execute(&format!(
            "SET synchronous_commit = off;
             DELETE FROM hostledger_commit
             WHERE session = '{}' OR marked_at < now() - interval '{KEPT}'",
            self.session
        ))
    }
}
