//! The decisions, state by state.

use chrono::TimeDelta;
use hostledger_model::{
    Ended, Lease, Outcome, ProcessChange, ProcessStatus, Requeued, Started, StopRequest,
    Termination, Timestamp, timeout,
};
use statig::Outcome as Handling;
use statig::prelude::{Handled, Super, Transition, state_machine};

use super::retry::tries_again;
use super::{Context, Effect, Event, Exit, Timer};
use crate::resume;

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// How long a process is left to whoever has taken it on: as long as it may run, and then as long
/// as ending it may take.
pub const LEASE: Lease = Lease {
    slack: TimeDelta::seconds(30),
    without_timeout: TimeDelta::hours(24),
};
/// How long until a process that cannot start is looked at again.
const REQUEUE_DELAY: TimeDelta = TimeDelta::minutes(1);

/// Handles one event of the process in `context` and returns the status it has then.
///
/// The effects are in the context; those that save the row make up the same status.
pub fn handle(event: &Event, context: &mut Context<'_>) -> ProcessStatus {
    resume::handle(&mut ProcessMachine, context.process.status, event, context)
}

/// The life of a process; it keeps nothing of its own, all is in the row.
#[derive(Debug, Default)]
struct ProcessMachine;

#[state_machine(
    initial = "ProcessStatus::Queued",
    state(custom, name = "ProcessStatus")
)]
impl ProcessMachine {
    #[state]
    fn queued(context: &mut Context<'_>, event: &Event) -> Handling<ProcessStatus> {
        match event {
            Event::Tick if !can_start(context) => {
                let retry_at = context.now.saturating_add(REQUEUE_DELAY);
                context.save(ProcessChange::Deferred { retry_at });
                Handled
            }
            Event::Launch if !can_start(context) => Handled,
            // It was asked to stop before anybody started it.
            Event::Tick | Event::Launch if context.process.stop.is_some() => {
                Transition(end(context, unseen(context.now, Outcome::Cancelled)))
            }
            Event::Tick | Event::Launch => {
                context.push(Effect::Spawn);
                Handled
            }
            Event::Spawned {
                identity,
                started_at,
                log,
            } => {
                // It runs from now on, however long it takes to write that down.
                arm_timeout(context, *started_at);
                let lease_until = lease_end(context.process.timeout_ms, *started_at);
                context.save(ProcessChange::Started(Started {
                    identity: identity.clone(),
                    started_at: *started_at,
                    lease_until,
                    log: log.clone(),
                    knows_stop: context.process.stop.is_some(),
                }));
                // It was asked to stop while it was being started.
                if let Some(stop) = &context.process.stop {
                    let (signal, scope) = (stop.signal, context.process.kill_mode);
                    context.push(Effect::Signal { signal, scope });
                }
                Transition(ProcessStatus::Running)
            }
            Event::SpawnFailed { exit_code, reason } => {
                let ended = Ended {
                    exit_code: Some(*exit_code),
                    stderr: reason.clone(),
                    ..unseen(context.now, Outcome::SpawnFailed)
                };
                Transition(end(context, ended))
            }
            Event::Cancelled => Transition(end(context, unseen(context.now, Outcome::Cancelled))),
            Event::StopRequested { request, grace } => {
                context.save(ProcessChange::StopRequested(request.clone()));
                // Its signal follows the start; when that takes long, there is none to wait for.
                arm_grace(context, *grace);
                Handled
            }
            Event::Lost => Transition(end(context, unseen(context.now, Outcome::Lost))),
            Event::Left | Event::Exited(_) | Event::TimedOut | Event::GraceOver => Super,
        }
    }

    #[state]
    fn running(context: &mut Context<'_>, event: &Event) -> Handling<ProcessStatus> {
        match event {
            Event::StopRequested { request, grace } => {
                stop(context, request.clone(), *grace);
                Handled
            }
            Event::Left if context.process.detached => Handled,
            Event::Left => {
                context.save(ProcessChange::Detached);
                Handled
            }
            Event::TimedOut => {
                let request = StopRequest::timeout(context.now, SIGTERM);
                let grace = context.grace;
                stop(context, request, Some(grace));
                Handled
            }
            Event::GraceOver => {
                let scope = context.process.kill_mode;
                context.push(Effect::Signal {
                    signal: SIGKILL,
                    scope,
                });
                Handled
            }
            Event::Exited(exit) => {
                if let (None, Some(stopped)) = (&context.process.stop, &exit.stopped) {
                    context.save(ProcessChange::StopRequested(stopped.clone()));
                }
                let ended = ended(context, exit);
                Transition(end(context, ended))
            }
            Event::Lost => Transition(end(context, unseen(context.now, Outcome::Lost))),
            Event::Tick
            | Event::Launch
            | Event::Spawned { .. }
            | Event::SpawnFailed { .. }
            | Event::Cancelled => Super,
        }
    }

