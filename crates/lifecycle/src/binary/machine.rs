//! The decisions, state by state.

use chrono::TimeDelta;
use hostledger_model::{BinaryChange, BinaryStatus, ProviderReason, ReasonKind};
use statig::Outcome as Handling;
use statig::prelude::{Handled, Super, Transition, state_machine};

use super::{Context, Effect, Event, wait_after};
use crate::resume;

/// For how long a binary is taken on: the 600 seconds that a provider has, and one minute.
pub const LEASE: TimeDelta = TimeDelta::seconds(660);
/// How long until a binary that cannot be installed is looked at again.
const REQUEUE_DELAY: TimeDelta = TimeDelta::minutes(5);

/// Handles one event of the binary in `context` and returns the status it has then.
///
/// The effects are in the context; those that save the row make up the same status.
pub fn handle(event: &Event, context: &mut Context<'_>) -> BinaryStatus {
    resume::handle(&mut BinaryMachine, context.binary.status, event, context)
}

/// The life of a binary; it keeps nothing of its own, all is in the row.
#[derive(Debug, Default)]
struct BinaryMachine;

#[state_machine(initial = "BinaryStatus::Queued", state(custom, name = "BinaryStatus"))]
impl BinaryMachine {
    #[state]
    fn queued(context: &mut Context<'_>, event: &Event) -> Handling<BinaryStatus> {
        match event {
            Event::Tick if context.binary.name.trim().is_empty() => {
                let retry_at = context.now.saturating_add(REQUEUE_DELAY);
                context.save(BinaryChange::Deferred { retry_at });
                Handled
            }
            Event::Tick => Transition(begin(context)),
            Event::Refused(reason) => Transition(refuse(context, reason)),
            Event::Succeeded(_)
            | Event::Unsuccessful(_)
            | Event::Lost
            | Event::Linked(_)
            | Event::LinkFailed(_)
            | Event::Interrupted => Super,
        }
    }

    #[state]
    fn started(context: &mut Context<'_>, event: &Event) -> Handling<BinaryStatus> {
        match event {
            Event::Tick => Transition(begin(context)),
            Event::Refused(reason) => Transition(refuse(context, reason)),
            Event::Succeeded(file) => {
                context.push(Effect::Link(file.clone()));
                Handled
            }
            Event::Unsuccessful(reason) => Transition(go_on(context, reason.clone())),
            Event::Lost => {
                let reason = lost(context);
                Transition(go_on(context, reason))
            }
            Event::Linked(file) => {
                context.save(BinaryChange::Installed(file.clone()));
                context.push(Effect::CountUse { succeeded: true });
                Transition(BinaryStatus::Installed)
            }
            Event::LinkFailed(reason) => {
                let reasons = reasons_and(context, reason.clone());
                Transition(give_up(context, reasons))
            }
            Event::Interrupted => Transition(interrupt(context)),
        }
    }

    #[state]
    fn installed() -> Handling<BinaryStatus> {
        Super
    }

    #[state]
    fn failed() -> Handling<BinaryStatus> {
        Super
    }
}

/// Begins an attempt; nothing of an earlier one counts.
fn begin(context: &mut Context<'_>) -> BinaryStatus {
    if context.providers.is_empty() {
        let none = ProviderReason {
            provider: String::new(),
            outcome: ReasonKind::Skipped,
            reason: "there is no provider that may install it".to_owned(),
            process_id: None,
        };
        return give_up(context, vec![none]);
    }
    run(context, Vec::new())
}

/// Has the next provider tried, or ends the attempt.
fn go_on(context: &mut Context<'_>, reason: ProviderReason) -> BinaryStatus {
    let reasons = reasons_and(context, reason);
    if reasons.len() < context.providers.len() {
        run(context, reasons)
    } else {
        give_up(context, reasons)
    }
}

/// Has the provider run that comes after those that have given up.
fn run(context: &mut Context<'_>, reasons: Vec<ProviderReason>) -> BinaryStatus {
    let provider = reasons.len();
    let lease_until = context.now.saturating_add(LEASE);
    context.save(BinaryChange::Trying {
        reasons,
        lease_until,
    });
    context.push(Effect::Run { provider });
    BinaryStatus::Started
}

/// Ends an attempt that has failed.
fn give_up(context: &mut Context<'_>, reasons: Vec<ProviderReason>) -> BinaryStatus {
    let status = if attempts_left(context) {
        let wait = wait_after(context.binary.attempt);
        let retry_at = context.now.saturating_add(wait);
        context.save(BinaryChange::Requeued { reasons, retry_at });
        BinaryStatus::Queued
    } else {
        end(context, reasons)
    };
    context.push(Effect::CountUse { succeeded: false });
    status
}

/// Ends it for good. What was installed before is no worse for it: a row whose file is still what it
/// was goes on telling of that file, with the reasons why there is no other.
fn end(context: &mut Context<'_>, reasons: Vec<ProviderReason>) -> BinaryStatus {
    let Some(file) = context.intact_file() else {
        context.save(BinaryChange::Failed { reasons });
        return BinaryStatus::Failed;
    };
    let lease_until = context.now.saturating_add(LEASE);
    context.save(BinaryChange::Trying {
        reasons,
        lease_until,
    });
    context.save(BinaryChange::Installed(file));
    BinaryStatus::Installed
}

/// Ends it for good; that says nothing about the program, so no use is counted.
fn refuse(context: &mut Context<'_>, reason: &ProviderReason) -> BinaryStatus {
    end(context, vec![reason.clone()])
}

/// An attempt that was broken off is none; the last one is not begun again.
fn interrupt(context: &mut Context<'_>) -> BinaryStatus {
    if attempts_left(context) {
        let retry_at = context.now;
        context.save(BinaryChange::Deferred { retry_at });
        return BinaryStatus::Queued;
    }
    let reason = at_work(context, "it was interrupted");
    let reasons = reasons_and(context, reason);
    end(context, reasons)
}

fn attempts_left(context: &Context<'_>) -> bool {
    let binary = context.binary;
    binary.max_attempts.is_none_or(|max| binary.attempt < max)
}

fn lost(context: &Context<'_>) -> ProviderReason {
    at_work(context, "nobody could learn what came of it")
}

/// A reason of the provider that is at work.
fn at_work(context: &Context<'_>, reason: &str) -> ProviderReason {
    let provider = context.providers.get(context.binary.reasons.len());
    ProviderReason {
        provider: provider.cloned().unwrap_or_default(),
        outcome: ReasonKind::Failed,
        reason: reason.to_owned(),
        process_id: None,
    }
}

fn reasons_and(context: &Context<'_>, reason: ProviderReason) -> Vec<ProviderReason> {
    let mut reasons = context.binary.reasons.clone();
    reasons.push(reason);
    reasons
}
