//! Ends, for good or to be tried again.

use std::fmt::Write as _;

use hostledger_model::{Ended, OwnerId, ProcessChange};

use super::process::{Step, integers, is_owner, steps, texts};
use crate::postgres::sql::Parameter;
use crate::table::{UsageRow, encoding};

/// The columns that tell how an attempt ended, with the types of their arrays.
const COLUMNS: &[(&str, &str)] = &[
    ("ended_at", "::timestamptz[]"),
    ("exit_code", ""),
    ("outcome", ""),
    ("stdout", ""),
    ("stderr", ""),
    ("stdout_bytes", ""),
    ("stderr_bytes", ""),
    ("cpu_user_us", ""),
    ("cpu_system_us", ""),
    ("max_rss_kib", ""),
    ("block_inputs", ""),
    ("block_outputs", ""),
    ("voluntary_switches", ""),
    ("involuntary_switches", ""),
    ("stdout_dropped", ""),
    ("stderr_dropped", ""),
];

/// The columns that tell how an attempt started.
const START: &[&str] = &[
    "pid",
    "boot_id",
    "pid_namespace",
    "start_ticks",
    "pidfd_inode",
    "started_at",
    "log",
];

/// Where a row must be in its life to end with an outcome, and who may say so: its owner, anybody
/// where there is none, and for an end by itself only who knew of every request to stop it. One
/// that was lost and is queued may have been started by its owner, who did not come to write
/// that down.
const MAY_END: &str = concat!(
    "(",
    is_owner!(),
    " OR r.owner IS NULL) AND (NOT u.by_itself OR r.stop_at IS NULL)
     AND CASE WHEN u.before_start THEN r.status = 'queued'
              WHEN u.outcome = 'lost'
                  THEN r.status = 'running' OR r.status = 'queued' AND r.owner IS NOT NULL
              ELSE r.status = 'running' END"
);

/// When no start of this attempt is known: what a queued row says of one is an earlier attempt's.
const NEVER_STARTED: &str = "(u.before_start OR r.status = 'queued')";

