//! Taking processes on, and who has taken on what.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::Text;
use hostledger_model::{MachineId, OwnerId, Process, ProcessChange, ProcessStatus, Timestamp};

use super::read::{Columns, oldest_first_sorted};
use crate::claim::{Claim, Claimed, Claims};
use crate::sqlite::any_of::any_of;
use crate::sqlite::binary;
use crate::sqlite::encoding;
use crate::sqlite::limited::limited;
use crate::sqlite::literal::{literal, status};
use crate::sqlite::row::{Read, columns};
use crate::sqlite::schema::process;
use crate::sqlite::update::update;
use crate::table::ProcessRow;

/// Takes on what is due; inside a transaction that has the write lock.
pub(in crate::sqlite) fn claim(
    connection: &mut SqliteConnection,
    claim: &Claim,
) -> QueryResult<Claims> {
    let mut claims = Claims::default();
    let mut leases: BTreeMap<Timestamp, Vec<String>> = BTreeMap::new();
    let mut unreadable = Vec::new();
    for row in due(connection, claim)? {
        let id = row.key().id;
        match row.record() {
            Ok(mut process) => {
                let lease_until = claim.lease.end(process.timeout_ms, claim.now);
                let due_at = take_on(&mut process, claim, lease_until);
                claims.claimed.push(Claimed { process, due_at });
                leases.entry(lease_until).or_default().push(id);
            }
            Err(row) => {
                claims.corrupt.push(row);
                unreadable.push(id);
            }
        }
    }
    let modified = || process::modified_at.eq(encoding::time(claim.now));
    for (lease_until, ids) in leases {
        let set = (
            process::owner.eq(claim.owner.simple()),
            process::retry_at.eq(encoding::time(lease_until)),
            modified(),
        );
        update(&process::table, any_of(process::id, &ids), set).execute(connection)?;
    }
    if !unreadable.is_empty() {
        let put_off = process::retry_at.eq(encoding::time(claim.lease.end(None, claim.now)));
        let these = any_of(process::id, &unreadable);
        update(&process::table, these, (put_off, modified())).execute(connection)?;
    }
    claims.next_due = next_due(connection, claim)?;
    claims.binaries = binary::mark(connection, claim.machine)?;
    Ok(claims)
}

/// The `retry_at` it had.
fn take_on(process: &mut Process, claim: &Claim, lease_until: Timestamp) -> Timestamp {
    let due_at = process.retry_at.unwrap_or(claim.now);
    let claimed = ProcessChange::Claimed {
        owner: claim.owner,
        lease_until,
    };
    claimed.apply(process, claim.now);
    due_at
}

fn due(connection: &mut SqliteConnection, claim: &Claim) -> QueryResult<Vec<Read<ProcessRow>>> {
    let all = process::table
        .filter(process::status.eq(status(ProcessStatus::Queued)))
        .filter(process::machine_id.eq(claim.machine.simple()))
        .filter(process::retry_at.le(encoding::time(claim.now)))
        .order((process::retry_at, process::created_at, process::id))
        .select(columns::<ProcessRow>());
    limited(all, claim.limit).load(connection)
}

/// When the next one is due of those that the claimer does not have, or not any more: the lease is
/// over.
fn next_due(connection: &mut SqliteConnection, claim: &Claim) -> QueryResult<Option<Timestamp>> {
    let all = process::table
        .filter(process::status.eq(status(ProcessStatus::Queued)))
        .filter(process::machine_id.eq(claim.machine.simple()))
        .filter(process::retry_at.is_not_null())
        .filter(
            process::owner
                .is_not(claim.owner.simple())
                .or(process::retry_at.le(encoding::time(claim.now))),
        )
        .order((process::retry_at, process::created_at, process::id))
        .select(process::retry_at);
    let next: Vec<Option<String>> = limited(all, 1).load(connection)?;
    let next = next.into_iter().flatten().next();
    Ok(next.and_then(|at| due_by_text(&at)))
}

/// When a time is due by the order of texts: one in another program's form, with a `T`, when its
/// day is over; one that makes no sense, and comes after all others, never.
fn due_by_text(at: &str) -> Option<Timestamp> {
    let time = encoding::read_time(at).ok()?;
    if encoding::time(time).as_str() >= at {
        return Some(time);
    }
    let midnight = encoding::read_time(&format!("{} 00:00:00", at.get(..10)?)).ok()?;
    Some(midnight.saturating_add(TimeDelta::days(1)))
}

/// Everybody who has taken something on that has not ended.
pub(in crate::sqlite) fn owners(
    connection: &mut SqliteConnection,
    machine: MachineId,
) -> QueryResult<Vec<String>> {
    let owners: Vec<Option<String>> = process::table
        .filter(process::machine_id.eq(machine.simple()))
        .filter(process::owner.is_not_null())
        .filter(process::status.ne(status(ProcessStatus::Exited)))
        .select(process::owner)
        .distinct()
        .load(connection)?;
    Ok(owners.into_iter().flatten().collect())
}

/// What an owner has taken on and not ended.
pub(in crate::sqlite) fn owned(
    connection: &mut SqliteConnection,
    machine: MachineId,
    owner: OwnerId,
) -> QueryResult<Vec<Read<ProcessRow>>> {
    let query = process::table
        .filter(process::machine_id.eq(machine.simple()))
        .filter(process::owner.eq(owner.simple()))
        // The `+` keeps SQLite from the indexes of what waits, which may be much.
        .filter(literal::<Text>("+status").ne(status(ProcessStatus::Exited)))
        .into_boxed();
    Columns::All.load(connection, oldest_first_sorted(query))
}
