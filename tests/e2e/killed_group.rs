//! In a cgroup that was killed once, where some kernels (6.18) kill all that is born below it.

use std::fs;
use std::path::PathBuf;

use hostledger_tests::{Ledger, hostledger, skipped};

/// A cgroup that was killed while nobody was in it; goes with the test.
struct KilledGroup(PathBuf);

impl KilledGroup {
    /// None where there is no cgroup v2 hierarchy to write to.
    fn make(name: &str) -> Option<Self> {
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
        let mount = mounts
            .into_iter()
            .find(|mount| mount.join("cgroup.procs").exists())?;
        let group = mount.join(format!("{name}-{}", std::process::id()));
        fs::create_dir(&group).ok()?;
        let group = Self(group);
        fs::write(group.0.join("cgroup.kill"), "1").ok()?;
        Some(group)
    }
}

impl Drop for KilledGroup {
    fn drop(&mut self) {
        let below = fs::read_dir(&self.0).into_iter().flatten().flatten();
        for entry in below.filter(|entry| entry.path().is_dir()) {
            let _ = fs::remove_dir(entry.path());
        }
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn programs_run_there_as_anywhere() {
    let ledger = Ledger::new();
    let Some(group) = KilledGroup::make("hostledger-e2e-killed") else {
        skipped("no cgroup v2 hierarchy can be written, or it has no cgroup.kill");
        return;
    };
    let script = "echo $$ > \"$1\" && shift && exec \"$@\"";
    let procs = group.0.join("cgroup.procs");
    let run = ledger.other("sh").args(["-c", script, "sh"]).arg(procs);
    let run = run.arg(hostledger()).arg("--data").arg(ledger.data());
    let run = run.args(["run", "--", "sh", "-c", "echo ran; exit 3"]);
    assert_eq!(run.output().expect_code(3).stdout_text(), "ran\n");
    let process = ledger.process();
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"exited".into(), &3.into())
    );
}
