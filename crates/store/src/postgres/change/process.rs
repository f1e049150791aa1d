//! Steps in the lives of processes: one guarded statement for all that take the same one.

use diesel::QueryResult;
use diesel::sql_types::BigInt;
use hostledger_model::{
    BinaryId, OwnerId, ProcessChange, ProcessId, Started, StopRequest, Timestamp,
};

use super::end;
use super::plan::Item;
use crate::change::Change;
use crate::postgres::session::Session;
use crate::postgres::sql::{Parameter, Sql, sql};
use crate::table::{IdentityRow, encoding};

/// A step of one process.
pub(super) struct Step<'c> {
    pub(super) number: usize,
    pub(super) id: ProcessId,
    pub(super) owner: Option<OwnerId>,
    pub(super) now: Timestamp,
    pub(super) change: &'c ProcessChange,
}

/// Makes changes of one kind, each where the row allows it and belongs to the owner: the
/// numbers of those that were made.
pub(super) fn change(connection: &mut Session, items: &[Item<'_>]) -> QueryResult<Vec<usize>> {
    let steps: Vec<Step<'_>> = items
        .iter()
        .filter_map(|item| match item.change {
            Change::ChangeProcess { id, change, owner } => Some(Step {
                number: item.number,
                id: *id,
                owner: *owner,
                now: item.now,
                change,
            }),
            _ => None,
        })
        .collect();
    let Some(first) = steps.first() else {
        return Ok(Vec::new());
    };
    let (text, parameters) = match first.change {
        ProcessChange::Claimed { .. } => claimed(&steps),
        ProcessChange::Deferred { .. } => deferred(&steps),
        ProcessChange::Started(_) => started(&steps),
        ProcessChange::Uses { .. } => uses(&steps),
        ProcessChange::StopRequested(_) => stop_requested(&steps),
        ProcessChange::Detached => (DETACHED.to_owned(), Vec::new()),
        ProcessChange::Ended(_) => end::ended(&steps),
        ProcessChange::Requeued(_) => end::requeued(&steps),
    };
    let mut all = vec![
        Parameter::Integers(
            steps
                .iter()
                .map(|it| i64::try_from(it.number).ok())
                .collect(),
        ),
        Parameter::texts(steps.iter().map(|it| Some(it.id.simple()))),
        Parameter::texts(steps.iter().map(|it| it.owner.map(OwnerId::simple))),
        Parameter::texts(steps.iter().map(|it| Some(encoding::time(it.now)))),
    ];
    all.extend(parameters);
    let query: Sql<BigInt> = sql(text, all);
    let made: Vec<i64> = query.load(connection)?;
    Ok(made
        .into_iter()
        .filter_map(|it| usize::try_from(it).ok())
        .collect())
}

/// What every statement is given of each step: its number, the process, who must own it, and
/// the time. `unnest` makes rows of several arrays.
macro_rules! steps {
    () => {
        "unnest(?, ?::uuid[], ?::uuid[], ?::timestamptz[]"
    };
}
pub(super) use steps;

/// Whether the row belongs to who says so; nobody leaves the owner out of it.
macro_rules! is_owner {
    () => {
        "(u.owner IS NULL OR r.owner = u.owner)"
    };
}
pub(super) use is_owner;

/// Whether the row is queued, said so that no index of queued rows is taken for it: the row is
/// found by its key. Where the server has not counted the rows of a table yet, it would rather read
/// the whole queue for each of them.
macro_rules! is_queued {
    () => {
        "CASE r.status WHEN 'queued' THEN true ELSE false END"
    };
}

/// One text for each step, of those steps that have it.
pub(super) fn texts<'s, 'c, T: AsRef<str>>(
    steps: &'s [Step<'c>],
    text: impl Fn(&'s Step<'c>) -> Option<T>,
) -> Parameter {
    Parameter::texts(steps.iter().map(text))
}

/// One number for each step.
pub(super) fn integers<'s, 'c>(
    steps: &'s [Step<'c>],
    number: impl Fn(&'s Step<'c>) -> Option<i64>,
) -> Parameter {
    Parameter::Integers(steps.iter().map(number).collect())
}

fn claimed(steps: &[Step<'_>]) -> (String, Vec<Parameter>) {
    let text = concat!(
        "UPDATE machine_process r SET owner = u.claimer, retry_at = u.lease, modified_at = u.now
         FROM ",
        steps!(),
        ", ?::uuid[], ?::timestamptz[]) AS u (number, id, owner, now, claimer, lease)
         WHERE r.id = u.id AND ",
        is_queued!(),
        " AND r.retry_at <= u.now
         RETURNING u.number"
    );
    let claims = |step: &Step<'_>| match step.change {
        ProcessChange::Claimed { owner, lease_until } => Some((*owner, *lease_until)),
        _ => None,
    };
    let parameters = vec![
        texts(steps, |it| claims(it).map(|(owner, _)| owner.simple())),
        texts(steps, |it| {
            claims(it).map(|(_, lease)| encoding::time(lease))
        }),
    ];
    (text.to_owned(), parameters)
}

