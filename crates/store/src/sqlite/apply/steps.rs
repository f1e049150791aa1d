//! What a submission comes to, step by step: fewer than it has changes.

use hostledger_model::{Ended, Outcome, OwnerId, ProcessChange, ProcessId, Started};

use crate::change::{Change, Used};

/// One step of a submission.
pub(in crate::sqlite) enum Step<'c> {
    /// A process has started and ended: one statement instead of two on the same row.
    Ran(Ran<'c>),
    /// A use, which is counted with all others of the transaction.
    Count { of: Used, succeeded: bool },
    /// Any other change.
    Change(&'c Change),
}

/// A process that has started and ended.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct Ran<'c> {
    pub(in crate::sqlite) id: ProcessId,
    pub(in crate::sqlite) started: &'c Started,
    pub(in crate::sqlite) ended: &'c Ended,
    pub(in crate::sqlite) owner: Option<OwnerId>,
}

/// The steps of a submission, each with the place of its first change.
pub(in crate::sqlite) fn steps(changes: &[Change]) -> impl Iterator<Item = (usize, Step<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = changes.get(at..)?;
        let (step, length) = match (rest, ran(rest)) {
            (_, Some(ran)) => (Step::Ran(ran), 2),
            ([Change::CountUse { of, succeeded }, ..], _) => {
                let (of, succeeded) = (*of, *succeeded);
                (Step::Count { of, succeeded }, 1)
            }
            (rest, None) => (Step::Change(rest.first()?), 1),
        };
        let begin = at;
        at += length;
        Some((begin, step))
    })
}

fn ran(changes: &[Change]) -> Option<Ran<'_>> {
    let [
        Change::ChangeProcess {
            id,
            change: ProcessChange::Started(started),
            owner,
        },
        Change::ChangeProcess {
            id: same,
            change: ProcessChange::Ended(ended),
            owner: its,
        },
        ..,
    ] = changes
    else {
        return None;
    };
    // One that was lost has to find out first whether it had started.
    let is_seen = !ended.outcome.is_before_start() && ended.outcome != Outcome::Lost;
    let is_whole = id == same && owner == its && is_seen;
    is_whole.then_some(Ran {
        id: *id,
        started,
        ended,
        owner: *owner,
    })
}
