//! Steps in the life of a process row, each a guarded statement on its own fields.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use hostledger_model::{
    BinaryId, Ended, Outcome, OwnerId, ProcessChange, ProcessId, ProcessStatus, Requeued, Started,
    Timestamp,
};

use crate::sqlite::apply::Ran;
use crate::sqlite::attempt;
use crate::sqlite::encoding;
use crate::sqlite::failure::Failed;
use crate::sqlite::literal::{Literal, literal, status};
use crate::sqlite::schema::process;
use crate::sqlite::update::update;
use crate::table::{IdentityRow, UsageRow};

/// The columns that tell how an attempt ended.
#[derive(AsChangeset, Default)]
#[diesel(table_name = process, treat_none_as_null = true)]
struct EndedRow<'e> {
    ended_at: Option<String>,
    exit_code: Option<i64>,
    outcome: Option<&'static str>,
    stdout: &'e str,
    stderr: &'e str,
    stdout_bytes: Option<i64>,
    stderr_bytes: Option<i64>,
    #[diesel(embed)]
    usage: UsageRow,
    stdout_dropped: Option<i64>,
    stderr_dropped: Option<i64>,
}

impl<'e> From<&'e Ended> for EndedRow<'e> {
    fn from(ended: &'e Ended) -> Self {
        Self {
            ended_at: Some(encoding::time(ended.ended_at)),
            exit_code: ended.exit_code.map(i64::from),
            outcome: Some(ended.outcome.as_str()),
            stdout: &ended.stdout,
            stderr: &ended.stderr,
            stdout_bytes: ended.stdout_bytes.map(encoding::bits),
            stderr_bytes: ended.stderr_bytes.map(encoding::bits),
            usage: ended.usage.as_ref().map(Into::into).unwrap_or_default(),
            stdout_dropped: ended.stdout_dropped.map(encoding::bits),
            stderr_dropped: ended.stderr_dropped.map(encoding::bits),
        }
    }
}

/// The columns that tell how an attempt started.
#[derive(AsChangeset, Default)]
#[diesel(table_name = process, treat_none_as_null = true)]
struct StartRow {
    pid: Option<i64>,
    #[diesel(embed)]
    identity: IdentityRow,
    started_at: Option<String>,
    log: Option<String>,
}

impl From<&Started> for StartRow {
    fn from(started: &Started) -> Self {
        Self {
            pid: Some(started.identity.pid.get().into()),
            identity: (&started.identity).into(),
            started_at: Some(encoding::time(started.started_at)),
            log: Some(started.log.to_text()),
        }
    }
}

/// Where a row must be in its life to end with this outcome.
fn place_of_end(outcome: Outcome) -> Literal<Bool> {
    literal(match outcome {
        Outcome::Cancelled | Outcome::SpawnFailed => "status = 'queued'",
        // Its owner may have started it and not come to write that down.
        Outcome::Lost => "(status = 'running' OR status = 'queued' AND owner IS NOT NULL)",
        Outcome::Exited | Outcome::Signaled | Outcome::TimedOut | Outcome::Killed => {
            "status = 'running'"
        }
    })
}

/// What an end does to the columns of the start: one that never was leaves none behind.
fn start_after(ended: &Ended) -> Option<StartRow> {
    ended.outcome.is_before_start().then(StartRow::default)
}

/// Writes down in one statement that a process has started and ended, where the row allows both;
/// says whether it did.
pub(in crate::sqlite) fn ran(
    connection: &mut SqliteConnection,
    ran: &Ran<'_>,
    now: Timestamp,
) -> QueryResult<bool> {
    let Ran { started, ended, .. } = ran;
    let owner = ran.owner.map(OwnerId::simple);
    let owner = owner.as_deref();
    let anybody = owner.into_sql::<Nullable<Text>>().is_null();
    // Who says that it ended by itself must have known of every request to stop it.
    let known = started.knows_stop && !ended.outcome.is_by_itself();
    let may_run = process::id
        .eq(ran.id.simple())
        .and(process::status.eq(status(ProcessStatus::Queued)))
        .and(anybody.or(process::owner.eq(owner)))
        .and(known.into_sql::<Bool>().or(process::stop_at.is_null()));
    let set = (
        process::status.eq(status(ProcessStatus::Exited)),
        StartRow::from(*started),
        EndedRow::from(*ended),
        process::retry_at.eq(None::<&str>),
        process::owner.eq(None::<&str>),
        process::modified_at.eq(encoding::time(now)),
    );
    let rows = update(&process::table, may_run, set).execute(connection)?;
    Ok(rows > 0)
}

