//! Uses that are counted in the database itself, so that no count is lost between writers.
//!
//! Everybody who works on a machine counts in the same row, and whoever has counted there holds up
//! the others until the end of the transaction. So uses are counted in the breath in which the
//! server is told to commit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use diesel::QueryResult;
use diesel::connection::SimpleConnection;

use crate::change::Used;
use crate::postgres::session::Session;

/// Uses that went well, and those that failed; in the order of their ids, so that no two writers
/// wait for each other.
#[derive(Debug, Default, PartialEq)]
pub(in crate::postgres) struct Counts(BTreeMap<Used, (i64, i64)>);

impl Counts {
    pub(super) fn count(&mut self, used: Used, succeeded: bool) {
        let (well, badly) = self.0.entry(used).or_default();
        *(if succeeded { well } else { badly }) += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, more: Self) {
        for (used, (well, badly)) in more.0 {
            let sum = self.0.entry(used).or_default();
            *sum = (sum.0 + well, sum.1 + badly);
        }
    }

    /// Counts at once.
    pub(in crate::postgres) fn write(&mut self, connection: &mut Session) -> QueryResult<()> {
        match std::mem::take(self) {
            nothing if nothing.is_empty() => Ok(()),
            counts => connection.batch_execute(&counts.statements()),
        }
    }

    /// Statements that count, each with its semicolon. There is nothing in them but ids and
    /// numbers.
    ///
    /// The time of modification stays: it says when the thing was last looked at.
    pub(in crate::postgres) fn statements(&self) -> String {
        let mut text = String::new();
        for (table, id_of) in TABLES {
            let of_table = self
                .0
                .iter()
                .filter_map(|(used, it)| Some((id_of(used)?, it)));
            let rows: Vec<_> = of_table
                .map(|(id, (well, badly))| format!("('{id}'::uuid, {well}, {badly})"))
                .collect();
            if !rows.is_empty() {
                // Writing to a text does not fail.
                let _ = write!(
                    text,
                    "UPDATE {table} r SET num_uses_succeeded = num_uses_succeeded + u.well,
                         num_uses_failed = num_uses_failed + u.badly
                     FROM (VALUES {}) AS u (id, well, badly) WHERE r.id = u.id; ",
                    rows.join(", ")
                );
            }
        }
        text
    }
}

type IdOf = fn(&Used) -> Option<String>;

const TABLES: [(&str, IdOf); 3] = [
    ("machine_machine", |used| match used {
        Used::Machine(id) => Some(id.simple()),
        _ => None,
    }),
    ("machine_networkinterface", |used| match used {
        Used::Interface(id) => Some(id.simple()),
        _ => None,
    }),
    ("machine_binary", |used| match used {
        Used::Binary(id) => Some(id.simple()),
        _ => None,
    }),
];
