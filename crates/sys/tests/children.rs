//! Ends, stops, groups and witnesses of real children.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use hostledger_sys::{
    Change, EndStatus, Features, GroupSignalError, Pidfd, Session, Signal, Spawn, exit_status,
    is_still_stopped, peek_ended, reap, spawn, wait_ended_or_stopped,
};

/// Ended and reaped with the test, however that ends.
struct Child(Pidfd);

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.send_signal_to_group_of_child(Signal::KILL);
        if self
            .0
            .wait_ended(Some(Duration::from_secs(5)))
            .unwrap_or(false)
        {
            let _ = reap(&self.0);
        }
    }
}

fn sh(script: &str) -> Child {
    let text = |text: &str| CString::new(text).unwrap();
    let null = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .unwrap();
    let spawned = spawn(&Spawn {
        programs: &[text("/bin/sh")],
        arguments: &[text("sh"), text("-c"), text(script)],
        environment: &[text("PATH=/bin:/usr/bin")],
        directory: c"/",
        stdio: [null.as_fd(); 3],
        session: Session::New,
        umask: None,
        nice: None,
        limits: &[],
    });
    Child(spawned.unwrap().pidfd)
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn state(child: &Child) -> Option<char> {
    let stat = fs::read(format!("/proc/{}/stat", child.0.pid().as_raw_pid())).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    stat.rsplit(") ").next()?.chars().next()
}

#[test]
fn an_end_is_read_as_often_as_one_likes_until_it_is_reaped() {
    let child = sh("exit 42");
    assert!(child.0.wait_ended(None).unwrap());
    for _ in 0..3 {
        assert_eq!(
            peek_ended(&child.0).unwrap().unwrap().status,
            EndStatus::Exited(42)
        );
        assert_eq!(state(&child), Some('Z'));
    }
    assert_eq!(
        reap(&child.0).unwrap().unwrap().status,
        EndStatus::Exited(42)
    );
    assert_eq!(state(&child), None);
    let again = peek_ended(&child.0).unwrap_err();
    assert_eq!(again.raw_os_error(), Some(libc::ECHILD));
}

#[test]
fn a_running_child_has_no_end_and_is_not_reaped() {
    let child = sh("sleep 60");
    assert!(peek_ended(&child.0).unwrap().is_none());
    assert!(reap(&child.0).unwrap().is_none());
    assert!(!child.0.wait_ended(Some(Duration::from_millis(1))).unwrap());
}

#[test]
fn resource_use_comes_with_the_end_while_the_zombie_is_there() {
    let child = sh("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
    assert!(child.0.wait_ended(None).unwrap());
    let usage = peek_ended(&child.0).unwrap().unwrap().usage;
    assert!(
        usage.ru_utime.tv_sec > 0 || usage.ru_utime.tv_usec > 1000,
        "{usage:?}"
    );
    assert!(usage.ru_maxrss > 100, "{usage:?}");
    let reaped = reap(&child.0).unwrap().unwrap().usage;
    assert_eq!(reaped.ru_utime.tv_usec, usage.ru_utime.tv_usec);
}

#[test]
fn a_stop_is_told_once_and_then_the_end() {
    let child = sh("kill -STOP $$; exit 5");
    let Change::Stopped(signal) = wait_ended_or_stopped(&child.0).unwrap() else {
        panic!("it did not stop");
    };
    assert_eq!(signal, Signal::STOP);
    assert_eq!(state(&child), Some('T'));
    assert!(is_still_stopped(&child.0).unwrap());
    child.0.send_signal(Signal::CONT).unwrap();
    assert!(!is_still_stopped(&child.0).unwrap());
    let Change::Ended(ended) = wait_ended_or_stopped(&child.0).unwrap() else {
        panic!("it stopped again");
    };
    assert_eq!(ended.status, EndStatus::Exited(5));
    assert_eq!(state(&child), Some('Z'));
}

#[test]
fn a_witness_learns_the_end_when_it_has_been_reaped() {
    let features = Features::probe().unwrap();
    for (script, status) in [
        ("exit 7", EndStatus::Exited(7)),
        ("kill -9 $$", EndStatus::Signaled(Signal::KILL)),
    ] {
        let child = sh(script);
        let witness = Pidfd::open(child.0.pid()).unwrap();
        assert!(witness.wait_ended(None).unwrap());
        assert_eq!(
            exit_status(&witness).unwrap(),
            None,
            "not before it is reaped"
        );
        reap(&child.0).unwrap();
        let expected = features.exit_info.then_some(status);
        assert_eq!(exit_status(&witness).unwrap(), expected);
    }
    if !features.exit_info {
        println!("SKIPPED: this kernel keeps no exit status for witnesses (Linux 6.15)");
    }
}

#[test]
fn features_agree_with_the_kernels_release_and_leave_no_child() {
    let features = Features::probe().unwrap();
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap(), numbers.next().unwrap());
    assert!(features.pidfs || version < (6, 9), "{release} {features:?}");
    assert!(
        features.group_signal || version < (6, 9),
        "{release} {features:?}"
    );
    assert!(
        features.exit_info || version < (6, 15),
        "{release} {features:?}"
    );
    assert_eq!(
        fs::read_to_string("/proc/thread-self/children").unwrap(),
        ""
    );
}

#[test]
fn the_inode_is_one_per_process_where_the_kernel_has_pidfs() {
    let (one, other) = (sh("sleep 60"), sh("sleep 60"));
    if !Features::probe().unwrap().pidfs {
        assert_eq!(one.0.inode().unwrap(), None);
        println!("SKIPPED: this kernel has no pidfs (Linux 6.9)");
        return;
    }
    let inode = one.0.inode().unwrap().unwrap();
    assert_eq!(
        Pidfd::open(one.0.pid()).unwrap().inode().unwrap(),
        Some(inode)
    );
    assert_ne!(other.0.inode().unwrap(), Some(inode));
}

#[test]
fn a_group_is_signalled_whole_also_when_its_leader_is_a_zombie() {
    for through_pidfd in [true, false] {
        if through_pidfd && !Features::probe().unwrap().group_signal {
            println!("SKIPPED: no group signals through pidfds on this kernel (Linux 6.9)");
            continue;
        }
        let place = tempfile::tempdir().unwrap();
        let member = place.path().join("member");
        let leader = sh(&format!(
            "sleep 60 & echo $! > {0}.new; mv {0}.new {0}",
            member.display()
        ));
        assert!(leader.0.wait_ended(Some(Duration::from_secs(10))).unwrap());
        let member: i32 = fs::read_to_string(&member).unwrap().trim().parse().unwrap();
        let member = Pidfd::open(rustix::process::Pid::from_raw(member).unwrap()).unwrap();
        assert!(!member.wait_ended(Some(Duration::ZERO)).unwrap());
        if through_pidfd {
            leader.0.send_signal_to_group(Signal::KILL).unwrap();
        } else {
            leader
                .0
                .send_signal_to_group_of_child(Signal::KILL)
                .unwrap();
        }
        assert!(member.wait_ended(Some(Duration::from_secs(10))).unwrap());
    }
}

#[test]
fn a_group_is_not_signalled_by_the_number_of_a_reaped_leader() {
    let leader = sh("true");
    assert!(leader.0.wait_ended(None).unwrap());
    reap(&leader.0).unwrap();
    let error = leader
        .0
        .send_signal_to_group_of_child(Signal::KILL)
        .unwrap_err();
    let GroupSignalError::Refused { source, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(source.raw_os_error(), Some(libc::ECHILD));
}

#[test]
fn a_signal_to_a_reaped_process_says_that_it_is_gone() {
    let child = sh("true");
    assert!(child.0.wait_ended(None).unwrap());
    child.0.send_signal(Signal::TERM).unwrap();
    assert!(child.0.is_unreaped().unwrap());
    reap(&child.0).unwrap();
    let error = child.0.send_signal(Signal::TERM).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ESRCH));
    assert!(!child.0.is_unreaped().unwrap());
}

#[test]
fn a_stopped_child_is_seen_only_while_it_is_stopped() {
    // Continued before anybody looked: there is no stop to tell, only the end.
    let child = sh("kill -STOP $$; exit 3");
    wait_until("the child is stopped", || state(&child) == Some('T'));
    child.0.send_signal(Signal::CONT).unwrap();
    wait_until("the child has ended", || state(&child) == Some('Z'));
    let Change::Ended(ended) = wait_ended_or_stopped(&child.0).unwrap() else {
        panic!("an old stop was told");
    };
    assert_eq!(ended.status, EndStatus::Exited(3));
}
