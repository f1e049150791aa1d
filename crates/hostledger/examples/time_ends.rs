//! How long after its end somebody else reads of it: kills recorded processes one at a time, by
//! SIGKILL, and looks into the ledger until it says that they have ended.
//!
//! `cargo run --release -p hostledger --example time_ends -- --data DIR COUNT` kills so many of
//! those that run, at random, and prints a line of milliseconds for each.

use std::error::Error;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use hostledger::{Ledger, Process, ProcessFilter, ProcessStatus};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Between looks: a part of what is measured, and enough to leave the processor to others.
const LOOK_AGAIN: Duration = Duration::from_micros(50);

/// Between kills, so that none has to do with the one before.
const PAUSE: Duration = Duration::from_millis(3);

fn main() -> Result<(), Box<dyn Error>> {
    let [flag, directory, count] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("time_ends --data DIR COUNT".into());
    };
    assert_eq!(flag, "--data", "time_ends --data DIR COUNT");
    let ledger = Ledger::options().data_dir(directory).open()?;
    let mut running = ledger.processes(&ProcessFilter::running())?.records;
    let by_chance = RandomState::new();
    running.sort_by_key(|process| by_chance.hash_one(process.id));
    for process in running.iter().take(count.parse()?) {
        let took = until_recorded(&ledger, process)?;
        writeln!(io::stdout(), "{:.3}", took.as_secs_f64() * 1e3)?;
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn until_recorded(ledger: &Ledger, process: &Process) -> Result<Duration, Box<dyn Error>> {
    let pid = process.pid.and_then(|pid| Pid::from_raw(pid.get()));
    // It runs, by a record that was read just now, and nobody else ends it.
    let pidfd = pidfd_open(pid.ok_or("it has no pid")?, PidfdFlags::empty())?;
    let killed = Instant::now();
    pidfd_send_signal(&pidfd, Signal::KILL)?;
    while ledger.process(process.id)?.status != ProcessStatus::Exited {
        thread::sleep(LOOK_AGAIN);
    }
    Ok(killed.elapsed())
}
