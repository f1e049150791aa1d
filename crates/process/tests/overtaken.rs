//! Readers of logs that are written as fast as can be while their front is cut off.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use hostledger_process::{DroppedBytes, Followed, Passed, follow};
use rustix::fs::FallocateFlags;

use support::cut_log::{PUNCH, appending, cut};
use support::wait_until;

/// A log that is written as fast as can be while its front is cut off again and again, and a reader
/// that stalls until its place has gone; says what came and what was passed.
fn overtaken(
    how: FallocateFlags,
    counted: bool,
    line: impl Fn(u64) -> Vec<u8> + Sync,
) -> Option<(Vec<u8>, Passed, u64)> {
    const BATCH: u64 = 4096;
    const BATCHES: u64 = 300;
    const KEPT: u64 = 2 << 20;
    const CUT: u64 = 1 << 20;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let writer = appending(&path);
    // Whether it can be done here at all.
    fs::write(&path, [b'x'; 3 * 4096]).unwrap();
    if !cut(&path, how, 4096) {
        return None;
    }
    writer.set_len(0).unwrap();

    let log = File::open(&path).unwrap();
    let (dropped, cuts, written) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let (mut shown, out) = pipe().unwrap();
    let (ended, end): (PipeReader, PipeWriter) = pipe().unwrap();
    thread::scope(|scope| {
        let following = scope.spawn(|| {
            let counter: DroppedBytes<'_> = &|| dropped.load(Ordering::Acquire);
            let followed = Followed {
                dropped: counted.then_some(counter),
                ..Followed::new(&log, out.as_fd())
            };
            let passed = follow(&[followed], &ended).unwrap();
            drop(out);
            passed
        });
        scope.spawn(|| {
            let mut removed = 0;
            while !written.load(Ordering::Acquire) {
                let size =
                    fs::metadata(&path).unwrap().len() - if how == PUNCH { removed } else { 0 };
                if size < KEPT {
                    thread::yield_now();
                    continue;
                }
                if how == PUNCH {
                    cut(&path, how, removed + CUT);
                } else {
                    cut(&path, how, CUT);
                    dropped.fetch_add(CUT, Ordering::Release);
                }
                removed += CUT;
                cuts.fetch_add(1, Ordering::Release);
            }
        });
        scope.spawn(|| {
            for batch in 0..BATCHES {
                let text: Vec<u8> = (batch * BATCH..(batch + 1) * BATCH)
                    .flat_map(&line)
                    .collect();
                // Nobody outruns the cutter by much.
                wait_until("the front is cut", || {
                    fs::metadata(&path).unwrap().len() < (64 << 20)
                });
                (&writer).write_all(&text).unwrap();
            }
            written.store(true, Ordering::Release);
            drop(end);
        });
        let mut text = Vec::new();
        let mut block = vec![0; 1 << 16];
        let mut stalled = 0;
        loop {
            let read = shown.read(&mut block).unwrap();
            if read == 0 {
                break;
            }
            text.extend_from_slice(&block[..read]);
            if text.len() >> 20 > stalled && stalled < 4 {
                stalled += 1;
                let before = cuts.load(Ordering::Acquire);
                wait_until("its place has gone", || {
                    written.load(Ordering::Acquire) || cuts.load(Ordering::Acquire) > before + 4
                });
            }
        }
        let passed = following.join().unwrap();
        assert_eq!(passed.bytes, text.len() as u64);
        Some((text, passed, BATCH * BATCHES))
    })
}

fn numbered(number: u64) -> Vec<u8> {
    format!("{number:015}\n").into_bytes()
}

/// The numbers that came, in whole lines and ascending.
fn numbers(text: &[u8]) -> Vec<u64> {
    assert_eq!(text.len() % 16, 0);
    let text = std::str::from_utf8(text).unwrap();
    let numbers: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    numbers
}

#[test]
fn a_reader_that_is_overtaken_misses_what_has_gone_and_not_a_byte_more() {
    let all = FallocateFlags::COLLAPSE_RANGE;
    let Some((text, passed, count)) = overtaken(all, true, numbered) else {
        return;
    };
    let numbers = numbers(&text);
    assert_eq!(numbers.last(), Some(&(count - 1)));
    assert!(passed.missed > 0);
    assert_eq!(passed.bytes + passed.missed, count * 16);
}

#[test]
fn without_a_count_nothing_comes_twice_and_the_newest_comes() {
    let Some((text, _, count)) = overtaken(FallocateFlags::COLLAPSE_RANGE, false, numbered) else {
        return;
    };
    assert_eq!(numbers(&text).last(), Some(&(count - 1)));
}

#[test]
fn holes_that_overtake_the_reader_are_counted_as_missed() {
    let Some((text, passed, count)) = overtaken(PUNCH, false, numbered) else {
        return;
    };
    assert_eq!(numbers(&text).last(), Some(&(count - 1)));
    assert_eq!(passed.bytes + passed.missed, count * 16);
}

#[test]
fn a_log_that_repeats_itself_is_passed_on_to_the_byte_when_its_cuts_are_counted() {
    let zeroes = |_| vec![0; 16];
    let Some((text, passed, count)) = overtaken(FallocateFlags::COLLAPSE_RANGE, true, zeroes)
    else {
        return;
    };
    assert!(text.iter().all(|byte| *byte == 0));
    assert_eq!(passed.bytes + passed.missed, count * 16);
}
