//! What several workers on one database get done: each claims what is due in batches, writes that
//! they have started, and how they have ended, with the counts of uses that go with an end.
//!
//! `cargo run --release -p hostledger-store --features postgres --example settle -- DATABASE
//! MACHINE WORKERS JOBS` fills the queue of a machine, has it worked off by so many workers, each
//! with a store of its own, and prints the milliseconds that took; without workers it only fills the
//! queue. The database must hold the machine (`hostledger machine --json` makes it and tells its id).

use std::error::Error;
use std::io::{self, Write as _};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use chrono::TimeDelta;
use hostledger_model::{
    BootId, CommandLine, Ended, Lease, LogPlace, MachineId, Outcome, OwnerId, Pid, PidNamespace,
    Process, ProcessChange, ProcessDraft, ProcessIdentity, ResourceUsage, SecretWords, StartTicks,
    Started, Timestamp,
};
use hostledger_store::{
    Change, Claim, Claims, Database, OpenOptions, ProcessFilter, Store, Ticket, Used,
};

/// Of a worker's thread as well.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Rows that are queued at once.
const BATCH: u64 = 4_096;
/// How many are taken on at once.
const CLAIM: u32 = 32;

fn main() -> Result<()> {
    let [database, machine, workers, jobs] = &std::env::args().skip(1).collect::<Vec<_>>()[..]
    else {
        return Err("settle DATABASE MACHINE WORKERS JOBS".into());
    };
    let database = Database::parse(database.as_ref())?;
    let (machine, workers, jobs) = (machine.parse()?, workers.parse::<usize>()?, jobs.parse()?);
    let store = database.open(&OpenOptions::default())?;
    fill(&*store, machine, jobs)?;
    let begin = Arc::new(Barrier::new(workers + 1));
    let threads = (0..workers).map(|_| {
        let store = database.open(&OpenOptions::default())?;
        let worker = Worker {
            store,
            machine,
            owner: OwnerId::generate(),
        };
        // It has its connections when it begins.
        worker.claim(0).wait()?;
        let begin = Arc::clone(&begin);
        Ok(thread::spawn(move || {
            begin.wait();
            worker.work()
        }))
    });
    let threads = threads.collect::<Result<Vec<_>>>()?;
    begin.wait();
    let begun = Instant::now();
    let mut done = 0;
    for thread in threads {
        done += thread.join().map_err(|_| "a worker panicked")??;
    }
    let took = begun.elapsed();
    let left = store.process_count(&ProcessFilter {
        status: Some(hostledger_model::ProcessStatus::Queued),
        ..ProcessFilter::default()
    })?;
    if workers > 0 && (done, left) != (jobs, 0) {
        return Err(format!("{done} of {jobs} were done, and {left} are queued").into());
    }
    writeln!(io::stdout(), "{:.3}", took.as_secs_f64() * 1e3)?;
    Ok(())
}

fn fill(store: &dyn Store, machine: MachineId, jobs: u64) -> Result<()> {
    let queued = |_| -> Result<Process> {
        let command = CommandLine::new(["/usr/bin/true", "one", "two"].map(Vec::from).into())?;
        let draft = ProcessDraft::new(machine, command, b"/srv/somewhere".to_vec());
        let (process, _) = draft.into_process(&SecretWords::default(), Timestamp::now())?;
        Ok(process)
    };
    let mut there = 0;
    while there < jobs {
        let count = BATCH.min(jobs - there);
        let batch: Vec<Process> = (0..count).map(queued).collect::<Result<_>>()?;
        let change = Change::InsertProcesses(batch.into());
        applied([store.submit(Timestamp::now(), vec![change])])?;
        there += count;
    }
    Ok(())
}

struct Worker {
    store: Arc<dyn Store>,
    machine: MachineId,
    owner: OwnerId,
}

impl Worker {
    /// How many it has seen to their end when nothing is due any more.
    fn work(&self) -> Result<u64> {
        let mut done = 0;
        let mut claim = self.claim(CLAIM);
        loop {
            let claimed = claim.wait()?.claimed;
            if claimed.is_empty() {
                return Ok(done);
            }
            let processes: Vec<Process> = claimed.into_iter().map(|it| it.process).collect();
            let starts = processes.iter().enumerate();
            applied(starts.map(|(number, process)| self.started(number, process)))?;
            // The next ones are claimed ahead, as a worker does.
            let ends: Vec<_> = processes
                .iter()
                .map(|process| self.ended(process))
                .collect();
            claim = self.claim(CLAIM);
            applied(ends)?;
            done += processes.len() as u64;
        }
    }

    fn claim(&self, limit: u32) -> Ticket<Claims> {
        self.store.claim(Claim {
            machine: self.machine,
            owner: self.owner,
            now: Timestamp::now(),
            limit,
            lease: Lease {
                slack: TimeDelta::seconds(60),
                without_timeout: TimeDelta::days(1),
            },
        })
    }

    /// Each submission by itself, as they come from programs.
    fn started(&self, number: usize, process: &Process) -> Ticket {
        let now = Timestamp::now();
        let pid = i32::try_from(1000 + number).ok().and_then(Pid::new);
        let identity = pid.map(|pid| ProcessIdentity {
            boot_id: BootId("00000000-0000-4000-8000-000000000000".to_owned()),
            pid_namespace: PidNamespace(1),
            pid,
            start_ticks: StartTicks(1),
            pidfd_inode: None,
        });
        let changes = identity.map(|identity| {
            self.change(
                process,
                ProcessChange::Started(Started {
                    identity,
                    started_at: now,
                    lease_until: now.saturating_add(TimeDelta::days(1)),
                    log: LogPlace::Files {
                        stem: format!("processes/{}.1", process.id),
                    },
                    knows_stop: false,
                }),
            )
        });
        self.store.submit(now, changes.into_iter().collect())
    }

    fn ended(&self, process: &Process) -> Ticket {
        let now = Timestamp::now();
        let ended = Ended {
            ended_at: now,
            exit_code: Some(0),
            outcome: Outcome::Exited,
            stdout: "one line of output\n".repeat(4),
            stderr: String::new(),
            stdout_bytes: Some(76),
            stderr_bytes: Some(0),
            stdout_dropped: None,
            stderr_dropped: None,
            usage: Some(ResourceUsage {
                cpu_user_us: 900,
                ..ResourceUsage::default()
            }),
        };
        let count = Change::CountUse {
            of: Used::Machine(self.machine),
            succeeded: true,
        };
        let end = self.change(process, ProcessChange::Ended(ended));
        self.store.submit(now, vec![end, count])
    }

    fn change(&self, process: &Process, change: ProcessChange) -> Change {
        Change::ChangeProcess {
            id: process.id,
            change,
            owner: Some(self.owner),
        }
    }
}

/// Waits for all, none of which may be refused.
fn applied(tickets: impl IntoIterator<Item = Ticket>) -> Result<()> {
    let tickets: Vec<Ticket> = tickets.into_iter().collect();
    for ticket in tickets {
        if !ticket.wait()?.is_applied() {
            return Err("a change was refused".into());
        }
    }
    Ok(())
}
