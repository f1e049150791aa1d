//! What a worker has taken on ahead belongs to nobody for long.

use std::fs;
use std::path::Path;

use hostledger_tests::{Ledger, Signal, Started, hostledger, wait_until};
use serde_json::json;

use crate::work::{append, lines, submit, until, wait_lines, worker};

/// Enough short programs that a worker takes some on ahead of their turn.
const SHORT: usize = 60;
/// As many follow a long one.
const BEHIND: usize = 20;

/// A worker whose one slot is taken by a long program, with others queued behind it.
struct Behind {
    ledger: Ledger,
    first: Started,
    ids: Vec<String>,
}

impl Behind {
    fn begin() -> Self {
        let ledger = Ledger::new();
        let (go, begun) = (ledger.path("go"), ledger.path("begun"));
        let short = vec!["exit 0".to_owned(); SHORT];
        submit(&ledger, &short, &json!({}));
        submit(&ledger, &[until(&go, &begun, 0)], &json!({}));
        let behind = vec![append(&ledger.path("ran"), "x"); BEHIND];
        let ids = submit(&ledger, &behind, &json!({}));
        let first = worker(&ledger, &["--jobs", "1", "--once"]);
        wait_lines(&begun, 1);
        Self { ledger, first, ids }
    }

    fn ran(&self) -> usize {
        lines(&self.ledger.path("ran")).len()
    }

    /// Lets the long one end.
    fn end(self) -> (Ledger, Started) {
        fs::write(self.ledger.path("go"), "").unwrap();
        (self.ledger, self.first)
    }
}

#[test]
fn what_waits_behind_long_work_is_run_by_another_worker() {
    let behind = Behind::begin();
    let second = worker(&behind.ledger, &["--jobs", "1"]);
    wait_until("the second worker has run all that waited", || {
        behind.ran() == BEHIND
    });
    second.signal(Signal::TERM);
    second.wait().expect_code(0);
    let (ledger, first) = behind.end();
    first.wait().expect_code(0);
    assert_eq!(lines(&ledger.path("ran")).len(), BEHIND, "once each");
}

#[test]
fn what_waits_behind_long_work_is_cancelled_and_never_runs() {
    let behind = Behind::begin();
    let cancelled = behind.ledger.command(["cancel"]).args(&behind.ids).output();
    let cancelled = cancelled.expect_code(0);
    let told = cancelled.stdout_text().lines();
    assert_eq!(
        told.filter(|line| line.ends_with(" cancelled")).count(),
        BEHIND
    );
    let (ledger, first) = behind.end();
    first.wait().expect_code(0);
    assert!(!Path::new(&ledger.path("ran")).exists());
}

#[test]
fn programs_wait_for_descriptors_that_have_run_out() {
    let ledger = Ledger::new();
    let file = ledger.path("ran");
    let script = format!("sleep 0.3; {}", append(&file, "x"));
    submit(&ledger, &vec![script; 60], &json!({}));
    let limited = ["-c", "ulimit -n 48; exec \"$@\"", "sh"];
    let work = ledger.other("sh").args(limited).arg(hostledger());
    let work = work.arg("--data").arg(ledger.data());
    let done = work.args(["work", "--once", "--jobs", "60"]).output();
    let done = done.expect_code(0);
    assert_eq!(done.stdout_text().trim(), "60 succeeded");
    assert_eq!(lines(&file).len(), 60);
}
