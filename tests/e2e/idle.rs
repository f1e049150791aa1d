//! Nobody looks now and then: who supervises sleeps until something happens.

use std::fs;
use std::thread;
use std::time::Duration;

use hostledger_tests::{Ledger, wait_until};

use crate::background::Background;

/// Longer than any period worth looking in.
pub(crate) const A_WHILE: Duration = Duration::from_secs(1);

/// How often all threads of a process have gone to sleep.
pub(crate) fn sleeps(pid: i32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let counts = threads.map(|thread| {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count.unwrap().trim().parse::<u64>().unwrap()
    });
    counts.sum()
}

#[test]
fn launcher_and_keeper_sleep_while_a_program_runs() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "exec sleep 60");
    let launcher = run.run.pid().cast_signed();
    let keeper = hostledger_tests::parent_of(run.pid).unwrap();
    for pid in [launcher, keeper] {
        wait_until("it sleeps for a while without waking", || {
            let before = sleeps(pid);
            thread::sleep(A_WHILE);
            sleeps(pid) == before
        });
    }
    run.end(&ledger);
}
