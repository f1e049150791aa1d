//! What happened to a process while none of us was looking.

use hostledger_model::Process;

use super::{Context, Effect, Event, handle};

/// Handles what others have seen of a process, in order; returns the row as it is then and what
/// is to be written.
///
/// Only changes and counts are left of the effects: nothing is started, signalled or timed for
/// what is past. They belong into one submission, so that they are written together or not at
/// all.
pub fn catch_up<'e>(
    context: &Context<'_>,
    events: impl IntoIterator<Item = &'e Event>,
) -> (Process, Vec<Effect>) {
    let mut process = context.process.clone();
    let mut to_write = Vec::new();
    for event in events {
        let mut step = context.with(&process);
        handle(event, &mut step);
        let effects = step.into_effects();
        for effect in effects {
            match &effect {
                Effect::Save(change) => change.apply(&mut process, context.now),
                Effect::CountUse { .. } => {}
                Effect::Spawn | Effect::Signal { .. } | Effect::Arm { .. } => continue,
            }
            to_write.push(effect);
        }
    }
    (process, to_write)
}
