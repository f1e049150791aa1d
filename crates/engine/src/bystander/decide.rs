//! What is written of events that nobody else writes down.

use hostledger_lifecycle::process::{Context, Effect, Event, catch_up};
use hostledger_model::{OwnerId, Process, Timestamp};
use hostledger_store::{Change, Ticket, Used};

use super::Bystander;

impl Bystander {
    /// Has events of a process decided in order and what comes of them written, all of it or
    /// nothing. It is refused when somebody else has written meanwhile, which is as good.
    pub(super) fn write_down(
        &self,
        process: &Process,
        events: impl IntoIterator<Item = Event>,
    ) -> Ticket {
        let now = Timestamp::now();
        let context = Context::new(process, self.machine, OwnerId::generate(), now, 1.0);
        let events: Vec<Event> = events.into_iter().collect();
        let (_, effects) = catch_up(&context, &events);
        let (id, owner) = (process.id, process.owner);
        let mut changes = Vec::new();
        for effect in effects {
            match effect {
                Effect::Save(change) => changes.push(Change::ChangeProcess { id, change, owner }),
                Effect::CountUse { succeeded } => changes.extend(uses(process, succeeded)),
                // Nothing is started, signalled or timed by a bystander.
                Effect::Spawn | Effect::Signal { .. } | Effect::Arm { .. } => {}
            }
        }
        self.store.submit(now, changes)
    }
}

/// What is used with a process.
pub(crate) fn uses(process: &Process, succeeded: bool) -> impl Iterator<Item = Change> {
    let used = [
        Some(Used::Machine(process.machine_id)),
        process.interface_id.map(Used::Interface),
        process.binary_id.map(Used::Binary),
    ];
    used.into_iter()
        .flatten()
        .map(move |of| Change::CountUse { of, succeeded })
}
