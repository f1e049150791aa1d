//! Cgroups for the program under test.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use hostledger_tests::{Invocation, Ledger, hostledger};

/// A cgroup; goes with the test.
pub(crate) struct Group(PathBuf);

impl Group {
    /// None where there is no cgroup v2 hierarchy to write to.
    pub(crate) fn make(name: &str) -> Option<Self> {
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
        let mount = mounts
            .into_iter()
            .find(|mount| mount.join("cgroup.procs").exists())?;
        let group = mount.join(format!("{name}-{}", std::process::id()));
        fs::create_dir(&group).ok()?;
        Some(Self(group))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The one group in it.
    pub(crate) fn only_child(&self) -> PathBuf {
        let entries = fs::read_dir(&self.0).unwrap().flatten();
        let mut groups = entries.map(|it| it.path()).filter(|it| it.is_dir());
        let group = groups.next().unwrap();
        assert_eq!(groups.next(), None, "there is one");
        group
    }

    /// The program, run in it.
    pub(crate) fn run<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(
        &self,
        ledger: &Ledger,
        arguments: I,
    ) -> Invocation {
        let script = "echo $$ > \"$1\" && shift && exec \"$@\"";
        let procs = self.0.join("cgroup.procs");
        let run = ledger.other("sh").args(["-c", script, "sh"]).arg(procs);
        let run = run.arg(hostledger()).arg("--data").arg(ledger.data());
        run.args(arguments)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Of a test that has failed somebody may be left, and even stand still.
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        remove(&self.0);
    }
}

/// The deepest first; what is in use stays.
fn remove(group: &Path) {
    let below = fs::read_dir(group).into_iter().flatten().flatten();
    for entry in below.filter(|entry| entry.path().is_dir()) {
        remove(&entry.path());
    }
    let _ = fs::remove_dir(group);
}
