//! Following logs that are cut, truncated and replaced while real programs write them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hostledger_process::{Begin, Followed, LogDirectory, Passed, RelayError, Stream, follow};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::FallocateFlags;

use support::Place;
use support::cut_log::{PUNCH, appending, cut};

/// A log that a test writes to, cuts and replaces, and what a follower shows of it.
struct Log {
    directory: tempfile::TempDir,
    writer: File,
    shown: PipeReader,
    /// Dropped when the program is to have ended.
    end: Option<PipeWriter>,
    following: Option<JoinHandle<Result<Passed, RelayError>>>,
}

impl Log {
    /// Follows a log with this content from `begin`.
    fn followed(content: &[u8], begin: Begin) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a.stdout.log"), content).unwrap();
        let (ended, end): (PipeReader, PipeWriter) = pipe().unwrap();
        let (shown, out) = pipe().unwrap();
        let logs = LogDirectory::open(directory.path()).unwrap();
        let following = thread::spawn(move || {
            let log = logs.read("a", Stream::Stdout).unwrap();
            let name = logs.name_of("a", Stream::Stdout).unwrap();
            let followed = Followed {
                begin,
                name: Some(&name),
                ..Followed::new(&log, out.as_fd())
            };
            follow(&[followed], &ended)
        });
        Self {
            writer: appending(&directory.path().join("a.stdout.log")),
            directory,
            shown,
            end: Some(end),
            following: Some(following),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("a.stdout.log")
    }

    fn write(&self, text: &[u8]) {
        (&self.writer).write_all(text).unwrap();
    }

    /// Waits for this to be shown next, and nothing else.
    fn expect(&mut self, text: &[u8]) {
        let mut bytes = vec![0; text.len()];
        let mut filled = 0;
        while filled < bytes.len() {
            let mut fds = [PollFd::new(&self.shown, PollFlags::IN)];
            let timeout = Timespec::try_from(Duration::from_secs(20)).unwrap();
            let shown = String::from_utf8_lossy(&bytes[..filled.min(80)]).into_owned();
            assert_eq!(poll(&mut fds, Some(&timeout)), Ok(1), "after {shown:?}");
            filled += self.shown.read(&mut bytes[filled..]).unwrap();
        }
        assert_same(&bytes, text);
    }

    /// Ends the program; nothing but this may be shown any more.
    fn finish(mut self, rest: &[u8]) -> Passed {
        self.end.take();
        let mut bytes = Vec::new();
        self.shown.read_to_end(&mut bytes).unwrap();
        assert_same(&bytes, rest);
        self.following.take().unwrap().join().unwrap().unwrap()
    }
}

/// Shows no more of what differs than helps.
fn assert_same(found: &[u8], expected: &[u8]) {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
    let same = found
        .iter()
        .zip(expected)
        .take_while(|(a, b)| a == b)
        .count();
    assert!(
        found == expected,
        "at {same}: {:?} instead of {:?}",
        shown(&found[same..]),
        shown(&expected[same..])
    );
}

/// Lines of 16 bytes that all differ.
fn lines(numbers: std::ops::Range<u64>) -> Vec<u8> {
    numbers
        .flat_map(|number| format!("{number:015}\n").into_bytes())
        .collect()
}

#[test]
fn what_programs_write_to_both_streams_comes_as_it_is_written_and_all_of_it_at_the_end() {
    let place = Place::new();
    let child = place.sh("printf 'a\\377'; printf b >&2; read x < fifo; printf c; printf d >&2");
    let [out_log, err_log] =
        [&child.logs.stdout_path, &child.logs.stderr_path].map(|path| File::open(path).unwrap());
    let fifo = place.path("fifo");
    assert!(!fifo.exists(), "the shell fails to read and goes on");
    let (mut out_shown, out) = pipe().unwrap();
    let (mut err_shown, err) = pipe().unwrap();
    let logs = [
        Followed::new(&out_log, out.as_fd()),
        Followed::new(&err_log, err.as_fd()),
    ];
    let passed = follow(&logs, &child.pidfd).unwrap();
    drop((out, err));
    let (mut out_text, mut err_text) = (Vec::new(), Vec::new());
    out_shown.read_to_end(&mut out_text).unwrap();
    err_shown.read_to_end(&mut err_text).unwrap();
    assert_eq!(out_text, b"a\xffc");
    assert_eq!(err_text, child.stderr());
    assert_eq!(passed.bytes, 3 + err_text.len() as u64);
    assert_eq!(passed.missed, 0);
}

