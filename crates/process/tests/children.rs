//! Many children, each end exact, each zombie kept until it is released.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::time::Duration;

use hostledger_model::Termination;
use hostledger_process::{
    Children, ChildrenError, EndStatus, Features, Means, PidSpace, Pidfd, Signal, Verdict,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use support::{Place, state, wait_until};

/// Waits for the descriptor of the set, as an event loop does.
fn wait_readable(children: &impl AsFd) {
    let mut fds = [PollFd::new(children, PollFlags::IN)];
    let timeout = Timespec::try_from(Duration::from_secs(20)).unwrap();
    assert_eq!(poll(&mut fds, Some(&timeout)), Ok(1), "nobody ended");
}

fn is_readable(children: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(children, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).unwrap() > 0
}

#[test]
fn two_hundred_ends_are_all_exact() {
    let place = Place::new();
    let mut children = Children::new(PidSpace::current().unwrap()).unwrap();
    let mut expected = HashMap::new();
    let mut running = Vec::new();
    let signals = [
        Signal::TERM,
        Signal::KILL,
        Signal::INT,
        Signal::USR1,
        Signal::PIPE,
    ];
    for key in 0..200_u32 {
        // Spread over all codes without a generator.
        let code = u8::try_from(key * 37 % 256).unwrap();
        let (script, end) = if key % 4 == 0 {
            let signal = signals[usize::from(code) % signals.len()];
            (
                format!("kill -{} $$", signal.number()),
                Termination::Signaled(signal.into()),
            )
        } else {
            (format!("exit {code}"), Termination::Exited(code))
        };
        let child = place.sh(&script);
        children.add(key, child.pidfd.try_clone().unwrap()).unwrap();
        expected.insert(key, end);
        running.push(child);
    }
    let mut seen = HashMap::new();
    while seen.len() < 200 {
        wait_readable(&children);
        for ended in children.take_ended().unwrap() {
            let EndStatus::Known(termination, usage) = ended.status else {
                panic!("{ended:?}");
            };
            assert!(usage.max_rss_kib > 100, "{usage:?}");
            assert_eq!(seen.insert(ended.key, termination), None, "told twice");
        }
    }
    assert_eq!(seen, expected);
    for child in &running {
        assert_eq!(child.state(), Some('Z'));
    }
    for key in 0..200 {
        children.release(&key).unwrap();
    }
    for child in &running {
        assert_eq!(child.state(), None);
    }
    assert!(children.is_empty());
}

#[test]
fn a_zombie_stays_until_it_is_released_and_its_end_is_told_once() {
    let place = Place::new();
    let space = PidSpace::current().unwrap();
    let child = place.sh("exit 9");
    let mut children = Children::new(PidSpace::current().unwrap()).unwrap();
    children
        .add("it", child.pidfd.try_clone().unwrap())
        .unwrap();
    wait_readable(&children);
    let ended = children.take_ended().unwrap();
    assert_eq!(ended[0].key, "it");
    assert_eq!(ended[0].status.termination(), Some(Termination::Exited(9)));

    assert!(children.take_ended().unwrap().is_empty());
    assert!(!is_readable(&children), "nothing left to wake for");
    assert!(matches!(
        space.verify(&child.identity).unwrap(),
        Verdict::Zombie(_)
    ));
    assert_eq!(children.len(), 1);
    children.release(&"it").unwrap();
    assert!(matches!(
        space.verify(&child.identity).unwrap(),
        Verdict::Gone
    ));
    assert!(children.is_empty());
    assert!(matches!(
        children.release(&"it"),
        Err(ChildrenError::NotEnded { .. })
    ));
}

#[test]
fn a_running_child_is_not_released_and_no_key_stands_for_two() {
    let place = Place::new();
    let (one, other) = (place.sh("exec sleep 60"), place.sh("exec sleep 60"));
    let mut children = Children::new(PidSpace::current().unwrap()).unwrap();
    children.add(1, one.pidfd.try_clone().unwrap()).unwrap();
    let again = children.add(1, other.pidfd.try_clone().unwrap());
    assert!(matches!(again, Err(ChildrenError::Duplicate { key: 1 })));
    assert!(children.take_ended().unwrap().is_empty());
    assert!(matches!(
        children.release(&1),
        Err(ChildrenError::NotEnded { key: 1 })
    ));
    assert_eq!(one.state().map(|state| state != 'Z'), Some(true));
    assert_eq!(children.pidfd(&1).map(Pidfd::pid), Some(one.pidfd.pid()));
}

#[test]
fn a_child_that_ended_before_it_was_added_is_told() {
    let place = Place::new();
    let child = place.sh("exit 3");
    wait_until("the child has ended", || child.state() == Some('Z'));
    let mut children = Children::new(PidSpace::current().unwrap()).unwrap();
    children.add((), child.pidfd.try_clone().unwrap()).unwrap();
    assert!(is_readable(&children));
    assert_eq!(children.take_ended().unwrap().len(), 1);
}

#[test]
fn a_stopped_child_has_not_ended() {
    let place = Place::new();
    let child = place.sh("kill -STOP $$; exit 4");
    let mut children = Children::new(PidSpace::current().unwrap()).unwrap();
    children.add((), child.pidfd.try_clone().unwrap()).unwrap();
    wait_until("the child is stopped", || child.state() == Some('T'));
    assert!(children.take_ended().unwrap().is_empty());
    child.pidfd.send_signal(Signal::CONT).unwrap();
    wait_readable(&children);
    let ended = children.take_ended().unwrap();
    assert_eq!(ended[0].status.termination(), Some(Termination::Exited(4)));
}

#[test]
fn a_child_reaped_by_somebody_else_is_witnessed_or_lost_but_never_made_up() {
    let place = Place::new();
    let space = PidSpace::current().unwrap();
    let kept = Features::probe().unwrap().exit_info;
    for means in [Means::all(), Means::without("pidfd-exit").unwrap()] {
        let child = place.sh("exit 6");
        let mut children = Children::new(&space.with(means)).unwrap();
        children.add((), child.pidfd.try_clone().unwrap()).unwrap();
        wait_readable(&children);
        hostledger_sys::reap(&child.pidfd).unwrap();
        assert_eq!(state(child.pid()), None);
        let expected = if kept && means.exit_info {
            EndStatus::Witnessed(Termination::Exited(6))
        } else {
            EndStatus::Lost
        };
        assert_eq!(children.take_ended().unwrap()[0].status, expected);
        assert_eq!(expected.usage(), None);
        children.release(&()).unwrap();
        assert!(children.is_empty());
    }
}

#[test]
fn children_go_on_when_nobody_watches_any_more() {
    let place = Place::new();
    let child = place.sh("exec sleep 60");
    let mut children = Children::new(PidSpace::current().unwrap()).unwrap();
    children.add((), child.pidfd.try_clone().unwrap()).unwrap();
    drop(children);
    assert!(
        !child
            .pidfd
            .wait_ended(Some(Duration::from_millis(20)))
            .unwrap()
    );
}
