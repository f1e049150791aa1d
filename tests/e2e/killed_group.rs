//! In a cgroup that was killed once, where some kernels (6.18) kill all that is born below it.

use std::fs;

use hostledger_tests::{Ledger, skipped};

use crate::group::Group;

/// A cgroup that was killed while nobody was in it.
fn killed() -> Option<Group> {
    let group = Group::make("hostledger-e2e-killed")?;
    fs::write(group.path().join("cgroup.kill"), "1").ok()?;
    Some(group)
}

#[test]
fn programs_run_there_as_anywhere() {
    let ledger = Ledger::new();
    let Some(group) = killed() else {
        skipped("no cgroup v2 hierarchy can be written, or it has no cgroup.kill");
        return;
    };
    let run = group.run(&ledger, ["run", "--", "sh", "-c", "echo ran; exit 3"]);
    assert_eq!(run.output().expect_code(3).stdout_text(), "ran\n");
    let process = ledger.process();
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"exited".into(), &3.into())
    );
}
