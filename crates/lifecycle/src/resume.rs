//! Handling one event in a stored state.

use statig::Outcome::Transition;
use statig::blocking::{State, StateExt as _, Superstate};
use statig::prelude::IntoStateMachine;

/// Handles `event` in the state a row was stored in and returns the state to store.
///
/// statig's own machine types run the entry actions of the stored state each time a machine is
/// resumed; a row is resumed for every event, so entry actions would run again and again. This
/// uses the public parts of statig that such a machine is made of: entry and exit actions run
/// on a real transition only.
pub(crate) fn handle<M>(
    machine: &mut M,
    stored: M::State,
    event: &M::Event<'_>,
    context: &mut M::Context<'_>,
) -> M::State
where
    M: IntoStateMachine,
    M::State: State<M>,
    for<'s> M::Superstate<'s>: Superstate<M>,
{
    let mut state = stored;
    if let Transition(mut target) = state.handle(machine, event, context) {
        let (exit, enter) = state.transition_path(&mut target);
        state.exit(machine, context, exit);
        std::mem::swap(&mut state, &mut target);
        state.enter(machine, context, enter);
    }
    state
}
