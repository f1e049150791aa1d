//! One pid, two processes.

use std::process::{Child, Stdio};

use anyhow::{Context, Result};

use super::actions::Action;
use super::namespace::{reap_others, start_as};
use super::victim::{Victim, state_of, ticks_of};
use crate::torture::place::Place;
use crate::waiting::{LONG, within};

/// How soon the pid is given to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// After its start has been recorded.
    Later,
    /// So soon that both have started in the same clock tick, mostly.
    AtOnce,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) action: Action,
    /// Whether the stranger got the pid.
    pub(super) forced: bool,
    pub(super) same_tick: bool,
    /// Whether the stranger has felt anything.
    pub(super) signalled: bool,
    /// The record, when it says after a clean-up that it runs.
    pub(super) unsettled: Option<String>,
}

/// A victim, a stranger with its pid, and an attempt to end the victim.
pub(super) fn carry_out(
    place: &Place<'_>,
    moment: Moment,
    number: usize,
    action: Action,
) -> Result<Round> {
    let file = place.path(&format!("victim-{number}"));
    let mut victim = match moment {
        Moment::Later => Victim::ended_later(place)?,
        Moment::AtOnce => Victim::ended_at_once(place, &file)?,
    };
    let mut round = Round {
        action,
        forced: false,
        same_tick: false,
        signalled: false,
        unsettled: None,
    };
    // The very same program, so that its command agrees as well.
    let start = || stranger(place);
    let before = place.there();
    if let Some(mut stranger) = start_as(victim.pid, start)? {
        round.forced = true;
        round.same_tick = ticks_of(victim.pid) == Some(victim.ticks);
        within(LONG, || place.there() > before || ended(&mut stranger));
        victim.look_up(place, &file)?;
        action.carry_out(place, &victim.id)?;
        place.hostledger().args("cleanup").ended()?;
        round.signalled = ended(&mut stranger) || state_of(victim.pid) == Some('T');
        let running = place.running()?;
        let unsettled = running.iter().find(|it| it.id() == victim.id);
        round.unsettled = unsettled.map(|it| it.0.to_string());
        // It may have ended.
        drop(stranger.kill());
        stranger.wait().context("the stranger is ours")?;
    }
    reap_others();
    Ok(round)
}

fn stranger(place: &Place<'_>) -> Result<Child> {
    let [program, arguments @ ..] = &place.offspring(&["lead"])[..] else {
        anyhow::bail!("an offspring has a program");
    };
    let program = place.program(program).words(arguments);
    program.start(Stdio::null(), Stdio::null(), Stdio::null())
}

fn ended(stranger: &mut Child) -> bool {
    !matches!(stranger.try_wait(), Ok(None))
}
