//! The workers, and how they are killed.

use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::held::Held;
use crate::torture::place::Place;
use crate::torture::random::Random;
use crate::waiting::{LONG, within};

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deaths {
    /// A worker or its keeper, as long as the other lives: nothing may be lost.
    One = 1,
    /// Whoever it hits, both of them too, one soon after the other.
    Any = 2,
}

impl Deaths {
    pub(super) const ALL: [Self; 2] = [Self::One, Self::Any];
}

/// Some workers, each replaced when it has been killed.
pub(super) struct Workers<'p> {
    place: &'p Place<'p>,
    wanted: usize,
    working: Vec<Worker>,
}

struct Worker {
    child: Child,
    held: Held,
    /// Whether it has been seen to have programs.
    has_begun: bool,
}

impl Worker {
    /// Whether it has ended; while it has not, whether it has begun is noted.
    fn has_ended(&mut self) -> bool {
        let pid = self.held.pid();
        let keeper_has = |keeper: Held| Held::has_programs(keeper.pid());
        self.has_begun |= Held::has_programs(pid) || Held::keeper_of(pid).is_some_and(keeper_has);
        self.held.has_ended()
    }
}

/// What hostledger ends with when it cannot do what it is asked to.
const REFUSED: i32 = 1;

/// Jobs of one worker at a time.
const JOBS: &str = "4";

impl<'p> Workers<'p> {
    pub(super) fn new(place: &'p Place<'p>, wanted: usize) -> Self {
        let working = Vec::new();
        Self {
            place,
            wanted,
            working,
        }
    }

    /// Starts those that are missing.
    pub(super) fn fill(&mut self) -> Result<()> {
        while self.working.len() < self.wanted {
            let work = self
                .place
                .hostledger()
                .args("work --quiet --jobs")
                .arg(JOBS);
            let child = work.start(Stdio::null(), Stdio::null(), Stdio::inherit())?;
            let held = Held::open(child.id().cast_signed()).context("it is not waited for yet")?;
            self.working.push(Worker {
                child,
                held,
                has_begun: false,
            });
        }
        Ok(())
    }

    /// Forgets workers that came to a server that was not there: they say so and end before they
    /// have done anything. All others go on.
    pub(super) fn refill(&mut self) -> Result<()> {
        let mut at = 0;
        while let Some(worker) = self.working.get_mut(at) {
            if !worker.has_ended() {
                at += 1;
                continue;
            }
            let status = worker.child.wait()?;
            if status.code() != Some(REFUSED) {
                bail!("a worker has ended with {status} as the server was away");
            }
            if worker.has_begun {
                bail!("a worker that had programs has left them with {status}");
            }
            self.working.swap_remove(at);
        }
        self.fill()
    }

    /// Kills somebody; says how many were really killed.
    pub(super) fn strike(&mut self, deaths: Deaths, random: &mut Random) -> Result<usize> {
        let at = random.below(self.working.len() as u64) as usize;
        let worker = &mut self.working[at];
        if worker.has_ended() {
            bail!("a worker has ended by itself: {:?}", worker.child.id());
        }
        let worker = &worker.held;
        let keeper = Held::keeper_of(worker.pid());
        let kills_keeper = random.below(2) == 0;
        let kills_both = deaths == Deaths::Any && random.below(3) == 0;
        let mut struck = 0;
        if (kills_keeper || kills_both)
            && let Some(keeper) = &keeper
        {
            struck += usize::from(keeper.kill()?);
            std::thread::sleep(random.within(Duration::from_millis(3)));
            // One that is still dying keeps its programs from the worker: both would be dead.
            if deaths == Deaths::One && !within(LONG, || keeper.has_ended()) {
                bail!("a keeper that was killed does not end");
            }
        }
        // Programs of a keeper that was killed are the worker's now, and nobody else's.
        let is_needed = deaths == Deaths::One && Held::has_programs(worker.pid());
        if kills_both || (!kills_keeper && !is_needed) {
            struck += usize::from(worker.kill()?);
            self.working.swap_remove(at).child.wait()?;
        }
        Ok(struck)
    }

    /// Asks all to end, and waits until they have.
    pub(super) fn end(mut self) -> Result<()> {
        for Worker { held, .. } in &self.working {
            held.signal(Signal::TERM)?;
        }
        for Worker { child, held, .. } in &mut self.working {
            if !within(LONG, || held.has_ended()) {
                held.kill()?;
                bail!("worker {} does not end when it is asked to", child.id());
            }
            let status = child.wait()?;
            if !status.success() {
                bail!("a worker that was asked to end ended with {status}");
            }
        }
        self.working.clear();
        Ok(())
    }
}

impl Drop for Workers<'_> {
    fn drop(&mut self) {
        for Worker { child, .. } in &mut self.working {
            // A proof that failed on the way leaves nobody behind.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
