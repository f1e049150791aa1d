//! Pid files that crashed programs have left.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use hostledger_model::Pid;
use hostledger_process::{PidSpace, Signal, SweepError, SweepVerdict, Swept, sweep_pid_files};

use support::{Place, Running, state, wait_until};

/// A process that ends with the test, whatever it does.
struct Ended(Pid);

impl Drop for Ended {
    fn drop(&mut self) {
        if let Ok((_, held)) = PidSpace::current().unwrap().identify(self.0) {
            let _ = held.send_signal(Signal::KILL);
        }
    }
}

fn place() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("chrome")).unwrap();
    place
}

fn sweep(place: &Place, min_age: Duration) -> Vec<Swept> {
    let space = PidSpace::current().unwrap();
    sweep_pid_files(space, place.directory.path(), "chrome/*.pid", min_age).unwrap()
}

fn only(place: &Place) -> SweepVerdict {
    let mut swept = sweep(place, Duration::ZERO);
    assert_eq!(swept.len(), 1);
    swept.remove(0).verdict
}

fn write(place: &Place, name: &str, text: &str) -> PathBuf {
    let path = place.path("chrome").join(name);
    fs::write(&path, text).unwrap();
    path
}

/// A leader that writes the pid of its child, which has a child of its own.
fn family(place: &Place, then: &str) -> (Running, Ended, Ended) {
    let script = format!(
        "(sh -c 'sleep 60 & echo $! > inner; exec sleep 60' & echo $! > chrome/a.pid); {then}"
    );
    let leader = place.sh(&script);
    let read = |name: &str| {
        let path = place.path(name);
        wait_until(name, || {
            fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))
        });
        let text = fs::read_to_string(&path).unwrap();
        Ended(Pid::new(text.trim().parse().unwrap()).unwrap())
    };
    let (outer, inner) = (read("chrome/a.pid"), read("inner"));
    (leader, outer, inner)
}

#[test]
fn an_orphan_is_ended_with_its_tree_and_its_file_removed() {
    let place = place();
    let (leader, outer, inner) = family(&place, "exit 0");
    leader.end();
    let young = sweep(&place, Duration::from_mins(5));
    assert!(matches!(young[0].verdict, SweepVerdict::Young));
    assert!(!matches!(state(outer.0), None | Some('Z')));

    let swept = sweep(&place, Duration::ZERO);
    assert!(
        matches!(swept[0].verdict, SweepVerdict::Ended(2)),
        "{swept:?}"
    );
    assert_eq!(swept[0].pid, Some(outer.0));
    for pid in [outer.0, inner.0] {
        assert!(matches!(state(pid), None | Some('Z')));
    }
    assert!(!place.path("chrome/a.pid").exists());
}

#[test]
fn a_file_of_another_time_means_somebody_else() {
    let place = place();
    let (leader, outer, _inner) = family(&place, "exit 0");
    leader.end();
    let path = place.path("chrome/a.pid");
    let at = |seconds| {
        let file = File::options().write(true).open(&path).unwrap();
        let time = SystemTime::now() - Duration::from_secs(seconds);
        file.set_modified(time).unwrap();
        only(&place)
    };
    assert!(matches!(at(90), SweepVerdict::SomebodyElse));
    assert!(!matches!(state(outer.0), None | Some('Z')));
    assert!(path.exists());
}

#[test]
fn whoever_has_a_parent_is_left_alone() {
    let place = place();
    let child = place.run(place.spec(["sleep", "60"]));
    let path = write(&place, "a.pid", &child.pid().to_string());
    assert!(matches!(only(&place), SweepVerdict::HasParent));
    assert!(!matches!(child.state(), None | Some('Z')));
    assert!(path.exists());

    child.pidfd.send_signal(Signal::KILL).unwrap();
    child.pidfd.wait_ended(None).unwrap();
    assert!(matches!(only(&place), SweepVerdict::NotRunning), "a zombie");
    child.end();
    assert!(matches!(only(&place), SweepVerdict::NotRunning), "reaped");
    assert!(path.exists());
}

#[test]
fn we_and_our_ancestors_are_left_alone() {
    let place = place();
    for pid in [std::process::id(), std::os::unix::process::parent_id()] {
        write(&place, "a.pid", &pid.to_string());
        assert!(matches!(only(&place), SweepVerdict::Ourselves));
    }
}

#[test]
fn what_is_no_pid_file_is_told_and_symlinks_are_not_followed() {
    let place = place();
    let (leader, outer, _inner) = family(&place, "exit 0");
    leader.end();
    let real = place.path("elsewhere");
    fs::create_dir(&real).unwrap();
    fs::rename(place.path("chrome/a.pid"), real.join("a.pid")).unwrap();
    symlink(real.join("a.pid"), place.path("chrome/link.pid")).unwrap();
    write(&place, "text.pid", "none");
    write(&place, "negative.pid", "-1");
    fs::create_dir(place.path("chrome/directory.pid")).unwrap();
    write(&place, "other.txt", "1");
    let swept = sweep(&place, Duration::ZERO);
    assert_eq!(swept.len(), 4, "{swept:?}");
    let no_pid = |it: &Swept| matches!(it.verdict, SweepVerdict::NoPid);
    assert!(swept.iter().all(no_pid), "{swept:?}");

    fs::remove_dir_all(place.path("chrome")).unwrap();
    symlink(&real, place.path("chrome")).unwrap();
    assert!(sweep(&place, Duration::ZERO).is_empty());
    assert!(!matches!(state(outer.0), None | Some('Z')));
}

#[test]
fn a_pattern_that_leaves_the_directory_and_a_missing_directory_are_errors() {
    let place = place();
    let space = PidSpace::current().unwrap();
    let result = sweep_pid_files(space, &place.path("x"), "*.pid", Duration::ZERO);
    assert!(matches!(result, Err(SweepError::File { .. })));
    let result = sweep_pid_files(space, &place.path("chrome"), "../*.pid", Duration::ZERO);
    assert!(matches!(result, Err(SweepError::Pattern { .. })));
}
