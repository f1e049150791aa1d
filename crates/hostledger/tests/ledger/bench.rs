//! A ledger of its own for each test.

use std::time::Duration;

use hostledger::{Ledger, Process};

pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Bench {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) ledger: Ledger,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(directory.path().join("data")).unwrap();
        Self { directory, ledger }
    }

    /// The same ledger, opened by somebody else.
    pub(crate) fn again(&self) -> Ledger {
        Ledger::open(self.directory.path().join("data")).unwrap()
    }

    pub(crate) fn run(&self, script: &str) -> Process {
        self.ledger
            .command("sh")
            .args(["-c", script])
            .launch()
            .unwrap()
            .wait()
            .unwrap()
    }
}

/// Whether a program with exactly this argument runs anywhere.
pub(crate) fn runs(argument: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0)
            .any(|part| part == argument.as_bytes())
    })
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + LIMIT;
    while !condition() {
        assert!(
            std::time::Instant::now() < deadline,
            "waited in vain until {what}"
        );
        std::thread::sleep(Duration::from_millis(3));
    }
}
