//! What keepers have seen whose launcher is dead.

use std::time::Duration;

use hostledger_keeper::{Entry, Slot, State, Table};
use hostledger_lifecycle::process::Event;
use hostledger_model::{Process, ProcessStatus};
use hostledger_process::Verdict;
use hostledger_store::{StoreError, Ticket};

use super::{Bystander, BystanderError};
use crate::entry;
use crate::forget::forget;
use crate::logs::{self, LogOf};
use crate::moment::wait_for;
use crate::owner::Owner;
use crate::settled_start::settled_start;

/// How often a row is read whose end somebody else may be writing. The dead write nothing new.
const MOST_LOOKS: usize = 4;

/// How long a keeper may take to start what it had begun with when its launcher died.
const UNTIL_STARTED: Duration = Duration::from_secs(2);

/// What was taken over of dead launchers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Starts that were not written down.
    pub started: usize,
    /// Ends that were not written down.
    pub ended: usize,
}

/// What became of one entry.
enum Resolution {
    /// There is nothing more to come of it.
    Done,
    /// It runs, or its row is not in this database, or cannot be read.
    Open,
    /// Once this is written there is nothing more to come of it.
    Ends(Box<Process>, Ticket),
    /// It runs, and this is to be written.
    Starts(Ticket),
}

impl Bystander {
    /// Writes down what keepers have seen whose launcher is dead: starts, ends and failed starts
    /// that it did not live to write. Nothing is signalled by that. However many do it at once,
    /// each is written once: the row refuses the second.
    ///
    /// A launcher that is alive does so itself, and its keeper is left alone.
    ///
    /// # Errors
    /// The directory of the tables cannot be read, or the database not be read or written.
    pub fn replay(&self) -> Result<Replayed, BystanderError> {
        let mut replayed = Replayed::default();
        for table in self.tables()? {
            if !Owner::is_alive(&self.owners, table.owner())? {
                self.replay_table(&table, &mut replayed)?;
            }
        }
        Ok(replayed)
    }

    fn replay_table(&self, table: &Table, replayed: &mut Replayed) -> Result<(), BystanderError> {
        // From here on nothing new is started by this keeper.
        table.seal();
        let kept = table.keeper_is_alive()?;
        let unsettled = |entry: &Entry| entry.state != State::Settled;
        let mut entries: Vec<Entry> = table.entries().filter(unsettled).collect();
        let mut open = false;
        for _ in 0..MOST_LOOKS {
            let mut resolutions = Vec::with_capacity(entries.len());
            for entry in entries.drain(..) {
                let resolution = self.resolve(table, &entry, kept)?;
                resolutions.push((entry, resolution));
            }
            for (entry, resolution) in resolutions {
                match resolution {
                    Resolution::Done => settle(table, entry.slot),
                    Resolution::Open => open = true,
                    Resolution::Starts(ticket) => {
                        replayed.started += usize::from(ticket.wait()?.is_applied());
                        open = true;
                    }
                    Resolution::Ends(process, ticket) => {
                        if ticket.wait()?.is_applied() {
                            replayed.ended += 1;
                            settle(table, entry.slot);
                            self.close(&process)?;
                        } else {
                            // Its row has changed since it was read. Others who take over have
                            // written the same; or it was the start that the dead launcher had
                            // written, to which a server came only then. The row says which.
                            entries.push(entry);
                        }
                    }
                }
            }
        }
        open |= !entries.is_empty();
        if !kept && !open {
            forget(table);
        }
        Ok(())
    }