pub(super) fn ended(steps: &[Step<'_>]) -> (String, Vec<Parameter>) {
    let text = format!(
        "UPDATE machine_process r SET status = 'exited', retry_at = NULL, owner = NULL,
             modified_at = u.now{end}{start}
         FROM {rows} WHERE r.id = u.id AND {MAY_END} RETURNING u.number",
        end = assignments(),
        start = start_after(),
        rows = rows(&[]),
    );
    (text, parameters(steps))
}

pub(super) fn requeued(steps: &[Step<'_>]) -> (String, Vec<Parameter>) {
    let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let of_u: Vec<_> = names.iter().map(|name| format!("u.{name}")).collect();
    let names = names.join(", ");
    // The history is made from the row as it is; its identity is whole or not there.
    let text = format!(
        "WITH u AS MATERIALIZED (SELECT * FROM {rows}),
         r AS MATERIALIZED (
             SELECT r.*, u.number AS step, {NEVER_STARTED} AS never_started
             FROM machine_process r JOIN u ON r.id = u.id WHERE {MAY_END} FOR UPDATE OF r),
         history AS (
             INSERT INTO hostledger_attempt (process_id, number, pid, boot_id, pid_namespace,
                 start_ticks, pidfd_inode, started_at, log, {names})
             SELECT r.id, r.attempt,
                 CASE WHEN NOT r.never_started AND r.boot_id IS NOT NULL THEN r.pid END,
                 CASE WHEN NOT r.never_started THEN r.boot_id END,
                 CASE WHEN NOT r.never_started THEN r.pid_namespace END,
                 CASE WHEN NOT r.never_started THEN r.start_ticks END,
                 CASE WHEN NOT r.never_started THEN r.pidfd_inode END,
                 CASE WHEN NOT r.never_started THEN r.started_at END,
                 CASE WHEN NOT r.never_started THEN r.log END, {of_u}
             FROM r JOIN u ON r.step = u.number)
         UPDATE machine_process p SET status = 'queued', retry_at = u.retry_at, owner = u.keeper,
             attempt = r.attempt + 1, stop_at = NULL, stop_by = NULL, stop_signal = NULL,
             modified_at = u.now{end}{start}
         FROM r JOIN u ON r.step = u.number WHERE p.id = r.id RETURNING u.number",
        rows = rows(&[("retry_at", "::timestamptz[]"), ("keeper", "::uuid[]")]),
        of_u = of_u.join(", "),
        end = assignments(),
        start = START.iter().fold(String::new(), |mut text, name| {
            // Writing to a text does not fail.
            let _ = write!(
                text,
                ", {name} = CASE WHEN NOT r.never_started THEN r.{name} END"
            );
            text
        }),
    );
    let due = |step: &Step<'_>| match step.change {
        ProcessChange::Requeued(requeued) => Some(encoding::time(requeued.retry_at)),
        _ => None,
    };
    let mut parameters = parameters(steps);
    parameters.push(texts(steps, due));
    parameters.push(texts(steps, |step| match step.change {
        ProcessChange::Requeued(requeued) => requeued.owner.map(OwnerId::simple),
        _ => None,
    }));
    (text, parameters)
}

/// The steps as rows called `u`, those of [`parameters`] and more of these names and types.
fn rows(more: &[(&str, &str)]) -> String {
    let mut arrays = String::new();
    let mut names = String::new();
    for (name, array) in COLUMNS {
        // Writing to a text does not fail.
        let _ = write!(arrays, ", ?{array}");
        let _ = write!(names, ", {name}");
    }
    let (mut last, mut last_names) = (String::new(), String::new());
    for (name, array) in more {
        let _ = write!(last, ", ?{array}");
        let _ = write!(last_names, ", {name}");
    }
    format!(
        "{}{arrays}, ?, ?{last}) AS u (number, id, owner, now{names}, by_itself, before_start\
         {last_names})",
        steps!()
    )
}

fn assignments() -> String {
    COLUMNS.iter().fold(String::new(), |mut text, (name, _)| {
        let _ = write!(text, ", {name} = u.{name}");
        text
    })
}

/// What an end does to the columns of the start: one that never was leaves none behind.
fn start_after() -> String {
    START.iter().fold(String::new(), |mut text, name| {
        let _ = write!(
            text,
            ", {name} = CASE WHEN NOT {NEVER_STARTED} THEN r.{name} END"
        );
        text
    })
}

fn end<'c>(step: &Step<'c>) -> Option<&'c Ended> {
    match step.change {
        ProcessChange::Ended(ended) => Some(ended),
        ProcessChange::Requeued(requeued) => Some(&requeued.ended),
        _ => None,
    }
}

/// In the order of [`rows`].
fn parameters(steps: &[Step<'_>]) -> Vec<Parameter> {
    let bits = |number: Option<u64>| number.map(encoding::bits);
    let usage = |step: &Step<'_>| end(step)?.usage.as_ref().map(UsageRow::from);
    let flags = |flag: fn(&Ended) -> bool| {
        Parameter::Booleans(steps.iter().map(|it| end(it).is_some_and(flag)).collect())
    };
    vec![
        texts(steps, |it| end(it).map(|it| encoding::time(it.ended_at))),
        integers(steps, |it| end(it)?.exit_code.map(i64::from)),
        texts(steps, |it| end(it).map(|it| it.outcome.as_str())),
        texts(steps, |it| end(it).map(|it| &it.stdout)),
        texts(steps, |it| end(it).map(|it| &it.stderr)),
        integers(steps, |it| bits(end(it)?.stdout_bytes)),
        integers(steps, |it| bits(end(it)?.stderr_bytes)),
        integers(steps, |it| usage(it)?.cpu_user_us),
        integers(steps, |it| usage(it)?.cpu_system_us),
        integers(steps, |it| usage(it)?.max_rss_kib),
        integers(steps, |it| usage(it)?.block_inputs),
        integers(steps, |it| usage(it)?.block_outputs),
        integers(steps, |it| usage(it)?.voluntary_switches),
        integers(steps, |it| usage(it)?.involuntary_switches),
        integers(steps, |it| bits(end(it)?.stdout_dropped)),
        integers(steps, |it| bits(end(it)?.stderr_dropped)),
        flags(|it| it.outcome.is_by_itself()),
        flags(|it| it.outcome.is_before_start()),
    ]
}