fn deferred(steps: &[Step<'_>]) -> (String, Vec<Parameter>) {
    let text = concat!(
        "UPDATE machine_process r SET owner = NULL, retry_at = u.retry_at, modified_at = u.now
         FROM ",
        steps!(),
        ", ?::timestamptz[]) AS u (number, id, owner, now, retry_at)
         WHERE r.id = u.id AND ",
        is_queued!(),
        " AND ",
        is_owner!(),
        " RETURNING u.number"
    );
    let due = |step: &Step<'_>| match step.change {
        ProcessChange::Deferred { retry_at } => Some(encoding::time(*retry_at)),
        _ => None,
    };
    (text.to_owned(), vec![texts(steps, due)])
}

fn started(steps: &[Step<'_>]) -> (String, Vec<Parameter>) {
    let text = concat!(
        "UPDATE machine_process r SET status = 'running', pid = u.pid, boot_id = u.boot_id,
             pid_namespace = u.pid_namespace, start_ticks = u.start_ticks,
             pidfd_inode = u.pidfd_inode, started_at = u.started_at, log = u.log,
             ended_at = NULL, exit_code = NULL, outcome = NULL, stdout = '', stderr = '',
             stdout_bytes = NULL, stderr_bytes = NULL, cpu_user_us = NULL, cpu_system_us = NULL,
             max_rss_kib = NULL, block_inputs = NULL, block_outputs = NULL,
             voluntary_switches = NULL, involuntary_switches = NULL, stdout_dropped = NULL,
             stderr_dropped = NULL, retry_at = u.lease, modified_at = u.now
         FROM ",
        steps!(),
        ", ?, ?, ?, ?, ?, ?::timestamptz[], ?, ?::timestamptz[], ?)
             AS u (number, id, owner, now, pid, boot_id, pid_namespace, start_ticks,
                   pidfd_inode, started_at, log, lease, knows_stop)
         WHERE r.id = u.id AND ",
        is_queued!(),
        " AND ",
        is_owner!(),
        " AND (u.knows_stop OR r.stop_at IS NULL) RETURNING u.number"
    );
    fn start<'c>(step: &Step<'c>) -> Option<&'c Started> {
        match step.change {
            ProcessChange::Started(started) => Some(started),
            _ => None,
        }
    }
    let identity = |step: &Step<'_>| start(step).map(|it| IdentityRow::from(&it.identity));
    let parameters = vec![
        integers(steps, |it| start(it).map(|it| it.identity.pid.get().into())),
        texts(steps, |it| start(it).map(|it| &it.identity.boot_id.0)),
        integers(steps, |it| identity(it)?.pid_namespace),
        integers(steps, |it| identity(it)?.start_ticks),
        integers(steps, |it| identity(it)?.pidfd_inode),
        texts(steps, |it| {
            start(it).map(|it| encoding::time(it.started_at))
        }),
        texts(steps, |it| start(it).map(|it| it.log.to_text())),
        texts(steps, |it| {
            start(it).map(|it| encoding::time(it.lease_until))
        }),
        Parameter::Booleans(
            steps
                .iter()
                .map(|it| start(it).is_some_and(|it| it.knows_stop))
                .collect(),
        ),
    ];
    (text.to_owned(), parameters)
}

fn uses(steps: &[Step<'_>]) -> (String, Vec<Parameter>) {
    let text = concat!(
        "UPDATE machine_process r SET binary_id = u.used, modified_at = u.now
         FROM ",
        steps!(),
        ", ?::uuid[]) AS u (number, id, owner, now, used)
         WHERE r.id = u.id AND ",
        is_queued!(),
        " AND ",
        is_owner!(),
        " RETURNING u.number"
    );
    let used = |step: &Step<'_>| match step.change {
        ProcessChange::Uses { binary } => binary.map(BinaryId::simple),
        _ => None,
    };
    (text.to_owned(), vec![texts(steps, used)])
}

fn stop_requested(steps: &[Step<'_>]) -> (String, Vec<Parameter>) {
    let text = concat!(
        "UPDATE machine_process r SET stop_at = u.stop_at, stop_by = u.stop_by,
             stop_signal = u.stop_signal, modified_at = u.now
         FROM ",
        steps!(),
        ", ?::timestamptz[], ?, ?) AS u (number, id, owner, now, stop_at, stop_by, stop_signal)
         WHERE r.id = u.id AND r.status <> 'exited' AND r.stop_at IS NULL
         RETURNING u.number"
    );
    fn stop<'c>(step: &Step<'c>) -> Option<&'c StopRequest> {
        match step.change {
            ProcessChange::StopRequested(stop) => Some(stop),
            _ => None,
        }
    }
    let parameters = vec![
        texts(steps, |it| stop(it).map(|it| encoding::time(it.at))),
        texts(steps, |it| stop(it).map(|it| &it.by)),
        integers(steps, |it| stop(it).map(|it| it.signal.into())),
    ];
    (text.to_owned(), parameters)
}

const DETACHED: &str = concat!(
    "UPDATE machine_process r SET detached = true, modified_at = u.now FROM ",
    steps!(),
    ") AS u (number, id, owner, now)
     WHERE r.id = u.id AND CASE r.status WHEN 'running' THEN true ELSE false END AND ",
    is_owner!(),
    " RETURNING u.number"
);
