//! Descendants who do what they can not to be found.

use std::time::{Duration, Instant};

use hostledger_model::KillMode;

use crate::grown::{Grown, assert_dead, count, end, is_dead};
use crate::support::Place;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);

/// Leader, child, and four descendants who have left session, group, parents, descriptors,
/// environment and name behind.
const HIDERS: &str = "
def hidden():
    note()
    hide()
    while True: signal.pause()
child(stay)
daemon(stay)
daemon(hidden)
child(lambda: (os.setsid(), hidden()))
child(lambda: (os.setpgid(0, 0), stay()))
stay()
";

#[test]
fn all_that_descends_ends_at_once_on_sigterm_however_it_hides() {
    let place = Place::new();
    let tree = Grown::python(&place, HIDERS);
    let pids = tree.pids(&place, 6);
    let begin = Instant::now();
    let ended = end(&[tree.root()], LONG);
    assert!(begin.elapsed() < LONG / 2);
    assert_eq!(ended[0].ended, 6);
    assert!(!ended[0].killed && ended[0].survivors.is_empty());
    assert_dead(&pids);
}

#[test]
fn without_a_tag_parents_session_and_group_find_whoever_has_not_cut_them_all() {
    let place = Place::new();
    let tree = Grown::python(&place, HIDERS);
    let pids = tree.pids(&place, 6);
    let ended = end(&[tree.untagged()], LONG);
    assert_eq!(ended[0].ended, 4, "two daemons hang by the tag alone");
    assert_eq!(pids.iter().filter(|pid| !is_dead(**pid)).count(), 2);
    assert_eq!(end(&[tree.root()], LONG)[0].ended, 2);
    assert_dead(&pids);
}

#[test]
fn a_neighbour_lives_on() {
    let place = Place::new();
    let (tree, neighbour) = (Grown::python(&place, HIDERS), Grown::python(&place, HIDERS));
    let (pids, others) = (tree.pids(&place, 6), neighbour.pids(&place, 6));
    end(&[tree.root()], SHORT);
    assert_dead(&pids);
    assert_eq!(count(&neighbour.root()), 6);
    assert!(others.iter().all(|pid| !is_dead(*pid)));
}

#[test]
fn many_trees_end_together() {
    let place = Place::new();
    let trees: Vec<_> = (0..5).map(|_| Grown::python(&place, HIDERS)).collect();
    let pids: Vec<_> = trees.iter().flat_map(|it| it.pids(&place, 6)).collect();
    let roots: Vec<_> = trees.iter().map(Grown::root).collect();
    let ended = end(&roots, LONG);
    assert!(ended.iter().all(|end| end.ended == 6 && !end.killed));
    assert_dead(&pids);
}

#[test]
fn who_ignores_sigterm_is_killed_when_the_grace_is_over_and_the_leader_gone() {
    let place = Place::new();
    let script = "
def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stay()
child(deaf)
daemon(deaf)
note()
";
    let tree = Grown::python(&place, script);
    let pids = tree.pids(&place, 3);
    tree.leader.pidfd.wait_ended(None).unwrap();
    let begin = Instant::now();
    let ended = end(&[tree.root()], SHORT);
    assert!(begin.elapsed() >= SHORT);
    assert_eq!((ended[0].ended, ended[0].killed), (2, true));
    assert_dead(&pids);
}

#[test]
fn a_leader_that_is_reaped_leaves_its_daemons_to_be_found() {
    let place = Place::new();
    let tree = Grown::python(&place, "daemon(stay)\nchild(stay)\nnote()");
    let pids = tree.pids(&place, 3);
    tree.leader.end();
    // By identity alone too: nobody holds a descriptor after a restart.
    let mut root = tree.root();
    root.leader = None;
    assert_eq!(end(&[root], LONG)[0].ended, 2);
    assert_dead(&pids);
}

#[test]
fn the_scope_process_is_the_leader_alone_and_group_its_group() {
    let place = Place::new();
    let tree = Grown::python(&place, HIDERS);
    let pids = tree.pids(&place, 6);
    let scoped = |scope| {
        let mut root = tree.root();
        root.scope = scope;
        root
    };
    assert_eq!(count(&scoped(KillMode::Process)), 1);
    assert_eq!(count(&scoped(KillMode::Group)), 2);
    assert_eq!(end(&[scoped(KillMode::Process)], LONG)[0].ended, 1);
    assert_eq!(end(&[scoped(KillMode::Group)], LONG)[0].ended, 1);
    assert_eq!(pids.iter().filter(|pid| is_dead(**pid)).count(), 2);
    assert_eq!(end(&[tree.root()], LONG)[0].ended, 4);
}

#[test]
fn whoever_starts_during_the_grace_is_ended_too() {
    let place = Place::new();
    let script = "
def spawn(*_):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    daemon(stay)
    os._exit(0)
signal.signal(signal.SIGTERM, spawn)
stay()
";
    let tree = Grown::python(&place, script);
    tree.pids(&place, 1);
    let ended = end(&[tree.root()], LONG);
    assert!(ended[0].survivors.is_empty());
    assert_eq!(count(&tree.root()), 0);
    assert_dead(&tree.pids(&place, 1));
}