    #[state]
    fn exited() -> Handling<ProcessStatus> {
        Super
    }
}

fn can_start(context: &Context<'_>) -> bool {
    let process = context.process;
    !process.cmd.is_empty() && process.machine_id == context.machine
}

/// Stores the request, then signals.
fn stop(context: &mut Context<'_>, request: StopRequest, grace: Option<TimeDelta>) {
    let (signal, scope) = (request.signal, context.process.kill_mode);
    context.save(ProcessChange::StopRequested(request));
    context.push(Effect::Signal { signal, scope });
    arm_grace(context, grace);
}

fn arm_timeout(context: &mut Context<'_>, started_at: Timestamp) {
    if let Some(limit) = timeout(context.process.timeout_ms) {
        context.push(Effect::Arm {
            timer: Timer::Timeout,
            at: started_at.saturating_add(limit),
        });
    }
}

/// From now on, as the signal goes out now; when it was asked for is told by another clock.
fn arm_grace(context: &mut Context<'_>, grace: Option<TimeDelta>) {
    if let Some(grace) = grace {
        context.push(Effect::Arm {
            timer: Timer::Grace,
            at: context.now.saturating_add(grace),
        });
    }
}

/// Ends the process for good, or has it tried again when it failed and may be.
fn end(context: &mut Context<'_>, ended: Ended) -> ProcessStatus {
    let process = context.process;
    let (outcome, exit_code) = (ended.outcome, ended.exit_code);
    if tries_again(process, outcome, exit_code) {
        let (wait, owner) = match context.keeps {
            true => (context.retry.cap, Some(context.owner)),
            false => (context.retry.backoff(process.attempt, context.chance), None),
        };
        let due = context.now.saturating_add(wait);
        let retry_at = owner.map_or(due, |_| lease_end(process.timeout_ms, due));
        context.save(ProcessChange::Requeued(Requeued {
            ended,
            retry_at,
            owner,
        }));
        return ProcessStatus::Queued;
    }
    context.save(ProcessChange::Ended(ended));
    match outcome {
        Outcome::Exited | Outcome::Signaled | Outcome::TimedOut | Outcome::SpawnFailed => {
            let succeeded = exit_code == Some(0) && outcome == Outcome::Exited;
            context.push(Effect::CountUse { succeeded });
        }
        // A stop somebody asked for, or an end nobody saw, says nothing about the program.
        Outcome::Killed | Outcome::Cancelled | Outcome::Lost => {}
    }
    ProcessStatus::Exited
}

fn ended(context: &Context<'_>, exit: &Exit) -> Ended {
    let stop = context.process.stop.as_ref().or(exit.stopped.as_ref());
    let outcome = match (stop, exit.termination) {
        (Some(stop), _) if stop.is_timeout() => Outcome::TimedOut,
        (Some(_), _) => Outcome::Killed,
        (None, Termination::Exited(_)) => Outcome::Exited,
        (None, Termination::Signaled(_)) => Outcome::Signaled,
    };
    Ended {
        ended_at: exit.at,
        exit_code: Some(exit.termination.exit_code()),
        outcome,
        stdout: exit.output.stdout.clone(),
        stderr: exit.output.stderr.clone(),
        stdout_bytes: exit.output.stdout_bytes,
        stderr_bytes: exit.output.stderr_bytes,
        stdout_dropped: exit.output.stdout_dropped,
        stderr_dropped: exit.output.stderr_dropped,
        usage: exit.usage,
    }
}

/// An end of which nothing but the manner is known.
fn unseen(now: Timestamp, outcome: Outcome) -> Ended {
    Ended {
        ended_at: now,
        exit_code: None,
        outcome,
        stdout: String::new(),
        stderr: String::new(),
        stdout_bytes: None,
        stderr_bytes: None,
        stdout_dropped: None,
        stderr_dropped: None,
        usage: None,
    }
}

/// When somebody else should look at a process that starts at `from`, at the latest.
#[must_use]
pub fn lease_end(timeout_ms: Option<u64>, from: Timestamp) -> Timestamp {
    LEASE.end(timeout_ms, from)
}
