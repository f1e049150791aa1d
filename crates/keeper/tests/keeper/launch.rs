//! What is started, and how it is told.

use std::fs;
use std::os::fd::AsFd;

use hostledger_keeper::{CloneWay, Event, State};
use hostledger_sys::{EndStatus, Signal, Stage};
use rustix::io::Errno;

use crate::support::{Fixture, Wish};

const WAYS: [CloneWay; 2] = [CloneWay::Concurrent, CloneWay::Suspended];

#[test]
fn codes_and_signals_of_many_are_right() {
    for way in WAYS {
        let mut fixture = Fixture::with(None, way);
        let mut expected = Vec::new();
        for number in 0..200u32 {
            let (script, status) = if number % 5 == 0 {
                let signal = [9, 15, 11, 6][(number as usize / 5) % 4];
                let signal = Signal::new(signal).unwrap();
                let script = format!("kill -{} $$", signal.number());
                (script, EndStatus::Signaled(signal))
            } else {
                let code = (number % 256) as u8;
                (format!("exit {code}"), EndStatus::Exited(code))
            };
            expected.push((fixture.shell(&script), status));
        }
        for (id, status) in expected {
            let entry = fixture.wait_entry(id);
            assert_eq!(entry.state, State::Ended, "{entry:?}");
            assert_eq!(entry.end.unwrap().unwrap().status, status);
            assert!(entry.start_ticks.is_some() && entry.pid.is_some());
            fixture.keeper.release(entry.slot);
        }
        assert_eq!(fixture.table().entries().count(), 0);
    }
}

#[test]
fn a_failing_step_is_named_and_nothing_runs() {
    for way in WAYS {
        let mut fixture = Fixture::with(None, way);
        let missing = fixture.launch(&["/nonexistent/program"], Wish::default());
        let no_directory = Wish {
            directory: c"/nonexistent".into(),
            ..Wish::default()
        };
        let no_directory = fixture.launch(&["/bin/true"], no_directory);
        let terminal = Wish {
            session: hostledger_sys::Session::Terminal,
            ..Wish::default()
        };
        let no_terminal = fixture.launch(&["/bin/true"], terminal);
        for (id, stage, source) in [
            (missing, Stage::Execute, Errno::NOENT),
            (no_directory, Stage::Directory, Errno::NOENT),
            (no_terminal, Stage::Terminal, Errno::NOTTY),
        ] {
            let entry = fixture.wait_entry(id);
            assert_eq!((entry.state, entry.end), (State::Failed, None));
            let failure = entry.failure.unwrap();
            assert_eq!((failure.stage, failure.source), (stage, source));
            let started = |event: &&Event| matches!(event, Event::Started { id: started, .. } if *started == id);
            assert!(!fixture.seen.iter().any(|event| started(&event)));
        }
    }
}

#[test]
fn a_program_gets_three_descriptors_and_no_other() {
    for way in WAYS {
        let mut fixture = Fixture::with(None, way);
        let path = fixture.directory.path().join("fds");
        let out = fs::File::create(&path).unwrap();
        let wish = Wish {
            stdout: Some(&out),
            ..Wish::default()
        };
        // While others are being started.
        for _ in 0..20 {
            fixture.shell("exit 0");
        }
        let id = fixture.launch(&["/bin/ls", "/proc/self/fd"], wish);
        fixture.wait_end(id);
        // The fourth is the directory that is listed.
        assert_eq!(fs::read_to_string(&path).unwrap(), "0\n1\n2\n3\n");
    }
}

#[test]
fn the_keeper_is_readable_exactly_when_there_is_something_to_tell() {
    let mut fixture = Fixture::new();
    let id = fixture.shell("exit 3");
    assert_eq!(fixture.wait_end(id).status, EndStatus::Exited(3));
    let zero = std::time::Duration::ZERO.try_into().unwrap();
    let keeper = fixture.keeper.as_fd();
    let mut fds = [rustix::event::PollFd::new(
        &keeper,
        rustix::event::PollFlags::IN,
    )];
    assert_eq!(rustix::event::poll(&mut fds, Some(&zero)), Ok(0));
}
