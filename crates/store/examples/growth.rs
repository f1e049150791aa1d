//! What a store's work costs with much history: fills a database up with processes that have
//! ended, and measures what a worker, `ps` and `cleanup` ask of it.
//!
//! `cargo run --release -p hostledger-store --example growth -- DATABASE MACHINE ROWS` prints a
//! line for each question: its name and the median of its milliseconds. The database must hold the
//! machine (`hostledger machine --json` makes it and tells its id).

use std::error::Error;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hostledger_model::{
    BootId, CommandLine, Ended, Lease, LogPlace, MachineId, Outcome, OwnerId, Pid, PidNamespace,
    Process, ProcessChange, ProcessDraft, ProcessIdentity, ProcessStatus, ProcessType,
    ResourceUsage, SecretWords, StartTicks, Timestamp,
};
use hostledger_store::{Change, Claim, Claims, Database, OpenOptions, ProcessFilter, Store};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rows of history that are written at once.
const BATCH: u64 = 5_000;
/// How often each is measured.
const ROUNDS: usize = 60;
/// How many are taken on at once.
const CLAIM: u32 = 32;
/// How many run while `ps` and `cleanup` look.
const RUNNING: usize = 100;
/// No other machine has a boot of this name, so nobody takes one of these for a live process.
const BOOT: &str = "00000000-0000-4000-8000-000000000000";

fn main() -> Result<()> {
    let [database, machine, rows] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("growth DATABASE MACHINE ROWS".into());
    };
    let store = Database::parse(database.as_ref())?.open(&OpenOptions::default())?;
    let growth = Growth {
        store,
        machine: machine.parse()?,
        owner: OwnerId::generate(),
    };
    growth.fill(rows.parse()?)?;
    growth.measure()
}

struct Growth {
    store: Arc<dyn Store>,
    machine: MachineId,
    owner: OwnerId,
}

impl Growth {
    /// Fills the history up to so many.
    fn fill(&self, rows: u64) -> Result<()> {
        let ended = ProcessFilter {
            status: Some(ProcessStatus::Exited),
            ..ProcessFilter::default()
        };
        let mut there = self.store.process_count(&ended)?;
        while there < rows {
            let count = BATCH.min(rows - there);
            let batch = (0..count).map(|number| self.ended(there + number));
            self.insert(batch.collect::<Result<_>>()?)?;
            there += count;
        }
        Ok(())
    }

    fn measure(&self) -> Result<()> {
        let running = (0..RUNNING).map(|number| self.running(number));
        let running: Vec<Process> = running.collect::<Result<_>>()?;
        self.insert(running.clone())?;
        let (mut claims, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let queued = (0..CLAIM).map(|_| self.queued());
            self.insert(queued.collect::<Result<_>>()?)?;
            let (claimed, took) = timed(|| self.claim())?;
            claims.push(took);
            let processes: Vec<_> = claimed.claimed.into_iter().map(|it| it.process).collect();
            ends.push(timed(|| self.end(&processes))?.1);
            self.delete(processes)?;
        }
        let machine_id = Some(self.machine);
        let list = ProcessFilter {
            machine_id,
            ..ProcessFilter::running()
        };
        let of_type = |process_type| ProcessFilter {
            process_type: Some(process_type),
            ..list.clone()
        };
        let listed = repeated(|| {
            let rows = self.store.processes(&list)?;
            assert_eq!(rows.records.len(), RUNNING, "all that run are listed");
            Ok(())
        })?;
        let cleaned = repeated(|| {
            self.store.processes(&list)?;
            self.store.claimed(self.machine, Timestamp::now())?;
            self.store.processes(&of_type(ProcessType::Worker))?;
            self.store.processes(&of_type(ProcessType::Hook))?;
            Ok(())
        })?;
        for (what, took) in [
            ("claim", claims),
            ("end", ends),
            ("ps", listed),
            ("cleanup", cleaned),
        ] {
            writeln!(io::stdout(), "{what} {:.4}", median(took))?;
        }
        // The history is as it was.
        self.delete(running)
    }

    fn delete(&self, processes: Vec<Process>) -> Result<()> {
        let changes = processes.into_iter();
        self.write(
            changes
                .map(|it| vec![Change::DeleteProcess(it.id)])
                .collect(),
        )
    }

