//! Who launches what, who is killed, and when.

use std::time::Duration;

use super::death::Death;
use crate::torture::random::Random;

/// All launches, in the order of their beginning.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) launches: Vec<Launch>,
}

/// Some programs that one program launches.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) by: Launcher,
    pub(super) programs: Vec<Subject>,
    pub(super) death: Death,
    /// What the death comes after.
    pub(super) since: Since,
    /// And how long after that.
    pub(super) after: Duration,
    /// Whether somebody waits for the first of them through the ledger after that.
    pub(super) waits: bool,
}

/// What launches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Launcher {
    /// `hostledger run`.
    Run,
    /// `hostledger run --detach`, which does not stay.
    Detach,
    /// A program that links the library.
    Embedded,
}

/// The beginning that a death is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// Of the launcher.
    Launch,
    /// Of the first program.
    Run,
}

/// A program that ends in a way of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    pub(super) number: usize,
    /// How long it runs.
    pub(super) millis: u64,
    pub(super) end: End,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::torture) enum End {
    Code(u8),
    Signal(u8),
}

/// HUP, INT, QUIT, ABRT, KILL, USR1, SEGV, USR2, ALRM, TERM: each ends a program that has not asked
/// for it. (SIGPIPE would as well, but programs of Rust ignore it.)
const SIGNALS: [u8; 10] = [1, 2, 3, 6, 9, 10, 11, 12, 14, 15];

/// None runs longer than this many milliseconds.
const RUNS: u64 = 250;

/// From the start of a launcher to that of its program, about.
const UNTIL_RUN: Duration = Duration::from_millis(20);

/// From the end of a program to the end of its launcher, about.
const UNTIL_WRITTEN: Duration = Duration::from_millis(5);

/// How many programs one embedding program launches.
const EMBEDDED: usize = 6;

impl End {
    pub(in crate::torture) fn any(random: &mut Random) -> Self {
        match random.below(10) {
            0 => Self::Code(0),
            1 => Self::Code(random.of(&[1, 2, 124, 125, 126, 127, 128, 137, 143, 255])),
            2..=6 => Self::Code(random.below(256) as u8),
            _ => Self::Signal(random.of(&SIGNALS)),
        }
    }

    /// What stands in the record: exit code and outcome.
    pub(in crate::torture) fn recorded(self) -> (i64, &'static str) {
        match self {
            Self::Code(code) => (code.into(), "exited"),
            Self::Signal(signal) => (128 + i64::from(signal), "signaled"),
        }
    }

    /// The words an offspring takes.
    pub(in crate::torture) fn words(self) -> [String; 2] {
        match self {
            Self::Code(code) => ["code".to_owned(), code.to_string()],
            Self::Signal(signal) => ["signal".to_owned(), signal.to_string()],
        }
    }
}

impl Plan {
    /// So many programs, and so many deaths among their launchers.
    pub(super) fn make(programs: usize, deaths: usize, random: &mut Random) -> Self {
        let mut launches = Vec::new();
        let mut number = 0;
        while number < programs {
            // A third by each, counted in programs.
            let (by, count) = match random.below(13) {
                0..=5 => (Launcher::Run, 1),
                6..=11 => (Launcher::Detach, 1),
                _ => (Launcher::Embedded, EMBEDDED),
            };
            let numbers = number..programs.min(number + count);
            number = numbers.end;
            launches.push(Launch {
                by,
                programs: numbers.map(|it| Subject::any(it, random)).collect(),
                death: Death::Nobody,
                since: Since::Launch,
                after: Duration::ZERO,
                waits: random.below(3) == 0,
            });
        }
        let mut left = deaths.min(launches.len());
        while left > 0 {
            let chosen = random.below(launches.len() as u64) as usize;
            let launch = &mut launches[chosen];
            if launch.death == Death::Nobody {
                launch.death = random.of(&Death::ALL);
                launch.since = random.of(&[Since::Launch, Since::Run]);
                launch.after = random.within(launch.expected());
                left -= 1;
            }
        }
        Self { launches }
    }
}

impl Launch {
    /// How long that may be, so that something happens meanwhile.
    fn expected(&self) -> Duration {
        let longest = self.programs.iter().map(|it| it.millis).max();
        let longest = Duration::from_millis(longest.unwrap_or(0));
        match self.since {
            Since::Launch => UNTIL_RUN + longest,
            Since::Run => UNTIL_WRITTEN + longest,
        }
    }
}

impl Subject {
    fn any(number: usize, random: &mut Random) -> Self {
        // Some end before anybody can have looked at them.
        let longest = random.of(&[1, RUNS, RUNS]);
        Self {
            number,
            millis: random.below(longest),
            end: End::any(random),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_launched_once_and_every_death_is_dealt_out() {
        let plan = Plan::make(500, 60, &mut Random::new(1, 1));
        let programs = plan.launches.iter().flat_map(|it| &it.programs);
        let mut numbers: Vec<_> = programs.map(|it| it.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
        let deaths = plan
            .launches
            .iter()
            .filter(|it| it.death != Death::Nobody)
            .count();
        assert_eq!(deaths, 60);
        for by in [Launcher::Run, Launcher::Detach, Launcher::Embedded] {
            assert!(plan.launches.iter().any(|it| it.by == by), "{by:?}");
        }
    }

    #[test]
    fn a_signal_is_recorded_as_128_and_its_number() {
        assert_eq!(End::Code(7).recorded(), (7, "exited"));
        assert_eq!(End::Signal(9).recorded(), (137, "signaled"));
    }
}
