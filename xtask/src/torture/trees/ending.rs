//! The ways in which a tree is ended.

use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::held::Held;
use crate::torture::place::Place;
use crate::waiting::within;

/// Who ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// `kill --tree` of something detached.
    KillTree,
    /// `run --timeout`.
    Timeout,
    /// `run --detach --timeout`: the keeper, when nobody else is left.
    DetachedTimeout,
    /// SIGTERM to `run`.
    Terminate,
    /// Ctrl-C: SIGINT to the process group that `run` is in.
    Interrupt,
}

/// How long a tree is given, less than a storm takes.
const TIMEOUT: &str = "600ms";

/// From the end of a leader on: a grace of 5 seconds, and as much again.
const UNTIL_GONE: Duration = Duration::from_secs(10);

impl Ending {
    pub(super) const ALL: [Self; 5] = [
        Self::KillTree,
        Self::Timeout,
        Self::DetachedTimeout,
        Self::Terminate,
        Self::Interrupt,
    ];

    /// Whether there is something to be ended only as long as the leader runs.
    pub(super) fn needs_leader(self) -> bool {
        self != Self::KillTree
    }

    /// Starts a tree, waits for it, and ends it.
    pub(super) fn start_and_end(
        self,
        place: &Place<'_>,
        command: &[String],
        awaited: usize,
    ) -> Result<()> {
        match self {
            Self::KillTree => {
                let id = detach(place, "run --detach --", command)?;
                place.wait_there(awaited)?;
                let kill = place.hostledger().args("kill --tree --grace 300ms");
                kill.arg(&id).output().map(drop)
            }
            Self::Timeout => {
                let run = start(place, &format!("run --timeout {TIMEOUT} --"), command)?;
                expect_code(run, 124)
            }
            Self::DetachedTimeout => {
                let run = format!("run --detach --timeout {TIMEOUT} --");
                let id = detach(place, &run, command)?;
                let wait = place.hostledger().args("wait --timeout 30s").arg(&id);
                wait.ended().map(drop)?;
                // The record says that its leader has ended; the rest is ended right after that.
                gone(place);
                Ok(())
            }
            Self::Terminate | Self::Interrupt => {
                let run = heedful(place, "run --", command)?;
                place.wait_there(awaited)?;
                self.signal(&run)?;
                let output = run.wait_with_output()?;
                if output.status.code().is_none() {
                    bail!("`hostledger run` was ended by a signal: {}", output.status);
                }
                Ok(())
            }
        }
    }

    fn signal(self, run: &Child) -> Result<()> {
        if self == Self::Interrupt {
            kill_process_group(Pid::from_child(run), Signal::INT)?;
        } else {
            let held = Held::open(run.id().cast_signed()).context("it has not been waited for")?;
            held.signal(Signal::TERM)?;
        }
        Ok(())
    }
}

/// Runs it in the background and gives its id.
fn detach(place: &Place<'_>, run: &str, command: &[String]) -> Result<String> {
    let printed = place.hostledger().args(run).words(command).output()?;
    let printed = String::from_utf8(printed).context("an id is text")?;
    Ok(printed.trim().to_owned())
}

pub(super) fn start(place: &Place<'_>, run: &str, command: &[String]) -> Result<Child> {
    let run = place.hostledger().args(run).words(command);
    run.start(Stdio::null(), Stdio::null(), Stdio::piped())
}

/// The same for one that is to heed SIGINT, also where we were started as a shell starts what is in
/// the background: with SIGINT ignored, which is inherited and which `run` leaves so.
fn heedful(place: &Place<'_>, run: &str, command: &[String]) -> Result<Child> {
    let env = place.program("env").arg("--default-signal=INT");
    let run = env.words(place.ledger_words()).args(run).words(command);
    let run = run.env("HOSTLEDGER_DATABASE", "");
    let run = match place.disabled() {
        Some(ways) => run.env("HOSTLEDGER_DISABLE", ways),
        None => run,
    };
    run.start(Stdio::null(), Stdio::null(), Stdio::piped())
}

fn expect_code(run: Child, code: i32) -> Result<()> {
    let output = run.wait_with_output()?;
    if output.status.code() != Some(code) {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!(
            "`hostledger run` gave {} instead of {code}: {said}",
            output.status
        );
    }
    Ok(())
}

/// Waits for ends that nobody tells us of. Who has not gone then is counted as a survivor.
fn gone(place: &Place<'_>) {
    within(UNTIL_GONE, || place.is_quiet().unwrap_or(true));
}
