//! Ending real processes, willing and unwilling ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use hostledger_model::{KillMode, Termination};
use hostledger_process::{PidSpace, Signal, TreeRoot, end_trees, send_signal};

use support::{Place, Running, wait_until};

const LONG: Duration = Duration::from_secs(30);

/// Ends the leader alone: how many have ended, and whether it took SIGKILL.
fn terminate(child: &Running, grace: Duration) -> (usize, bool) {
    let root = TreeRoot {
        identity: child.identity.clone(),
        leader: Some(child.pidfd.try_clone().unwrap()),
        tag: None,
        group: None,
        scope: KillMode::Process,
    };
    let space = PidSpace::current().unwrap();
    let ends = end_trees(space, &[root], Some(Signal::TERM), grace);
    let end = ends.into_iter().next().unwrap().unwrap();
    assert_eq!(end.survivors, []);
    (end.ended, end.killed)
}

#[test]
fn a_process_that_obeys_ends_at_once_although_nobody_has_reaped_it() {
    let place = Place::new();
    let child = place.sh("exec sleep 60");
    let begin = Instant::now();
    assert_eq!(terminate(&child, LONG), (1, false));
    assert!(begin.elapsed() < LONG / 2);
    assert_eq!(child.state(), Some('Z'));
    assert_eq!(child.termination(), Some(Termination::Signaled(15)));
}

#[test]
fn a_process_that_ignores_sigterm_is_killed_after_the_grace_period() {
    let place = Place::new();
    let child = place.sh("trap '' TERM; echo ready; while :; do sleep 60; done");
    child.wait_written("ready\n");
    let begin = Instant::now();
    let grace = Duration::from_millis(100);
    assert_eq!(terminate(&child, grace), (1, true));
    assert!(begin.elapsed() >= grace);
    assert_eq!(child.termination(), Some(Termination::Signaled(9)));
}

#[test]
fn a_process_may_take_its_time_within_the_grace_period() {
    let place = Place::new();
    let child = place.sh("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done");
    child.wait_written("ready\n");
    assert_eq!(terminate(&child, LONG), (1, false));
    assert_eq!(child.termination(), Some(Termination::Exited(5)));
    assert_eq!(child.stdout(), b"ready\nbye\n");
}

#[test]
fn a_stopped_process_gets_to_see_the_signal() {
    let place = Place::new();
    let child = place.sh("trap 'exit 6' TERM; kill -STOP $$; while :; do sleep 0.05; done");
    wait_until("the child is stopped", || child.state() == Some('T'));
    assert_eq!(terminate(&child, LONG), (1, false));
    assert_eq!(child.termination(), Some(Termination::Exited(6)));
}

#[test]
fn one_that_has_ended_is_not_alive_reaped_or_not() {
    let place = Place::new();
    let child = place.sh("exit 0");
    wait_until("the child has ended", || child.state() == Some('Z'));
    assert!(!send_signal(&child.pidfd, Signal::TERM).unwrap());
    assert_eq!(terminate(&child, LONG), (0, false));
    child.end();
    assert!(!send_signal(&child.pidfd, Signal::TERM).unwrap());
    assert_eq!(terminate(&child, LONG), (0, false));
}

#[test]
fn a_signal_reaches_the_process() {
    let place = Place::new();
    let child = place.sh("trap 'exit 8' USR1; echo ready; while :; do sleep 0.05; done");
    child.wait_written("ready\n");
    assert!(send_signal(&child.pidfd, Signal::USR1).unwrap());
    assert_eq!(child.termination(), Some(Termination::Exited(8)));
}
