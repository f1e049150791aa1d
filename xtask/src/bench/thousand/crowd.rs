//! Many programs of one launcher.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Means;
use crate::bench::Bench;
use crate::bench::place::Place;
use crate::held::Held;
use crate::memory::Memory;
use crate::waiting::within;

/// No single step takes so long.
const TOO_LONG: Duration = Duration::from_secs(120);

/// The launcher, its keeper, and what the launcher says. Dropped, all of them are ended.
pub(super) struct Crowd<'b> {
    place: &'b Place<'b>,
    pub(super) ledger: PathBuf,
    pub(super) launcher: Watched,
    /// Begun with the first program.
    keeper: Option<Watched>,
    child: Child,
    stdin: Option<ChildStdin>,
    /// `ID runs` and `ID exited 0`, each when it is recorded.
    said: Receiver<String>,
}

impl<'b> Crowd<'b> {
    pub(super) fn launch(
        bench: &Bench<'_>,
        place: &'b Place<'b>,
        ledger: &Path,
        means: Means,
    ) -> Result<Self> {
        let mut program = place.on_ledger(bench.programs.example("launch_many")?, ledger);
        if means == Means::Without {
            program = program.env("HOSTLEDGER_DISABLE", "cgroup");
        }
        let mut child = program.start(Stdio::piped(), Stdio::piped(), Stdio::inherit())?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("its output is piped")?;
        let (sender, said) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            place,
            ledger: ledger.to_owned(),
            launcher: Watched(child.id().cast_signed()),
            keeper: None,
            child,
            stdin,
            said,
        })
    }

    /// Launches a line so many times; milliseconds until all are recorded as running.
    pub(super) fn add(&mut self, line: &str, count: usize) -> Result<f64> {
        let begun = Instant::now();
        self.write(&format!("{line}\n").repeat(count))?;
        for _ in 0..count {
            self.hear(" runs")?;
        }
        let mut running = 0;
        within(TOO_LONG, || {
            running = self.running().unwrap_or(0);
            running >= count
        });
        if running < count {
            bail!("{running} of {count} are recorded as running");
        }
        let took = begun.elapsed().as_secs_f64() * 1e3;
        let keeper = Held::keeper_of(self.launcher.0);
        self.keeper = keeper.map(|keeper| Watched(keeper.pid()));
        Ok(took)
    }

    pub(super) fn keeper(&self) -> Result<&Watched> {
        self.keeper.as_ref().context("a launcher without a keeper")
    }

    /// Launches a line and waits until its end is recorded.
    pub(super) fn run(&mut self, line: &str) -> Result<()> {
        self.write(&format!("{line}\n"))?;
        self.hear(" exited 0")
    }

    fn write(&mut self, lines: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("its input is closed")?;
        Ok(stdin.write_all(lines.as_bytes())?)
    }

    /// Waits for a line that ends so; those before it are passed over.
    pub(super) fn hear(&self, ending: &str) -> Result<()> {
        loop {
            let line = self.said.recv_timeout(TOO_LONG);
            if line
                .with_context(|| format!("nobody said `{ending}`"))?
                .ends_with(ending)
            {
                return Ok(());
            }
        }
    }

    /// How many are recorded as running.
    fn running(&self) -> Result<usize> {
        let list = self
            .place
            .hostledger(&self.ledger)
            .args("ps --limit 0 --json");
        let lines = String::from_utf8(list.output()?).context("the list is no text")?;
        Ok(lines
            .lines()
            .filter(|line| line.contains("\"sleep\""))
            .count())
    }

    /// Has so many killed one by one; milliseconds until each was read to have ended.
    pub(super) fn time_ends(&self, bench: &Bench<'_>, count: usize) -> Result<Vec<f64>> {
        let program = self
            .place
            .on_ledger(bench.programs.example("time_ends")?, &self.ledger);
        let lines = String::from_utf8(program.arg(count.to_string()).output()?);
        let lines = lines.context("the times are no text")?;
        let times: Result<Vec<f64>, _> = lines.lines().map(str::parse).collect();
        let times = times.context("a time is no number")?;
        if times.len() != count {
            bail!("{} of {count} ends were timed", times.len());
        }
        for _ in 0..count {
            self.hear(" 137")?;
        }
        Ok(times)
    }

    /// The most memory that both have had resident so far, in kilobytes.
    pub(super) fn peak(&self) -> Result<u64> {
        let of = |watched: &Watched| Memory::of(watched.0).context("it has gone");
        Ok(of(&self.launcher)?.peak + of(self.keeper()?)?.peak)
    }
}

impl Drop for Crowd<'_> {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let stop = self.place.hostledger(&self.ledger).args("stop --quiet");
        if let Err(error) = stop.ended().and_then(|_| Ok(self.child.wait()?)) {
            eprintln!("    programs may be left: {error:#}");
        }
    }
}

/// A process whose use of the machine is read from /proc.
pub(super) struct Watched(pub(super) i32);

impl Watched {
    /// Kilobytes: resident, and its share of what it has in common with others.
    pub(super) fn memory(&self) -> Result<[f64; 2]> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0))?;
        let field = |name: &str| -> Result<f64> {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            Ok(number.with_context(|| format!("no {name}"))?.parse()?)
        };
        Ok([field("Rss:")?, field("Pss:")?])
    }
}
