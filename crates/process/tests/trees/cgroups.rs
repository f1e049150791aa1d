//! Trees in cgroups of their own.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hostledger_model::{KillMode, Pid};
use hostledger_process::{
    GroupHold, Hierarchy, Means, PidSpace, TreeRoot, end_trees, signal_trees, tree_members,
};

use crate::grown::{Grown, assert_dead, end, is_dead};
use crate::support::{Place, wait_until};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);

/// A group that goes with the test; killed if need be.
struct Pool(PathBuf);

impl Pool {
    /// None, loudly, where groups cannot be made.
    fn make() -> Option<Self> {
        let hierarchy = match Hierarchy::find(Path::new("/"), Means::all()) {
            Ok(hierarchy) => hierarchy,
            Err(reason) => {
                println!("SKIPPED: {reason}");
                return None;
            }
        };
        let name = format!("hostledger-test-{}-{}", std::process::id(), rand());
        Some(Self(hierarchy.make_pool(&name).unwrap()))
    }

    fn group(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir(&path).unwrap();
        path
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        wait_until("the groups are gone", || {
            Hierarchy::remove_pool(&self.0).unwrap()
        });
    }
}

fn rand() -> u32 {
    use std::sync::atomic::AtomicU32;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A group as a pool lends it, with what was asked of it.
#[derive(Clone)]
struct Lent {
    path: PathBuf,
    current: Arc<AtomicBool>,
    condemned: Arc<AtomicBool>,
}

impl Lent {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            current: Arc::new(AtomicBool::new(true)),
            condemned: Arc::new(AtomicBool::new(false)),
        }
    }

    /// A tree known by its group and nothing else.
    fn root(&self, tree: &Grown) -> TreeRoot {
        TreeRoot {
            group: Some(Box::new(self.clone())),
            ..tree.untagged()
        }
    }
}

impl GroupHold for Lent {
    fn path(&self) -> &Path {
        &self.path
    }

    fn is_current(&self) -> bool {
        self.current.load(Ordering::Relaxed)
    }

    fn condemn(&self) -> bool {
        self.condemned.store(true, Ordering::Relaxed);
        self.is_current()
    }
}

/// Moves itself into a group, and one below it for a nested ledger, before it goes on.
fn grown_in(place: &Place, group: &Path, script: &str) -> Grown {
    let group = group.display();
    let enter = format!("open('{group}/cgroup.procs', 'w').write(str(os.getpid()))\n");
    Grown::python(place, &format!("{enter}{script}"))
}

const DEAF_AND_HIDDEN: &str = "
def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note()
    hide()
    while True: signal.pause()
daemon(deaf)
daemon(stay)
note()
";

#[test]
fn a_group_is_asked_and_then_killed_as_a_whole_with_the_groups_below() {
    let Some(pool) = Pool::make() else { return };
    let place = Place::new();
    let lent = Lent::new(pool.group("one"));
    let below = lent.path.join("nested");
    fs::create_dir(&below).unwrap();
    let nested = format!(
        "
def inner():
    open('{}/cgroup.procs', 'w').write(str(os.getpid()))
    stay()
daemon(inner)
{DEAF_AND_HIDDEN}",
        below.display()
    );
    let tree = grown_in(&place, &lent.path, &nested);
    let pids = tree.pids(&place, 4);
    tree.leader.end();
    let members = tree_members(PidSpace::current().unwrap(), &lent.root(&tree)).unwrap();
    assert_eq!(members.len(), 3);
    let ended = end(&[lent.root(&tree)], SHORT);
    assert_eq!((ended[0].ended, ended[0].killed), (3, true));
    assert!(lent.condemned.load(Ordering::Relaxed));
    assert_dead(&pids);
}

#[test]
fn without_cgroup_kill_the_group_is_frozen_and_its_processes_killed() {
    let Some(pool) = Pool::make() else { return };
    let place = Place::new();
    let group = pool.group("one");
    // The same group, but as it looks before Linux 5.14.
    let older = place.path("older");
    fs::create_dir(&older).unwrap();
    for file in ["cgroup.procs", "cgroup.events", "cgroup.freeze"] {
        std::os::unix::fs::symlink(group.join(file), older.join(file)).unwrap();
    }
    let tree = grown_in(&place, &group, DEAF_AND_HIDDEN);
    let pids = tree.pids(&place, 3);
    tree.leader.end();
    let ended = end(&[Lent::new(older).root(&tree)], SHORT);
    assert_eq!((ended[0].ended, ended[0].killed), (2, true));
    assert_dead(&pids);
    let frozen = fs::read_to_string(group.join("cgroup.freeze")).unwrap();
    assert_eq!(frozen, "0\n");
}

#[test]
fn a_group_whose_members_obey_is_not_condemned() {
    let Some(pool) = Pool::make() else { return };
    let place = Place::new();
    let lent = Lent::new(pool.group("one"));
    let tree = grown_in(&place, &lent.path, "daemon(stay)\nstay()");
    let pids = tree.pids(&place, 2);
    let ended = end(&[lent.root(&tree)], LONG);
    assert_eq!((ended[0].ended, ended[0].killed), (2, false));
    assert!(
        !lent.condemned.load(Ordering::Relaxed),
        "it can be used again"
    );
    assert_dead(&pids);
}

