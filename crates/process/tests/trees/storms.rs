//! Those who fork while they are being ended.
//!
//! Each forks a bounded number of times and ends by itself within a minute, whatever becomes of
//! the test: their zombies are ours until the test ends, and the numbers of the machine are few.

use std::time::Duration;

use hostledger_process::{Means, PidSpace, TreeRoot, end_trees};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::grown::{Grown, assert_dead, count, end};
use crate::support::Place;

fn kill(space: &PidSpace, root: TreeRoot) -> usize {
    let end = end_trees(space, &[root], None, Duration::ZERO).remove(0);
    let end = end.unwrap();
    assert_eq!(end.survivors, []);
    end.ended
}

/// A thousand daemons in a row.
const STORM: &str = "
note()
daemon(stay)
for _ in range(1000):
    daemon(lambda: time.sleep(60))
time.sleep(60)
";

#[test]
fn a_thousand_forks_are_overtaken_by_their_tag() {
    let place = Place::new();
    let tree = Grown::python(&place, STORM);
    tree.pids(&place, 2);
    assert!(kill(PidSpace::current().unwrap(), tree.root()) > 1);
    assert_eq!(count(&tree.root()), 0);
}

#[test]
fn one_that_forks_and_leaves_its_parent_session_and_group_again_and_again_is_caught_by_its_tag() {
    let place = Place::new();
    let script = "
note()
for _ in range(1000):
    if os.fork(): os._exit(0)
    os.setsid()
time.sleep(60)
";
    let tree = Grown::python(&place, script);
    tree.pids(&place, 1);
    kill(PidSpace::current().unwrap(), tree.root());
    assert_eq!(count(&tree.root()), 0);
}

#[test]
fn without_a_tag_whoever_keeps_his_parent_is_ended_also_while_it_forks() {
    let place = Place::new();
    let script = "
note()
for _ in range(300):
    child(lambda: (os.setsid(), time.sleep(60)))
time.sleep(60)
";
    let tree = Grown::python(&place, script);
    tree.pids(&place, 1);
    kill(PidSpace::current().unwrap(), tree.untagged());
    assert_eq!(
        count(&tree.root()),
        0,
        "the tag tells if anybody was missed"
    );
}

#[test]
fn a_tree_larger_than_our_descriptors_is_ended() {
    let place = Place::new();
    let script = "
for _ in range(150):
    daemon(lambda: time.sleep(60))
note()
time.sleep(60)
";
    let before = getrlimit(Resource::Nofile);
    for means in ["", "pidfs"] {
        let tree = Grown::python(&place, script);
        let pids = tree.pids(&place, 1);
        let space = PidSpace::current().unwrap();
        let space = space.with(Means::without(means).unwrap());
        let few = Rlimit {
            current: Some(40),
            ..before
        };
        setrlimit(Resource::Nofile, few).unwrap();
        let ended = end_trees(&space, &[tree.root()], None, Duration::ZERO).remove(0);
        setrlimit(Resource::Nofile, before).unwrap();
        assert_eq!(ended.unwrap().ended, 151);
        assert_dead(&pids);
    }
}

#[test]
fn one_that_forks_and_ends_all_the_time_is_not_taken_for_ended_when_it_is_asked() {
    let place = Place::new();
    let script = "
note()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(1000):
    if os.fork(): os._exit(0)
    os.setsid()
time.sleep(60)
";
    let tree = Grown::python(&place, script);
    tree.pids(&place, 1);
    end(&[tree.root()], Duration::from_millis(50));
    assert_eq!(count(&tree.root()), 0);
}