    fn resolve(
        &self,
        table: &Table,
        entry: &Entry,
        kept: bool,
    ) -> Result<Resolution, BystanderError> {
        let process = match self.store.process(entry.id) {
            Ok(Some(process)) => process,
            Ok(None) => return Ok(Resolution::Open),
            // It waits until it can be read, and keeps no other from being written down.
            Err(StoreError::Corrupt(row)) => {
                let error = &row as &dyn std::error::Error;
                tracing::warn!(error, "what a keeper has seen is not written down");
                return Ok(Resolution::Open);
            }
            Err(error) => return Err(error.into()),
        };
        let is_open = process.status != ProcessStatus::Exited
            && process.attempt == entry.attempt
            && process.owner == Some(table.owner());
        if !is_open {
            return Ok(Resolution::Done);
        }
        let entry = match entry.state {
            State::Starting => match self.started(table, entry, kept) {
                Some(found) if found.state == State::Starting => return Ok(Resolution::Open),
                Some(entry) => entry,
                // Its row stays queued: it never ran.
                None => return Ok(Resolution::Done),
            },
            _ => entry.clone(),
        };
        self.resolve_started(table, &entry, &process, kept)
    }

    /// The entry of a start that was under way, once it is known what came of it; none when
    /// nothing ran.
    fn started(&self, table: &Table, entry: &Entry, kept: bool) -> Option<Entry> {
        if kept {
            let begun = || {
                let entry = table.entry(entry.slot)?;
                (entry.state != State::Starting).then_some(entry)
            };
            // One that takes its time may run yet.
            return wait_for(UNTIL_STARTED, begun)
                .or_else(|| table.entry(entry.slot))
                .filter(|found| found.id == entry.id);
        }
        entry.pid?;
        let state = settled_start(table, entry, &self.space);
        let entry = table.entry(entry.slot)?;
        Some(Entry { state, ..entry })
    }

    fn resolve_started(
        &self,
        table: &Table,
        entry: &Entry,
        process: &Process,
        kept: bool,
    ) -> Result<Resolution, BystanderError> {
        let start = self.start_of(table, entry, process);
        let log = self.log_of(process, start.as_ref());
        let identity = entry::identity(entry, table, &self.space);
        let ends = |ticket| Resolution::Ends(Box::new(process.clone()), ticket);
        Ok(match (entry.state, identity) {
            (State::Free | State::Settled, _) => Resolution::Done,
            (State::Failed, _) => ends(self.write_down(process, [entry::failed(entry, None)])),
            (State::Ended, _) if entry::never_ran(entry) => {
                ends(self.write_down(process, [entry::killed_at_birth()]))
            }
            (State::Ended, _) => {
                let end = entry::ended(entry, &log, &self.space, None);
                ends(self.write_down(process, start.into_iter().chain([end])))
            }
            (State::Starting | State::Running, None) => Resolution::Open,
            (State::Starting | State::Running, Some(identity)) => {
                let verdict = self.space.verify(&identity)?;
                match verdict {
                    Verdict::Gone | Verdict::OtherBoot if !kept => {
                        let events = start.into_iter().chain([Event::Lost]);
                        ends(self.write_down(process, events))
                    }
                    // Nobody but a slow pid 1 is left to reap it, and to those who wait until then
                    // it tells how it ended.
                    Verdict::Zombie(held) if !kept => {
                        let end = entry::ended(entry, &log, &self.space, Some(&held));
                        ends(self.write_down(process, start.into_iter().chain([end])))
                    }
                    _ if start.is_some() => Resolution::Starts(self.write_down(process, start)),
                    _ => Resolution::Open,
                }
            }
        })
    }

    /// The start of a program, unless its row tells of it already.
    fn start_of(&self, table: &Table, entry: &Entry, process: &Process) -> Option<Event> {
        if process.status != ProcessStatus::Queued {
            return None;
        }
        let identity = entry::identity(entry, table, &self.space)?;
        let log = logs::found(&self.data_dir, process);
        Some(entry::spawned(identity, log))
    }

    fn log_of(&self, process: &Process, start: Option<&Event>) -> LogOf {
        let mut process = process.clone();
        if let Some(Event::Spawned { log, .. }) = start {
            process.log = Some(log.clone());
        }
        LogOf::recorded(&self.data_dir, &process)
    }
}

/// Marks an entry of which nothing more is to be written, unless somebody else has.
fn settle(table: &Table, slot: Slot) {
    if !table.settle(slot) {
        tracing::debug!(
            ?slot,
            "an entry was settled by somebody else, or is used again"
        );
    }
}
