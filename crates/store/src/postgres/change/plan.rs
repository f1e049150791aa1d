//! In which order the changes of a batch are made, and which of them together.
//!
//! Changes of one process follow one another as they were submitted; those of different
//! processes do not matter to one another, so the first changes of all of them are made first,
//! by one statement for each kind of change, then the second ones. Uses are only counted: that
//! comes last, as whoever counts holds up everybody else who does. Any other change is made
//! alone, after all that came before it and before all that comes after.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

use hostledger_model::{Process, ProcessChange, ProcessId, Timestamp};

use super::counts::Counts;
use crate::change::Change;

/// A change of a batch.
#[derive(Clone, Copy)]
pub(super) struct Item<'c> {
    /// Its place in the batch.
    pub(super) number: usize,
    pub(super) change: &'c Change,
    pub(super) now: Timestamp,
}

/// What one statement does.
pub(super) enum Step<'c> {
    /// Inserts these, each with the number of its change.
    Insert(Vec<(usize, &'c Process)>),
    /// Makes these changes of processes, all of one kind, none of the same process.
    Change(Vec<Item<'c>>),
    Alone(Item<'c>),
    Count(Counts),
}

/// Changes of different processes.
#[derive(Default)]
struct Wave<'c> {
    inserts: Vec<(usize, &'c Process)>,
    changes: Vec<(Discriminant<ProcessChange>, Vec<Item<'c>>)>,
}

#[derive(Default)]
struct Plan<'c> {
    steps: Vec<Step<'c>>,
    waves: Vec<Wave<'c>>,
    /// The wave that a process was last in.
    latest: HashMap<ProcessId, usize>,
    counts: Counts,
}

/// The steps that come to the same as the changes one by one.
pub(super) fn steps<'c>(items: &[Item<'c>]) -> Vec<Step<'c>> {
    let mut plan = Plan::default();
    for item in items {
        match item.change {
            Change::InsertProcess(process) => plan.insert(item.number, process),
            Change::InsertProcesses(processes) => {
                for process in &**processes {
                    plan.insert(item.number, process);
                }
            }
            Change::ChangeProcess { id, change, .. } => plan.change(*id, change, *item),
            Change::CountUse { of, succeeded } => {
                plan.counts.count(*of, *succeeded);
            }
            _ => {
                plan.close();
                plan.steps.push(Step::Alone(*item));
            }
        }
    }
    plan.close();
    plan.steps
}

impl<'c> Plan<'c> {
    fn insert(&mut self, number: usize, process: &'c Process) {
        let after_its_own = self.next(process.id);
        let parent = process.parent_id.and_then(|it| self.latest.get(&it));
        let at = after_its_own.max(parent.copied().unwrap_or(0));
        self.wave(at).inserts.push((number, process));
        self.latest.insert(process.id, at);
    }

    fn change(&mut self, id: ProcessId, change: &ProcessChange, item: Item<'c>) {
        let at = self.next(id);
        let kind = discriminant(change);
        let changes = &mut self.wave(at).changes;
        match changes.iter_mut().find(|(it, _)| *it == kind) {
            Some((_, same)) => same.push(item),
            None => changes.push((kind, vec![item])),
        }
        self.latest.insert(id, at);
    }

    /// The first wave that a process can be in. Inserts come first in theirs.
    fn next(&self, id: ProcessId) -> usize {
        self.latest.get(&id).map_or(0, |latest| latest + 1)
    }

    fn wave(&mut self, at: usize) -> &mut Wave<'c> {
        if self.waves.len() <= at {
            self.waves.resize_with(at + 1, Wave::default);
        }
        &mut self.waves[at]
    }

    fn close(&mut self) {
        self.latest.clear();
        for wave in self.waves.drain(..) {
            if !wave.inserts.is_empty() {
                self.steps.push(Step::Insert(wave.inserts));
            }
            let changes = wave.changes.into_iter();
            self.steps
                .extend(changes.map(|(_, same)| Step::Change(same)));
        }
        if !self.counts.is_empty() {
            self.steps
                .push(Step::Count(std::mem::take(&mut self.counts)));
        }
    }
}
