//! Who started whom, by ids alone.

use std::collections::HashSet;

use diesel::prelude::*;
use hostledger_model::{ProcessId, ProcessStatus};

use super::read::IDS;
use crate::sqlite::schema::process;

/// The line of parents, the nearest first: one look by primary key for each.
pub(in crate::sqlite) fn ancestors(
    connection: &mut SqliteConnection,
    of: ProcessId,
) -> QueryResult<Vec<String>> {
    connection.transaction(|connection| {
        let mut seen = HashSet::new();
        let mut line = Vec::new();
        let mut next = Some(of.simple());
        while let Some(id) = next.take().filter(|id| !seen.contains(id)) {
            let parent: Option<Option<String>> = process::table
                .find(&id)
                .select(process::parent_id)
                .first(connection)
                .optional()?;
            // One that is named but not there is nobody's parent.
            let Some(parent) = parent else { break };
            seen.insert(id.clone());
            line.push(id);
            next = parent;
        }
        line.drain(..line.len().min(1));
        Ok(line)
    })
}

/// Those below, level by level, each with its distance: one query for each level.
pub(in crate::sqlite) fn descendants(
    connection: &mut SqliteConnection,
    of: ProcessId,
    status: Option<ProcessStatus>,
) -> QueryResult<Vec<(String, usize)>> {
    let fits = |it: &str| status.is_none_or(|status| status.as_str() == it);
    connection.transaction(|connection| {
        let mut seen = HashSet::from([of.simple()]);
        let mut found = Vec::new();
        let mut level = vec![of.simple()];
        for depth in 1.. {
            let mut children = children_of(connection, &level)?;
            children.retain(|child| seen.insert(child.id.clone()));
            if children.is_empty() {
                break;
            }
            children.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
            level = children.iter().map(|child| child.id.clone()).collect();
            let fitting = children.into_iter().filter(|child| fits(&child.status));
            found.extend(fitting.map(|child| (child.id, depth)));
        }
        Ok(found)
    })
}

#[derive(Queryable)]
struct Child {
    id: String,
    created_at: String,
    status: String,
}

fn children_of(connection: &mut SqliteConnection, parents: &[String]) -> QueryResult<Vec<Child>> {
    let mut children = Vec::new();
    for parents in parents.chunks(IDS) {
        children.extend(
            process::table
                .filter(process::parent_id.eq_any(parents))
                .select((process::id, process::created_at, process::status))
                .load(connection)?,
        );
    }
    Ok(children)
}
