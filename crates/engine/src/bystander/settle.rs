//! Ends that nobody else will write down.

use std::thread;
use std::time::{Duration, Instant};

use hostledger_lifecycle::process::{Context, Effect, Event, Exit, handle};
use hostledger_model::{OwnerId, Process, ProcessStatus, Termination, Timestamp};
use hostledger_process::{PidSpace, Pidfd};
use hostledger_store::Change;

use super::{Bystander, BystanderError};
use crate::logs;

/// How long an orphan that has ended may stay a zombie.
const UNTIL_REAPED: Duration = Duration::from_secs(1);

impl Bystander {
    /// Writes down the end of a process that has no owner any more; says whether that was the
    /// case. Whoever has an owner is left to it.
    pub(super) fn settle_unowned(
        &self,
        process: &Process,
        pidfd: Option<&Pidfd>,
    ) -> Result<bool, BystanderError> {
        if self.is_owned(process)? {
            return Ok(false);
        }
        // The owner may have written the end down in its last moment.
        let latest = self.process(process.id)?;
        if latest.status == ProcessStatus::Running && latest.owner == process.owner {
            self.settle(&latest, pidfd)?;
        }
        Ok(true)
    }

    /// Writes down what the kernel says of an end to those who are not the parent, or that it
    /// is lost.
    fn settle(&self, process: &Process, pidfd: Option<&Pidfd>) -> Result<(), BystanderError> {
        let seen = pidfd.map(seen_of).transpose()?.flatten();
        let now = Timestamp::now();
        let event = seen.map_or(Event::Lost, |termination| {
            let output = logs::read_output(&self.data_dir, process);
            Event::Exited(Exit {
                at: now,
                termination,
                usage: None,
                output,
                stopped: None,
            })
        });
        let nobody = OwnerId::generate();
        let mut context = Context::new(process, self.machine, nobody, now, 1.0);
        handle(&event, &mut context);
        let (id, owner) = (process.id, process.owner);
        let changes = context
            .into_effects()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Save(change) => Some(Change::ChangeProcess { id, change, owner }),
                // Nothing is started, signalled or timed for a process that has ended.
                Effect::Spawn | Effect::Signal { .. } | Effect::Arm { .. } => None,
                // What others than its supervisor saw of it is no measure of health.
                Effect::CountUse { .. } => None,
            });
        // Refused when somebody else has settled it meanwhile, which is as good.
        self.store.submit(now, changes.collect()).wait()?;
        Ok(())
    }
}

/// What the kernel tells of an end to those who are not the parent: at once where its zombie may
/// be read, else when the parent, now init or a subreaper, has reaped it. One that does not do
/// that duty is not waited for long.
fn seen_of(pidfd: &Pidfd) -> Result<Option<Termination>, BystanderError> {
    let space = PidSpace::current()?;
    let deadline = Instant::now() + UNTIL_REAPED;
    loop {
        let unreaped = pidfd.is_unreaped().map_err(BystanderError::Wait)?;
        let seen = space.exit_of(pidfd);
        if seen.is_some() || !unreaped || Instant::now() > deadline {
            return Ok(seen);
        }
        thread::sleep(Duration::from_millis(1));
    }
}
