//! Those who run many programs, each with its own way of being told what to do.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::peers;
use crate::bench::Bench;
use crate::program::Program;

/// What each job is.
const JOB: &str = "/bin/true";

/// The Python loop.
const TWO_COMMITS: &str = include_str!("two_commits.py");

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    /// `hostledger work`, with a cgroup for each program or without.
    Ours {
        cgroup: bool,
        full: bool,
    },
    /// A loop in Rust that starts and waits, and records nothing.
    Bare,
    Xargs,
    Python,
    Spooler,
    Parallel,
    Pueue,
}

/// What is to be done, and where.
pub(super) struct Work<'w> {
    pub(super) bench: &'w Bench<'w>,
    pub(super) directory: PathBuf,
    pub(super) jobs: usize,
    pub(super) at_once: usize,
}

impl Runner {
    pub(super) const OURS: [Self; 4] = [
        Self::Ours {
            cgroup: true,
            full: false,
        },
        Self::Ours {
            cgroup: false,
            full: false,
        },
        Self::Ours {
            cgroup: true,
            full: true,
        },
        Self::Ours {
            cgroup: false,
            full: true,
        },
    ];

    /// What it is called in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours {
                cgroup: true,
                full: false,
            } => "`hostledger work`, with cgroups",
            Self::Ours {
                cgroup: false,
                full: false,
            } => "`hostledger work`, without",
            Self::Ours {
                cgroup: true,
                full: true,
            } => "`hostledger work --durability full`, with cgroups",
            Self::Ours {
                cgroup: false,
                full: true,
            } => "`hostledger work --durability full`, without",
            Self::Bare => "a bare loop in Rust: starts and waits, records nothing",
            Self::Xargs => "`xargs -n1 -P`, records nothing",
            Self::Python => "a loop in Python, two durable commits a job (WAL, FULL)",
            Self::Spooler => "task-spooler, submission included in its processor time",
            Self::Parallel => "GNU parallel `--joblog`",
            Self::Pueue => "pueue, submission included in its processor time",
        }
    }

    /// Of slow ones fewer are enough to tell how slow they are.
    pub(super) fn jobs(self) -> usize {
        match self {
            Self::Ours { .. } | Self::Bare | Self::Xargs | Self::Python => 2000,
            Self::Spooler | Self::Parallel => 500,
            Self::Pueue => 100,
        }
    }

    /// Of so many rounds it takes part in these.
    pub(super) fn rounds(self, all: usize) -> usize {
        match self {
            Self::Pueue => 1,
            _ => all,
        }
    }

    /// Fills its queue, if it has one, and gives what starts the work.
    pub(super) fn prepare<'w>(self, work: &'w Work<'w>) -> Result<Prepared<'w>> {
        let prepared = Prepared { runner: self, work };
        match self {
            Self::Ours { .. } => prepared.submit()?,
            Self::Python => prepared.fill_database()?,
            Self::Spooler => peers::fill_spooler(work, JOB)?,
            Self::Pueue => peers::fill_pueue(work, JOB)?,
            Self::Xargs | Self::Parallel => {
                fs::write(work.path("lines"), "1\n".repeat(work.jobs))?;
            }
            Self::Bare => {}
        }
        Ok(prepared)
    }
}

impl Work<'_> {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(super) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Program {
        Program::new(self.bench.workspace, program)
    }

    fn hostledger(&self) -> Program {
        self.program(&self.bench.programs.hostledger)
            .arg("--data")
            .arg(self.path("ledger"))
            .env("HOSTLEDGER_DATABASE", "")
    }

    fn python(&self, action: &str) -> Program {
        let python = self.program("python3").arg("-c").arg(TWO_COMMITS);
        python.arg(action).arg(self.path("jobs.sqlite3"))
    }
}

/// A runner that has not begun yet.
pub(super) struct Prepared<'w> {
    runner: Runner,
    work: &'w Work<'w>,
}

impl Prepared<'_> {
    /// Milliseconds until all is done.
    pub(super) fn run(&self) -> Result<f64> {
        let (work, at_once) = (self.work, self.work.at_once);
        let jobs = work.jobs.to_string();
        let begun = Instant::now();
        match self.runner {
            Runner::Ours { cgroup, full } => {
                let mut program = work.hostledger().args("work --once --jobs");
                program = program.arg(at_once.to_string());
                if full {
                    program = program.args("--durability full");
                }
                if !cgroup {
                    program = program.env("HOSTLEDGER_DISABLE", "cgroup");
                }
                done(program, None)?;
            }
            Runner::Bare => {
                let program = work.program(work.bench.programs.example("spawn_bare")?);
                done(program.arg(at_once.to_string()).arg(&jobs).arg(JOB), None)?;
            }
            Runner::Xargs => {
                let program = work.program("xargs").arg(format!("-P{at_once}"));
                done(program.arg("-n1").arg(JOB), Some(&work.path("lines")))?;
            }
            Runner::Python => {
                let ended = work.python("work").arg(at_once.to_string()).output()?;
                if String::from_utf8_lossy(&ended).trim() != jobs {
                    bail!("the Python loop has not done all");
                }
            }
            Runner::Parallel => {
                let program = work.program("parallel").args("--will-cite --joblog");
                let program = program.arg(work.path("log")).arg(format!("-j{at_once}"));
                done(program.arg(JOB), Some(&work.path("lines")))?;
            }
            Runner::Spooler => peers::run_spooler(work)?,
            Runner::Pueue => peers::run_pueue(work)?,
        }
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }

    /// Ends what would go on waiting for work, and looks whether all was done.
    pub(super) fn end(self) -> Result<()> {
        match self.runner {
            Runner::Ours { .. } => self.check(),
            Runner::Spooler => peers::end_spooler(self.work),
            Runner::Pueue => peers::end_pueue(self.work),
            _ => Ok(()),
        }
    }

    fn submit(&self) -> Result<()> {
        let line = format!("{{\"cmd\":[\"{JOB}\"]}}\n");
        let lines = self.work.path("requests");
        fs::write(&lines, line.repeat(self.work.jobs))?;
        done(self.work.hostledger().args("submit -"), Some(&lines))
    }

    fn fill_database(&self) -> Result<()> {
        let fill = self.work.python("fill").arg(self.work.jobs.to_string());
        fill.arg(JOB).output().map(drop)
    }

    /// Every job is recorded with its code.
    fn check(&self) -> Result<()> {
        let list = self.work.hostledger().args("ps --all --limit 0 --json");
        let list = String::from_utf8(list.output()?).context("the list is no text")?;
        let is_right = |line: &&str| {
            let record: Result<Value, _> = serde_json::from_str(line);
            record.is_ok_and(|record| record["cmd"][0] == JOB && record["exit_code"] == 0)
        };
        let right = list.lines().filter(is_right).count();
        if right != self.work.jobs {
            bail!(
                "{right} of {} jobs are recorded with their code",
                self.work.jobs
            );
        }
        Ok(())
    }
}

/// Runs a program to its end, with a file as its input.
pub(super) fn done(program: Program, input: Option<&Path>) -> Result<()> {
    let stdin = match input {
        Some(path) => Stdio::from(File::open(path)?),
        None => Stdio::null(),
    };
    let child = program.start(stdin, Stdio::null(), Stdio::piped())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("a runner ended with {}: {said}", output.status);
    }
    Ok(())
}
