//! What a dead keeper leaves behind.

use std::error::Error;
use std::path::Path;

use hostledger_keeper::Table;
use hostledger_process::Hierarchy;

/// Removes what a keeper has left, when all of it is written down. The table stays as long as
/// somebody is left in one of its cgroups: it tells where they are.
pub(crate) fn forget(table: &Table) {
    let pool = table.cgroup();
    forget_pool(pool.as_deref());
    if pool.is_some_and(|pool| pool.exists()) {
        return;
    }
    if let Err(error) = table.remove() {
        let error = &error as &dyn Error;
        tracing::debug!(path = %table.path().display(), error, "the table of a keeper stays");
    }
}

/// Removes a pool of cgroups that nobody uses any more.
pub(crate) fn forget_pool(pool: Option<&Path>) {
    if let Some(pool) = pool
        && let Err(error) = Hierarchy::remove_pool(pool)
    {
        tracing::debug!(path = %pool.display(), %error, "a cgroup stays");
    }
}
