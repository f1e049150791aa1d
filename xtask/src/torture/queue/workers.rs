//! The workers, and how they are killed.

use std::process::{Child, ExitStatus, Stdio};
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
    may_be_refused: bool,
    working: Vec<Worker>,
}

struct Worker {
    child: Child,
    held: Held,
    /// A program of its own that was seen.
    program: Option<String>,
}

impl Worker {
    /// Whether it has ended; while it has not, a program of its own is noted.
    fn has_ended(&mut self) -> bool {
        let pid = self.held.pid();
        let of_keeper = |keeper: Held| Held::program_of(keeper.pid());
        let seen = Held::program_of(pid).or_else(|| Held::keeper_of(pid).and_then(of_keeper));
        self.program = seen.or(self.program.take());
        self.held.has_ended()
    }

    /// What a failure of it can be.
    fn expect_refused(&self, status: ExitStatus, may_be_refused: bool) -> Result<()> {
        if !may_be_refused || status.code() != Some(REFUSED) {
            bail!("a worker has ended with {status}");
        }
        if let Some(program) = &self.program {
            bail!("a worker that had `{program}` running has ended with {status}");
        }
        Ok(())
    }
}

/// What hostledger ends with when it cannot do what it is asked to.
const REFUSED: i32 = 1;

/// Jobs of one worker at a time.
const JOBS: &str = "4";

impl<'p> Workers<'p> {
    /// Some may be refused when their server comes and goes: they say so and end before they have
    /// done anything.
    pub(super) fn new(place: &'p Place<'p>, wanted: usize, may_be_refused: bool) -> Self {
        let working = Vec::new();
        Self {
            place,
            wanted,
            may_be_refused,
            working,
        }
    }

    /// Replaces those that are missing.
    pub(super) fn refill(&mut self) -> Result<()> {
        self.forget_refused()?;
        self.fill()
    }

    fn fill(&mut self) -> Result<()> {
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
                program: None,
            });
        }
        Ok(())
    }

    /// Those that are not refused go on until they are killed or asked to end.
    fn forget_refused(&mut self) -> Result<()> {
        let mut at = 0;
        while let Some(worker) = self.working.get_mut(at) {
            if worker.has_ended() {
                let status = worker.child.wait()?;
                worker.expect_refused(status, self.may_be_refused)?;
                self.working.swap_remove(at);
            } else {
                at += 1;
            }
        }
        Ok(())
    }

    /// Kills somebody; says how many were really killed.
    pub(super) fn strike(&mut self, deaths: Deaths, random: &mut Random) -> Result<usize> {
        let at = random.below(self.working.len() as u64) as usize;
        let worker = &self.working[at].held;
        // What to make of that is seen when it is replaced.
        if worker.has_ended() {
            return Ok(0);
        }
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
        let is_needed = deaths == Deaths::One && Held::program_of(worker.pid()).is_some();
        if kills_both || (!kills_keeper && !is_needed) {
            struck += usize::from(worker.kill()?);
            self.working.swap_remove(at).child.wait()?;
        }
        Ok(struck)
    }

    /// Asks all to end, and waits until they have.
    ///
    /// Not before each heeds signals: until then they end a worker as they end any program.
    pub(super) fn end(mut self) -> Result<()> {
        for Worker { held, .. } in &self.working {
            if !within(LONG, || held.heeds(Signal::TERM) || held.has_ended()) {
                bail!("worker {} does not come to its work", held.pid());
            }
        }
        for Worker { held, .. } in &self.working {
            held.signal(Signal::TERM)?;
        }
        for worker in &mut self.working {
            if !within(LONG, || worker.held.has_ended()) {
                bail!(
                    "worker {} does not end when it is asked to",
                    worker.held.pid()
                );
            }
            let status = worker.child.wait()?;
            if !status.success() {
                worker.expect_refused(status, self.may_be_refused)?;
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
