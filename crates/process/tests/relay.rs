//! Passing on what real programs write, live and whole.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use hostledger_process::{Passed, RelayError, Stream, relay};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::OFlags;

use support::{Place, Running, wait_until};

fn reader(running: &Running) -> File {
    File::open(&running.logs.stdout_path).unwrap()
}

/// Relays what a program writes into a pipe, in a thread.
fn relayed(running: &Running) -> (PipeReader, thread::JoinHandle<Result<Passed, RelayError>>) {
    let (read, write): (PipeReader, PipeWriter) = pipe().unwrap();
    let log = reader(running);
    let ended = running.pidfd.try_clone().unwrap();
    (read, thread::spawn(move || relay(&log, &ended, &write)))
}

fn read_some(pipe: &mut PipeReader) -> Vec<u8> {
    let mut fds = [PollFd::new(pipe, PollFlags::IN)];
    let timeout = Timespec::try_from(Duration::from_secs(20)).unwrap();
    assert_eq!(poll(&mut fds, Some(&timeout)), Ok(1), "nothing comes");
    let mut bytes = vec![0; 100];
    let read = pipe.read(&mut bytes).unwrap();
    bytes.truncate(read);
    bytes
}

#[test]
fn what_is_written_arrives_before_a_line_is_complete_and_the_rest_at_the_end() {
    let place = Place::new();
    let fifo = place.path("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let child = place.sh("printf 'a\\377b'; read x < fifo; printf c");
    let (mut pipe, relaying) = relayed(&child);
    assert_eq!(read_some(&mut pipe), b"a\xffb");
    fs::write(&fifo, "\n").unwrap();
    let mut rest = Vec::new();
    pipe.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"c");
    assert_eq!(relaying.join().unwrap().unwrap().bytes, 4);
}

#[test]
fn two_hundred_megabytes_pass_unchanged_in_bounded_memory() {
    const SIZE: u64 = 200_000_000;
    let place = Place::new();
    let child = place.sh(&format!("yes 0123456789abcde | head -c {SIZE}"));
    let (mut pipe, relaying) = relayed(&child);
    let before = peak_memory_kib();
    let lines = b"0123456789abcde\n".repeat((1 << 12) + 1);
    let mut total = 0;
    let mut block = vec![0; 1 << 16];
    loop {
        let read = pipe.read(&mut block).unwrap();
        if read == 0 {
            break;
        }
        let offset = usize::try_from(total % 16).unwrap();
        assert!(
            block[..read] == lines[offset..offset + read],
            "differs at {total}"
        );
        total += read as u64;
    }
    assert_eq!(total, SIZE);
    assert_eq!(relaying.join().unwrap().unwrap().bytes, SIZE);
    let grown = peak_memory_kib() - before;
    assert!(grown < 4096, "grew by {grown} KiB");
}

fn peak_memory_kib() -> u64 {
    procfs::process::Process::myself()
        .unwrap()
        .status()
        .unwrap()
        .vmhwm
        .unwrap()
}

#[test]
fn a_reader_that_has_gone_is_told_at_once() {
    let place = Place::new();
    let child = place.sh("yes");
    let (mut pipe, relaying) = relayed(&child);
    assert_eq!(read_some(&mut pipe)[..2], *b"y\n");
    drop(pipe);
    let begin = Instant::now();
    let error = relaying.join().unwrap().unwrap_err();
    assert!(
        matches!(error, RelayError::ReaderGone { relayed } if relayed > 0),
        "{error}"
    );
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(
        !child.pidfd.wait_ended(Some(Duration::ZERO)).unwrap(),
        "that is the caller's to end"
    );
}

#[test]
fn one_who_goes_on_writing_after_the_end_is_not_waited_for() {
    let place = Place::new();
    // The leader ends; what it leaves behind writes for ever.
    let child = place.sh("yes & while [ ! -s /proc/self/fd/1 ]; do :; done");
    let (pipe, relaying) = relayed(&child);
    let reading = thread::spawn(move || {
        let mut pipe = pipe;
        io::copy(&mut pipe, &mut io::sink()).unwrap()
    });
    let relayed = relaying.join().unwrap().unwrap().bytes;
    assert_eq!(reading.join().unwrap(), relayed);
    assert!(relayed > 0);
}

#[test]
fn nothing_happens_while_nothing_is_written() {
    let place = Place::new();
    let child = place.sh("exec sleep 0.5");
    let log = reader(&child);
    let ended = child.pidfd.try_clone().unwrap();
    let (_read, write) = pipe().unwrap();
    let switches = thread::spawn(move || {
        let before = waits_of_this_thread();
        assert_eq!(relay(&log, &ended, &write).unwrap().bytes, 0);
        waits_of_this_thread() - before
    });
    // Once for the end; a few for pages and locks.
    let switches = switches.join().unwrap();
    assert!(switches < 10, "woke {switches} times in half a second");
}

fn waits_of_this_thread() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("voluntary_ctxt_switches"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn a_non_blocking_output_loses_nothing() {
    let place = Place::new();
    let child = place.sh("head -c 1000000 /dev/zero");
    let (read, write) = pipe().unwrap();
    let flags = rustix::fs::fcntl_getfl(&write).unwrap();
    rustix::fs::fcntl_setfl(&write, flags | OFlags::NONBLOCK).unwrap();
    let log = reader(&child);
    let ended = child.pidfd.try_clone().unwrap();
    let relaying = thread::spawn(move || relay(&log, &ended, &write));
    wait_until("the pipe is full", || {
        rustix::io::ioctl_fionread(&read).unwrap() >= 65536
    });
    let mut bytes = Vec::new();
    let mut read = read;
    read.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 1_000_000);
    assert_eq!(relaying.join().unwrap().unwrap().bytes, 1_000_000);
}

#[test]
fn an_eventfd_ends_it_as_well_and_output_that_is_there_comes_first() {
    let place = Place::new();
    let mut logs = place.new_logs();
    let log = place.logs.read("0", Stream::Stdout).unwrap();
    let ended = eventfd(1, EventfdFlags::CLOEXEC).unwrap();
    File::options()
        .append(true)
        .open(&logs.stdout_path)
        .unwrap()
        .write_all(b"there")
        .unwrap();
    let (mut read, write) = pipe().unwrap();
    assert_eq!(relay(&log, ended.as_fd(), &write).unwrap().bytes, 5);
    drop(write);
    let mut text = String::new();
    read.read_to_string(&mut text).unwrap();
    assert_eq!(text, "there");
    logs.stdout_path.clear();
}