#[test]
fn nobody_is_signalled_in_a_group_that_belongs_to_another_by_now() {
    let Some(pool) = Pool::make() else { return };
    let place = Place::new();
    let lent = Lent::new(pool.group("one"));
    let next = grown_in(&place, &lent.path, "daemon(stay)\nstay()");
    let pids = next.pids(&place, 2);
    let ended_before = Grown::python(&place, "note()");
    ended_before.leader.end();
    lent.current.store(false, Ordering::Relaxed);
    let space = PidSpace::current().unwrap();
    let roots = [lent.root(&ended_before)];
    let signal = hostledger_process::Signal::TERM;
    assert_eq!(signal_trees(space, &roots, signal).remove(0).unwrap(), 0);
    assert_eq!(end(&roots, SHORT)[0].ended, 0);
    assert!(pids.iter().all(|pid| !is_dead(*pid)));
}

#[test]
fn whoever_has_left_the_group_is_ended_by_his_tag() {
    let Some(pool) = Pool::make() else { return };
    let place = Place::new();
    let lent = Lent::new(pool.group("one"));
    let elsewhere = pool.group("two");
    let script = format!(
        "
def leave():
    open('{}/cgroup.procs', 'w').write(str(os.getpid()))
    stay()
daemon(leave)
stay()",
        elsewhere.display()
    );
    let tree = grown_in(&place, &lent.path, &script);
    let pids = tree.pids(&place, 2);
    let mut root = lent.root(&tree);
    root.tag = Some(tree.tag);
    let ends = end_trees(PidSpace::current().unwrap(), &[root], None, Duration::ZERO);
    assert_eq!(ends[0].as_ref().unwrap().ended, 2);
    assert_dead(&pids);
}

#[test]
fn a_group_that_is_switched_off_is_not_touched() {
    let Some(pool) = Pool::make() else { return };
    let place = Place::new();
    let lent = Lent::new(pool.group("one"));
    let tree = grown_in(&place, &lent.path, "daemon(stay)\nstay()");
    tree.pids(&place, 2);
    let space = PidSpace::current().unwrap();
    let without = space.with(Means::without("cgroup").unwrap());
    let ends = end_trees(&without, &[lent.root(&tree)], None, Duration::ZERO);
    assert_eq!(
        ends[0].as_ref().unwrap().ended,
        1,
        "the leader, by identity"
    );
    assert!(!lent.condemned.load(Ordering::Relaxed));
}

/// Ends the tree that it is a part of, as a nested ledger's `kill` does; run by the test below.
#[test]
fn end_our_own_tree() {
    let Ok(group) = std::env::var("OWN_GROUP") else {
        return;
    };
    let space = PidSpace::current().unwrap();
    let leader = Pid::new(std::os::unix::process::parent_id().try_into().unwrap()).unwrap();
    let root = TreeRoot {
        identity: space.identify(leader).unwrap().0,
        leader: None,
        tag: None,
        group: Some(Box::new(Lent::new(group.into()))),
        scope: KillMode::Tree,
    };
    let ended = end(&[root], SHORT);
    println!(
        "ended {} survivors {}",
        ended[0].ended,
        ended[0].survivors.len()
    );
}

#[test]
fn who_ends_its_own_tree_is_left_out_with_its_ancestors() {
    let Some(pool) = Pool::make() else { return };
    let place = Place::new();
    let group = pool.group("one");
    let exe = std::env::current_exe().unwrap();
    let script = format!(
        "
daemon(stay)
import subprocess
os.environ['OWN_GROUP'] = '{}'
print(subprocess.run(['{}', '--exact', 'cgroups::end_our_own_tree', '--nocapture'],
      capture_output=True, text=True).stdout, flush=True)
",
        group.display(),
        exe.display()
    );
    let tree = grown_in(&place, &group, &script);
    let pids = tree.pids(&place, 1);
    tree.leader.end();
    let said = String::from_utf8(tree.leader.stdout()).unwrap();
    assert!(said.contains("ended 1 survivors 0"), "{said}");
    assert_dead(&pids);
}

#[test]
fn groups_can_be_made_and_removed_but_not_while_somebody_is_in_them() {
    let Some(pool) = Pool::make() else { return };
    let group = pool.group("one");
    let mut child = in_group(&group);
    assert!(!Hierarchy::remove_pool(&pool.0).unwrap());
    assert!(group.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("it is empty", || Hierarchy::remove_pool(&pool.0).unwrap());
    assert!(!pool.0.exists());
}

#[test]
fn a_group_that_nobody_has_used_for_long_is_swept_and_one_in_use_is_not() {
    let Some(pool) = Pool::make() else { return };
    let hierarchy = Hierarchy::find(Path::new("/"), Means::all()).unwrap();
    let prefix = pool.0.file_name().unwrap().to_str().unwrap();
    let group = pool.group("one");
    assert_eq!(hierarchy.sweep(prefix, Duration::ZERO).unwrap(), 0);
    fs::remove_dir(group).unwrap();
    assert_eq!(
        hierarchy.sweep(prefix, Duration::from_secs(3600)).unwrap(),
        0
    );
    assert!(pool.0.exists(), "it is young");
    assert_eq!(hierarchy.sweep(prefix, Duration::ZERO).unwrap(), 1);
    assert!(!pool.0.exists());
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bystander, started by other means than ours"
)]
fn in_group(group: &Path) -> Child {
    let child = Command::new("sleep").arg("60").process_group(0).spawn();
    let child = child.unwrap();
    fs::write(group.join("cgroup.procs"), child.id().to_string()).unwrap();
    child
}
