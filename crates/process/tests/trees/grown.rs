//! A tree that is grown for a test and ended with it, whatever the test does.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hostledger_model::{KillMode, Pid};
use hostledger_process::{PidSpace, TreeEnd, TreeRoot, end_trees, tree_members};

use crate::support::{Place, Running, state, wait_until};

/// A program with a tag of its own.
pub(crate) struct Grown {
    pub(crate) leader: Running,
    pub(crate) tag: u64,
}

impl Grown {
    /// Starts a program under a new tag; orphans come to this process.
    pub(crate) fn start(place: &Place, arguments: &[&str]) -> Self {
        static TAGS: AtomicU64 = AtomicU64::new(1);
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
        let count = TAGS.fetch_add(1, Ordering::Relaxed);
        let tag = (u64::from(std::process::id()) << 20) | count;
        // It executes the program itself, so the leader is the program.
        let mut spec = place.spec(["prlimit"]);
        spec.arguments.push(format!("--locks={tag}:").into());
        spec.arguments.extend(arguments.iter().map(Into::into));
        let out = place.path(&tag.to_string());
        spec.environment.push(("OUT".into(), out.into()));
        Self {
            leader: place.run(spec),
            tag,
        }
    }

    pub(crate) fn python(place: &Place, script: &str) -> Self {
        let script = format!("{PRELUDE}{script}");
        Self::start(place, &["python3", "-c", &script])
    }

    /// As a ledger knows it: by identity, descriptor and tag.
    pub(crate) fn root(&self) -> TreeRoot {
        TreeRoot {
            identity: self.leader.identity.clone(),
            leader: Some(self.leader.pidfd.try_clone().unwrap()),
            tag: Some(self.tag),
            group: None,
            scope: KillMode::Tree,
        }
    }

    pub(crate) fn untagged(&self) -> TreeRoot {
        TreeRoot {
            tag: None,
            ..self.root()
        }
    }

    /// The pids that `note(name)` of the prelude has written, when there are so many.
    pub(crate) fn pids(&self, place: &Place, count: usize) -> Vec<Pid> {
        let directory: PathBuf = place.path(&self.tag.to_string());
        let read = || -> Vec<Pid> {
            let entries = fs::read_dir(&directory).into_iter().flatten();
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            names
                .filter_map(|name| Pid::new(name.parse().ok()?))
                .collect()
        };
        wait_until(&format!("{count} pids"), || read().len() >= count);
        read()
    }
}

impl Drop for Grown {
    fn drop(&mut self) {
        let _ = end_trees(
            PidSpace::current().unwrap(),
            &[self.root()],
            None,
            Duration::ZERO,
        );
    }
}

/// `note()` tells the test that this process is there; `daemon(f)` runs f after setsid and a
/// double fork, with nothing kept.
const PRELUDE: &str = r#"
import ctypes, os, signal, sys, time
out = os.environ['OUT']
os.makedirs(out, exist_ok=True)
def note():
    open(f'{out}/{os.getpid()}', 'w').close()
def stay():
    note()
    while True:
        signal.pause()
def hide():
    os.closerange(0, 1024)
    os.environ.clear()
    ctypes.CDLL(None).prctl(15, b'somebody-else', 0, 0, 0)
def child(f):
    if os.fork() == 0:
        f()
        os._exit(0)
def daemon(f):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            f()
        os._exit(0)
    os.wait()
"#;

pub(crate) fn end(roots: &[TreeRoot], grace: Duration) -> Vec<TreeEnd> {
    let term = Some(hostledger_process::Signal::TERM);
    let ends = end_trees(PidSpace::current().unwrap(), roots, term, grace);
    ends.into_iter().map(Result::unwrap).collect()
}

pub(crate) fn count(root: &TreeRoot) -> usize {
    tree_members(PidSpace::current().unwrap(), root)
        .unwrap()
        .len()
}

/// A zombie, or reaped.
pub(crate) fn is_dead(pid: Pid) -> bool {
    matches!(state(pid), None | Some('Z'))
}

pub(crate) fn assert_dead(pids: &[Pid]) {
    for pid in pids {
        assert!(is_dead(*pid), "{pid} is {:?}", state(*pid));
    }
}
