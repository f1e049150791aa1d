//! Who is killed.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::plan::Since;
use crate::held::Held;
use crate::waiting::within;

/// Who is killed while programs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Death {
    Nobody,
    Launcher,
    Keeper,
    /// One right after the other, in either order.
    Both,
}

/// Who was really killed: one may have ended before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Struck {
    pub(super) launcher: bool,
    pub(super) keeper: bool,
}

/// When it comes.
pub(super) struct Moment<F> {
    pub(super) since: Since,
    pub(super) after: Duration,
    /// Whether the first program runs, or has run.
    pub(super) runs: F,
}

/// How long a launcher may take until it has a keeper, and that a program.
const UNTIL_BEGUN: Duration = Duration::from_secs(5);

impl Death {
    pub(super) const ALL: [Self; 3] = [Self::Launcher, Self::Keeper, Self::Both];

    /// Kills when the moment has come; says who was really killed.
    pub(super) fn strike(
        self,
        launcher: &Held,
        moment: &Moment<impl Fn() -> bool>,
    ) -> Result<Struck> {
        let mut begun = Instant::now();
        let keeper = match self {
            Self::Nobody => return Ok(Struck::default()),
            // It may die before it has one.
            Self::Launcher => None,
            Self::Keeper | Self::Both => keeper_of(launcher),
        };
        if moment.since == Since::Run {
            within(UNTIL_BEGUN, || (moment.runs)() || launcher.has_ended());
            begun = Instant::now();
        }
        let due = begun + moment.after;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let kill_launcher = || launcher.kill();
        let kill_keeper = || keeper.as_ref().map_or(Ok(false), Held::kill);
        let (launcher, keeper) = match self {
            Self::Nobody => (false, false),
            Self::Launcher => (kill_launcher()?, false),
            Self::Keeper => (false, kill_keeper()?),
            Self::Both if moment.after.as_micros().is_multiple_of(2) => {
                (kill_launcher()?, kill_keeper()?)
            }
            Self::Both => {
                let keeper = kill_keeper()?;
                (kill_launcher()?, keeper)
            }
        };
        Ok(Struck { launcher, keeper })
    }
}

/// Looked for from the beginning: once the launcher has gone, it is nobody's child that we know.
fn keeper_of(launcher: &Held) -> Option<Held> {
    let mut keeper = None;
    within(UNTIL_BEGUN, || {
        keeper = Held::keeper_of(launcher.pid());
        keeper.is_some() || launcher.has_ended()
    });
    keeper
}