#[test]
fn two_streams_that_go_to_one_place_come_in_the_order_of_their_writing() {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["out", "err"].map(|name| directory.path().join(name));
    let writers = paths.each_ref().map(|path| appending(path));
    let readers = paths.map(|path| File::open(path).unwrap());
    let (mut shown, out) = pipe().unwrap();
    let (ended, end): (PipeReader, PipeWriter) = pipe().unwrap();
    let following = thread::spawn(move || {
        let logs = readers
            .each_ref()
            .map(|log| Followed::new(log, out.as_fd()));
        follow(&logs, &ended)
    });
    let mut bytes = [0; 6];
    for index in [0, 1, 1, 0, 1] {
        (&writers[index])
            .write_all(format!("line {index}").as_bytes())
            .unwrap();
        shown.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, *format!("line {index}").as_bytes());
    }
    drop(end);
    assert_eq!(following.join().unwrap().unwrap().bytes, 30);
}

#[test]
fn it_begins_with_the_last_lines_or_at_a_byte() {
    let mut log = Log::followed(b"a\nb\nc\n", Begin::Lines(2));
    log.expect(b"b\nc\n");
    log.write(b"d\n");
    assert_eq!(log.finish(b"d\n").bytes, 6);
    let log = Log::followed(b"before\nmine\n", Begin::Byte(7));
    assert_eq!(log.finish(b"mine\n").bytes, 5);
}

#[test]
fn what_is_in_a_log_that_was_truncated_is_new() {
    let mut log = Log::followed(b"first\n", Begin::Byte(0));
    log.expect(b"first\n");
    log.writer.set_len(0).unwrap();
    log.write(b"2\n");
    log.expect(b"2\n");
    // Longer than before at once.
    fs::write(log.path(), "something else\n").unwrap();
    log.expect(b"something else\n");
    log.write(b"more");
    log.finish(b"more");
}

#[test]
fn a_log_that_is_moved_away_is_read_to_its_end_before_the_one_in_its_place() {
    let mut log = Log::followed(b"one\n", Begin::Byte(0));
    log.expect(b"one\n");
    fs::rename(log.path(), log.directory.path().join("old")).unwrap();
    log.write(b"two, still here\n");
    log.expect(b"two, still here\n");
    let second = appending(&log.path());
    (&second).write_all(b"three\n").unwrap();
    log.expect(b"three\n");
    // Replaced in one step, and then removed and made anew.
    let third = appending(&log.directory.path().join("new"));
    (&third).write_all(b"four\n").unwrap();
    fs::rename(log.directory.path().join("new"), log.path()).unwrap();
    log.expect(b"four\n");
    fs::remove_file(log.path()).unwrap();
    fs::write(log.path(), "five\n").unwrap();
    log.expect(b"five\n");
    log.finish(b"");
}

