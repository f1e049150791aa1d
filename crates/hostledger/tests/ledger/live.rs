//! Processes that run, and what they write meanwhile.

use std::io::{Read, pipe};
use std::os::fd::AsFd;
use std::time::Duration;

use hostledger::{Begin, Relayed, Stream, Until};

use crate::bench::{Bench, LIMIT};

#[test]
fn somebody_else_sees_what_a_process_uses_until_it_has_ended() {
    let bench = Bench::new();
    let running = bench.ledger.command("sleep").arg("60").launch().unwrap();
    let other = bench.again();
    let process = other.process(running.id()).unwrap();
    let usage = other.live_usage(&process).unwrap().unwrap();
    // The kernel counts resident pages in batches: of one that has just begun it may tell none.
    assert!(usage.vms_bytes > 0);
    assert_eq!((usage.threads, usage.children.len()), (1, 0));
    other.terminate(process.id, None, LIMIT).unwrap();
    assert_eq!(
        other.live_usage(&process).unwrap(),
        None,
        "an old row says nothing"
    );
    let ended = running.wait().unwrap();
    assert_eq!(other.live_usage(&ended).unwrap(), None);
    assert_eq!(other.cgroup(&ended).unwrap(), None);
}

#[test]
fn somebody_else_follows_both_streams_until_the_end() {
    let bench = Bench::new();
    let script = "echo one; read go; echo two >&2; printf three";
    let command = bench.ledger.command("sh").args(["-c", script]);
    let mut running = command.pipe_stdin().launch().unwrap();
    let go = running.take_stdin().unwrap();
    let other = bench.again();
    let process = other.process(running.id()).unwrap();
    let (mut shown, out) = pipe().unwrap();
    let following = std::thread::spawn(move || {
        let streams = [(Stream::Stdout, out.as_fd()), (Stream::Stderr, out.as_fd())];
        other.pass_on(&process, &streams, Begin::Byte(0), Until::Ended)
    });
    let mut first = [0; 4];
    shown.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"one\n");
    drop(go);
    let mut rest = String::new();
    shown.read_to_string(&mut rest).unwrap();
    assert!(["two\nthree", "threetwo\n"].contains(&&*rest), "{rest:?}");
    assert_eq!(following.join().unwrap().unwrap(), Relayed::All);
    assert_eq!(running.wait().unwrap().exit_code, Some(0));
}

#[test]
fn who_waits_for_a_start_is_told_when_somebody_starts_it() {
    let bench = Bench::new();
    let queued = bench.ledger.command("sh").args(["-c", "exit 5"]);
    let id = queued.create().unwrap().id;
    let other = bench.again();
    let none = other.wait_started(id, Some(Duration::ZERO)).unwrap();
    assert!(none.is_none(), "{none:?}");
    let waiting = std::thread::spawn(move || other.wait_started(id, Some(LIMIT)).unwrap());
    let running = bench.ledger.launch(id).unwrap();
    let started = waiting.join().unwrap().unwrap();
    assert!(started.pid.is_some(), "{started:?}");
    assert_eq!(running.wait().unwrap().exit_code, Some(5));
}
