//! Who started whom.

use diesel::prelude::*;
use hostledger_model::{ProcessId, ProcessStatus};

use super::read::IDS;
use crate::hierarchy::{self, Child};
use crate::sqlite::schema::process;

/// The line of parents, the nearest first.
pub(in crate::sqlite) fn ancestors(
    connection: &mut SqliteConnection,
    of: ProcessId,
) -> QueryResult<Vec<String>> {
    connection.transaction(|connection| {
        hierarchy::ancestors(of, |id| {
            process::table
                .find(id)
                .select(process::parent_id)
                .first(connection)
                .optional()
        })
    })
}

/// Those below, level by level, each with its distance.
pub(in crate::sqlite) fn descendants(
    connection: &mut SqliteConnection,
    of: ProcessId,
    status: Option<ProcessStatus>,
) -> QueryResult<Vec<(String, usize)>> {
    connection.transaction(|connection| {
        hierarchy::descendants(of, status, |parents| children_of(connection, parents))
    })
}

fn children_of(connection: &mut SqliteConnection, parents: &[String]) -> QueryResult<Vec<Child>> {
    let mut children = Vec::new();
    for parents in parents.chunks(IDS) {
        children.extend(
            process::table
                .filter(process::parent_id.eq_any(parents))
                .select((process::id, process::created_at, process::status))
                .load::<Child>(connection)?,
        );
    }
    Ok(children)
}
