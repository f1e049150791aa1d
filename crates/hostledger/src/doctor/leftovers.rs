//! What those who were killed have left behind.

use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use hostledger_engine::{Bystander, Owner, Standing};
use hostledger_keeper::Table;
use hostledger_model::{Process, Timestamp};
use hostledger_process::Verdict;
use hostledger_store::ProcessFilter;

use super::{Check, unusable};
use crate::{DataDir, Ledger, LedgerError};

pub(super) const CLEANUP: &str =
    "hostledger cleanup settles them; with --no-kill nothing is stopped";

/// A process that runs for this much longer than it may is overlooked by its supervisor.
const OVERDUE: TimeDelta = TimeDelta::seconds(30);

pub(super) fn checks(ledger: &Ledger, data_dir: &DataDir) -> [Check; 2] {
    let rows = stale(ledger).unwrap_or_else(|error| unusable("rows", &error));
    [tables(data_dir), rows]
}

/// The tables of keepers; opening the ledger has taken over what could be.
fn tables(data_dir: &DataDir) -> Check {
    const NAME: &str = "keepers";
    let files = fs::read_dir(data_dir.keepers()).into_iter().flatten();
    // What is no table, or is gone meanwhile, holds nothing.
    let tables = files
        .flatten()
        .filter_map(|file| Table::open(&file.path()).ok());
    let (mut alive, mut left) = (0, 0);
    for table in tables {
        if table.keeper_is_alive().unwrap_or(true) {
            alive += 1;
        } else if !is_alive(&data_dir.owners(), table.owner()) {
            left += 1;
        }
    }
    if left == 0 {
        return Check::good(NAME, format!("{alive} at work, none left behind"));
    }
    Check::reduced(
        NAME,
        format!("{alive} at work, {left} left behind by those that were killed"),
        CLEANUP,
    )
}

/// The rows that say of processes what is not so.
fn stale(ledger: &Ledger) -> Result<Check, LedgerError> {
    const NAME: &str = "rows";
    let rows = ledger.processes(&ProcessFilter {
        machine_id: Some(ledger.current_machine()?.id),
        ..ProcessFilter::running()
    })?;
    let (bystander, now) = (ledger.bystander()?, Timestamp::now());
    let (mut gone, mut overdue) = (0, 0);
    for process in &rows.records {
        gone += usize::from(is_gone(process, &bystander)?);
        overdue += usize::from(is_overdue(process, now));
    }
    let running = rows.records.len();
    if gone + overdue == 0 {
        return Ok(Check::good(NAME, format!("{running} running, as recorded")));
    }
    let found = format!(
        "{running} recorded as running, of which {gone} are gone and {overdue} have run for too \
         long"
    );
    Ok(Check::reduced(NAME, found, CLEANUP))
}

/// Whether it has ended and nobody is there any more to write that down.
fn is_gone(process: &Process, bystander: &Bystander) -> Result<bool, LedgerError> {
    let Some(identity) = &process.identity else {
        return Ok(false);
    };
    let gone = matches!(
        bystander.space.verify(identity)?,
        Verdict::Gone | Verdict::Zombie(_) | Verdict::OtherBoot
    );
    let Some(owner) = process.owner.filter(|_| gone) else {
        return Ok(gone);
    };
    // One of whom nothing can be learnt is left in peace.
    let standing = bystander.standing(owner).unwrap_or(Standing::Unknown);
    Ok(standing == Standing::Dead)
}

fn is_overdue(process: &Process, now: Timestamp) -> bool {
    let limit = process.timeout_ms.and_then(|millis| {
        TimeDelta::try_milliseconds(i64::try_from(millis).ok()?)?.checked_add(&OVERDUE)
    });
    match (limit, process.started_at) {
        (Some(limit), Some(started_at)) => started_at.saturating_add(limit) < now,
        _ => false,
    }
}

/// One of whom nothing can be learnt is left in peace.
fn is_alive(owners: &Path, owner: hostledger_model::OwnerId) -> bool {
    Owner::is_alive(owners, owner).unwrap_or(true)
}
