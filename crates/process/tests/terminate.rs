//! Ending real processes, willing and unwilling ones.

mod support;

use std::time::{Duration, Instant};

use hostledger_model::Termination;
use hostledger_process::{Signal, Terminated, send_signal, terminate};

use support::{Place, wait_until};

const LONG: Duration = Duration::from_secs(30);

#[test]
fn a_process_that_obeys_ends_at_once_although_nobody_has_reaped_it() {
    let place = Place::new();
    let child = place.sh("exec sleep 60");
    let begin = Instant::now();
    assert_eq!(terminate(&child.pidfd, LONG).unwrap(), Terminated::Ended);
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
    assert_eq!(terminate(&child.pidfd, grace).unwrap(), Terminated::Killed);
    assert!(begin.elapsed() >= grace);
    assert_eq!(child.termination(), Some(Termination::Signaled(9)));
}

#[test]
fn a_process_may_take_its_time_within_the_grace_period() {
    let place = Place::new();
    let child = place.sh("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done");
    child.wait_written("ready\n");
    assert_eq!(terminate(&child.pidfd, LONG).unwrap(), Terminated::Ended);
    assert_eq!(child.termination(), Some(Termination::Exited(5)));
    assert_eq!(child.stdout(), b"ready\nbye\n");
}

#[test]
fn a_stopped_process_gets_to_see_the_signal() {
    let place = Place::new();
    let child = place.sh("trap 'exit 6' TERM; kill -STOP $$; while :; do sleep 0.05; done");
    wait_until("the child is stopped", || child.state() == Some('T'));
    assert_eq!(terminate(&child.pidfd, LONG).unwrap(), Terminated::Ended);
    assert_eq!(child.termination(), Some(Termination::Exited(6)));
}

#[test]
fn one_that_has_ended_is_not_alive_reaped_or_not() {
    let place = Place::new();
    let child = place.sh("exit 0");
    wait_until("the child has ended", || child.state() == Some('Z'));
    assert!(!send_signal(&child.pidfd, Signal::TERM).unwrap());
    assert_eq!(
        terminate(&child.pidfd, LONG).unwrap(),
        Terminated::AlreadyEnded
    );
    child.end();
    assert!(!send_signal(&child.pidfd, Signal::TERM).unwrap());
    assert_eq!(
        terminate(&child.pidfd, LONG).unwrap(),
        Terminated::AlreadyEnded
    );
}

#[test]
fn a_signal_reaches_the_process() {
    let place = Place::new();
    let child = place.sh("trap 'exit 8' USR1; echo ready; while :; do sleep 0.05; done");
    child.wait_written("ready\n");
    assert!(send_signal(&child.pidfd, Signal::USR1).unwrap());
    assert_eq!(child.termination(), Some(Termination::Exited(8)));
}