#[test]
fn a_link_that_is_planted_in_its_place_is_not_followed() {
    let mut log = Log::followed(b"mine\n", Begin::Byte(0));
    log.expect(b"mine\n");
    let secret = log.directory.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    fs::remove_file(log.path()).unwrap();
    std::os::unix::fs::symlink(&secret, log.path()).unwrap();
    let error = log.following.take().unwrap().join().unwrap().unwrap_err();
    assert!(matches!(error, RelayError::Read { .. }), "{error}");
    let mut rest = Vec::new();
    log.shown.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

#[test]
fn a_log_whose_front_is_cut_off_goes_on_where_it_was() {
    let mut log = Log::followed(&lines(0..1000), Begin::Byte(0));
    log.expect(&lines(0..1000));
    if !cut(&log.path(), FallocateFlags::COLLAPSE_RANGE, 8192) {
        log.finish(b"");
        return;
    }
    log.write(&lines(1000..1001));
    log.expect(&lines(1000..1001));
    // As long as before, or longer, when it is looked at again.
    cut(&log.path(), FallocateFlags::COLLAPSE_RANGE, 4096);
    log.write(&lines(1001..3000));
    log.expect(&lines(1001..3000));
    assert_eq!(log.finish(b"").missed, 0);
}

#[test]
fn a_log_whose_front_became_a_hole_goes_on_where_it_was() {
    let mut log = Log::followed(&lines(0..1000), Begin::Byte(0));
    log.expect(&lines(0..1000));
    if !cut(&log.path(), PUNCH, 12288) {
        log.finish(b"");
        return;
    }
    log.write(&lines(1000..2000));
    log.expect(&lines(1000..2000));
    // A part of what was remembered has gone as well.
    cut(&log.path(), PUNCH, 28672);
    log.write(&lines(2000..2001));
    log.expect(&lines(2000..2001));
    assert_eq!(log.finish(b"").missed, 0);
}

#[test]
fn a_log_of_many_gigabytes_of_holes_is_followed_at_once_and_in_bounded_memory() {
    const SIZE: u64 = 64 << 30;
    let directory = tempfile::tempdir().unwrap();
    let log = File::create_new(directory.path().join("log")).unwrap();
    log.write_all_at(b"last\n", SIZE).unwrap();
    let log = File::open(directory.path().join("log")).unwrap();
    let (mut shown, out) = pipe().unwrap();
    let ended = eventfd(1, EventfdFlags::CLOEXEC).unwrap();
    let before = peak_memory_kib();
    let passed = follow(&[Followed::new(&log, out.as_fd())], &ended).unwrap();
    assert!(peak_memory_kib() - before < 65536);
    assert_eq!((passed.bytes, passed.missed), (5, SIZE));
    drop(out);
    let mut text = Vec::new();
    shown.read_to_end(&mut text).unwrap();
    assert_eq!(text, b"last\n");
}

#[test]
fn nothing_happens_while_nothing_is_written_even_when_others_write_beside_it() {
    let place = Place::new();
    let logs = place.new_logs();
    let log = place.logs.read("0", Stream::Stdout).unwrap();
    let name = place.logs.name_of("0", Stream::Stdout).unwrap();
    let (_shown, out) = pipe().unwrap();
    let (ended, end): (PipeReader, PipeWriter) = pipe().unwrap();
    let busy = AtomicBool::new(true);
    let (woken, cpu) = thread::scope(|scope| {
        let following = scope.spawn(|| {
            let followed = Followed {
                name: Some(&name),
                ..Followed::new(&log, out.as_fd())
            };
            let before = (waits_of_this_thread(), cpu_of_this_thread());
            assert_eq!(follow(&[followed], &ended).unwrap(), Passed::default());
            busy.store(false, Ordering::Release);
            (
                waits_of_this_thread() - before.0,
                cpu_of_this_thread() - before.1,
            )
        });
        for other in 0..1000 {
            fs::write(place.path(&format!("other {other}")), "x").unwrap();
        }
        // It has been asked for notice by then, and has nothing to do.
        thread::sleep(Duration::from_millis(300));
        drop(end);
        following.join().unwrap()
    });
    assert!(!busy.load(Ordering::Acquire));
    assert!(woken < 20, "woke {woken} times");
    assert!(cpu < Duration::from_millis(20), "{cpu:?}");
    drop(logs);
}

fn waits_of_this_thread() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let mut lines = status.lines();
    let line = lines.find(|line| line.starts_with("voluntary_ctxt_switches"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

fn cpu_of_this_thread() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = stat.split_whitespace().next().unwrap().parse().unwrap();
    Duration::from_nanos(nanoseconds)
}

fn peak_memory_kib() -> u64 {
    let status = procfs::process::Process::myself().unwrap().status();
    status.unwrap().vmhwm.unwrap()
}

#[test]
fn a_reader_that_has_gone_ends_it() {
    let mut log = Log::followed(b"one\n", Begin::Byte(0));
    log.expect(b"one\n");
    drop(log.shown);
    (&log.writer).write_all(b"two\n").unwrap();
    let error = log.following.take().unwrap().join().unwrap().unwrap_err();
    assert!(
        matches!(error, RelayError::ReaderGone { relayed: 4 }),
        "{error}"
    );
}
