//! Who started whom, by ids alone.

use std::collections::HashSet;

use diesel::{QueryResult, Queryable};
use hostledger_model::{ProcessId, ProcessStatus};

/// The line of parents, the nearest first: one look by primary key for each. `parent_of` says
/// what stands there as the parent of a process that is there.
pub(crate) fn ancestors(
    of: ProcessId,
    mut parent_of: impl FnMut(&str) -> QueryResult<Option<Option<String>>>,
) -> QueryResult<Vec<String>> {
    let mut seen = HashSet::new();
    let mut line = Vec::new();
    let mut next = Some(of.simple());
    while let Some(id) = next.take().filter(|id| !seen.contains(id)) {
        // One that is named but not there is nobody's parent.
        let Some(parent) = parent_of(&id)? else { break };
        seen.insert(id.clone());
        line.push(id);
        next = parent;
    }
    line.drain(..line.len().min(1));
    Ok(line)
}

/// What is asked of a child.
#[derive(Queryable)]
pub(crate) struct Child {
    id: String,
    created_at: String,
    status: String,
}

/// Those below, level by level, each with its distance: one query for each level.
pub(crate) fn descendants(
    of: ProcessId,
    status: Option<ProcessStatus>,
    mut children_of: impl FnMut(&[String]) -> QueryResult<Vec<Child>>,
) -> QueryResult<Vec<(String, usize)>> {
    let fits = |it: &str| status.is_none_or(|status| status.as_str() == it);
    let mut seen = HashSet::from([of.simple()]);
    let mut found = Vec::new();
    let mut level = vec![of.simple()];
    for depth in 1.. {
        let mut children = children_of(&level)?;
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
}