    fn insert(&self, processes: Vec<Process>) -> Result<()> {
        let change = Change::InsertProcesses(processes.into());
        self.write(vec![vec![change]])
    }

    /// Each submission by itself, as they come from programs that have ended.
    fn write(&self, submissions: Vec<Vec<Change>>) -> Result<()> {
        let now = Timestamp::now();
        let submissions = submissions.into_iter();
        let tickets = submissions.map(|changes| self.store.submit(now, changes));
        for ticket in tickets.collect::<Vec<_>>() {
            if !ticket.wait()?.is_applied() {
                return Err("a change was refused".into());
            }
        }
        Ok(())
    }

    fn claim(&self) -> Result<Claims> {
        let claim = Claim {
            machine: self.machine,
            owner: self.owner,
            now: Timestamp::now(),
            limit: CLAIM,
            lease: Lease {
                slack: TimeDelta::seconds(60),
                without_timeout: TimeDelta::days(1),
            },
        };
        let claims = self.store.claim(claim).wait()?;
        if claims.claimed.len() != CLAIM as usize {
            return Err("not all were claimed".into());
        }
        Ok(claims)
    }

    fn end(&self, processes: &[Process]) -> Result<()> {
        let changes = processes.iter().map(|process| {
            vec![Change::ChangeProcess {
                id: process.id,
                change: ProcessChange::Ended(lost()),
                owner: process.owner,
            }]
        });
        self.write(changes.collect())
    }

    fn queued(&self) -> Result<Process> {
        let command = CommandLine::new(["/usr/bin/true", "one", "two"].map(Vec::from).into())?;
        let draft = ProcessDraft::new(self.machine, command, b"/srv/somewhere".to_vec());
        Ok(draft
            .into_process(&SecretWords::default(), Timestamp::now())?
            .0)
    }

    fn running(&self, number: usize) -> Result<Process> {
        let now = Timestamp::now();
        let pid = i32::try_from(1000 + number)?;
        Ok(Process {
            status: ProcessStatus::Running,
            pid: Pid::new(pid),
            identity: Pid::new(pid).map(|pid| ProcessIdentity {
                boot_id: BootId(BOOT.to_owned()),
                pid_namespace: PidNamespace(1),
                pid,
                start_ticks: StartTicks(1),
                pidfd_inode: None,
            }),
            started_at: Some(now),
            owner: Some(self.owner),
            retry_at: Some(now.saturating_add(TimeDelta::days(1))),
            log: Some(LogPlace::Files {
                stem: format!("processes/{number}.1"),
            }),
            ..self.queued()?
        })
    }

    /// One of a long history: over the last month.
    fn ended(&self, number: u64) -> Result<Process> {
        let minutes = i64::try_from(number % 40_000)?;
        let at = Timestamp::now().saturating_add(TimeDelta::minutes(-minutes));
        Ok(Process {
            status: ProcessStatus::Exited,
            created_at: at,
            modified_at: at,
            ended_at: Some(at),
            exit_code: Some(0),
            outcome: Some(Outcome::Exited),
            stdout: "one line of output\n".repeat(4),
            stdout_bytes: Some(76),
            stderr_bytes: Some(0),
            usage: Some(ResourceUsage {
                cpu_user_us: 900,
                ..ResourceUsage::default()
            }),
            owner: None,
            retry_at: None,
            ..self.running(usize::try_from(number % 30_000)?)?
        })
    }
}

fn lost() -> Ended {
    Ended {
        ended_at: Timestamp::now(),
        exit_code: None,
        outcome: Outcome::Lost,
        stdout: String::new(),
        stderr: String::new(),
        stdout_bytes: None,
        stderr_bytes: None,
        stdout_dropped: None,
        stderr_dropped: None,
        usage: None,
    }
}

fn timed<T>(act: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let begun = Instant::now();
    let done = act()?;
    Ok((done, begun.elapsed()))
}

fn repeated(act: impl Fn() -> Result<()>) -> Result<Vec<Duration>> {
    (0..ROUNDS).map(|_| Ok(timed(&act)?.1)).collect()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .map_or(0.0, |time| time.as_secs_f64() * 1e3)
}