/// Makes a change where the row allows it and belongs to `owner`; says whether it did.
pub(in crate::sqlite) fn change(
    connection: &mut SqliteConnection,
    process_id: ProcessId,
    change: &ProcessChange,
    owner: Option<OwnerId>,
    now: Timestamp,
) -> Result<bool, Failed> {
    let id = process_id.simple();
    let now = encoding::time(now);
    let owner = owner.map(OwnerId::simple);
    let it = || process::id.eq(&id);
    let queued = || process::status.eq(status(ProcessStatus::Queued));
    let running = || process::status.eq(status(ProcessStatus::Running));
    let not_ended = || process::status.ne(status(ProcessStatus::Exited));
    let is_owner = || {
        let owner = owner.as_deref();
        let anybody = owner.into_sql::<Nullable<Text>>().is_null();
        anybody.or(process::owner.eq(owner))
    };
    // Who says that it ended by itself must have known of every request to stop it.
    let stop_is_known = |ended: &Ended| {
        let known = (!ended.outcome.is_by_itself()).into_sql::<Bool>();
        known.or(process::stop_at.is_null())
    };
    let may_end = |ended: &Ended| {
        it().and(place_of_end(ended.outcome))
            .and(is_owner().or(process::owner.is_null()))
            .and(stop_is_known(ended))
    };
    let modified = process::modified_at.eq(&now);
    let nobody = process::owner.eq(None::<&str>);
    if let ProcessChange::Ended(ended) | ProcessChange::Requeued(Requeued { ended, .. }) = change
        && ended.outcome == Outcome::Lost
    {
        // What a queued row says of a start is an earlier attempt's.
        let never_started = may_end(ended).and(queued());
        update(&process::table, never_started, StartRow::default()).execute(connection)?;
    }
    let rows = match change {
        ProcessChange::Claimed {
            owner: claimer,
            lease_until,
        } => {
            let due = it().and(queued()).and(process::retry_at.le(&now));
            let set = (
                process::owner.eq(claimer.simple()),
                process::retry_at.eq(encoding::time(*lease_until)),
                modified,
            );
            update(&process::table, due, set).execute(connection)?
        }
        ProcessChange::Deferred { retry_at } => {
            let set = (
                process::retry_at.eq(encoding::time(*retry_at)),
                nobody,
                modified,
            );
            let may_wait = it().and(queued()).and(is_owner());
            update(&process::table, may_wait, set).execute(connection)?
        }
        ProcessChange::Started(started) => {
            let set = (
                process::status.eq(status(ProcessStatus::Running)),
                StartRow::from(started),
                EndedRow::default(),
                process::retry_at.eq(encoding::time(started.lease_until)),
                modified,
            );
            let known = started.knows_stop.into_sql::<Bool>();
            let stop_is_known = known.or(process::stop_at.is_null());
            let may_start = it().and(queued()).and(is_owner()).and(stop_is_known);
            update(&process::table, may_start, set).execute(connection)?
        }
        ProcessChange::Uses { binary } => {
            let set = (
                process::binary_id.eq(binary.map(BinaryId::simple)),
                modified,
            );
            let waits = it().and(queued()).and(is_owner());
            update(&process::table, waits, set).execute(connection)?
        }
        ProcessChange::StopRequested(stop) => {
            let set = (
                process::stop_at.eq(encoding::time(stop.at)),
                process::stop_by.eq(&stop.by),
                process::stop_signal.eq(stop.signal),
                modified,
            );
            let first = it().and(not_ended()).and(process::stop_at.is_null());
            update(&process::table, first, set).execute(connection)?
        }
        ProcessChange::Detached => {
            let set = (process::detached.eq(true), modified);
            let may_live_on = it().and(running()).and(is_owner());
            update(&process::table, may_live_on, set).execute(connection)?
        }
        ProcessChange::Ended(ended) => {
            let set = (
                process::status.eq(status(ProcessStatus::Exited)),
                EndedRow::from(ended),
                start_after(ended),
                process::retry_at.eq(None::<&str>),
                nobody,
                modified,
            );
            update(&process::table, may_end(ended), set).execute(connection)?
        }
        ProcessChange::Requeued(requeued) => {
            let ended = &requeued.ended;
            // First the history, from the row as it is; where the row does not allow the update,
            // it is taken back with the rest of the submission.
            attempt::insert(connection, process_id, ended)?;
            let no_stop = (
                process::stop_at.eq(None::<&str>),
                process::stop_by.eq(None::<&str>),
                process::stop_signal.eq(None::<i32>),
            );
            let set = (
                process::status.eq(status(ProcessStatus::Queued)),
                EndedRow::from(ended),
                start_after(ended),
                process::retry_at.eq(encoding::time(requeued.retry_at)),
                process::owner.eq(requeued.owner.map(OwnerId::simple)),
                process::attempt.eq(process::attempt + 1),
                no_stop,
                modified,
            );
            update(&process::table, may_end(ended), set).execute(connection)?
        }
    };
    Ok(rows > 0)
}
