//! Logs that may not grow beyond a bound: the oldest part goes.
//!
//! A log is first looked at by the clock, so that a program that ends soon costs nothing. When it
//! is found not to grow the kernel is asked to tell of the next write (inotify(7)), once; so a
//! program that writes nothing wakes nobody.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use hostledger_sys::{HeldFds, SharedWords};
use rustix::fs::{FallocateFlags, fallocate, fstat, inotify};
use rustix::io::Errno;

use super::clock::MILLISECOND;
use super::name::Name;
use crate::table::layout::MOST_SLOTS;

/// After the start of a program.
const FIRST_LOOK: u64 = 500 * MILLISECOND;
/// While a log grows.
const NEXT_LOOK: u64 = 100 * MILLISECOND;

/// What is known of one log.
#[derive(Debug, Clone, Copy)]
enum Word {
    /// How large it may be.
    Bound,
    /// How large it was.
    Size,
    /// Removed from its front, so that it became shorter.
    Dropped,
    /// At its front, given back to the file system without making it shorter.
    Punched,
    /// When to look next, in ns of the monotonic clock; 0 when the kernel tells.
    LookAt,
    /// The watch that tells, plus 1; 0 for none.
    Watch,
}

const WORDS: usize = 6;
const STREAMS: usize = 2;

#[derive(Debug)]
pub(super) struct Logs {
    files: HeldFds,
    words: SharedWords,
    /// The highest slot that has or had logs, plus 1.
    slots: usize,
    /// How many are kept.
    count: usize,
    /// Begun when a log is first found at rest: to close it can take 10 ms.
    notices: Option<OwnedFd>,
    /// The earliest of all looks.
    next: Option<u64>,
}

/// What is known of the two logs of a program that has ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastLook {
    /// How much was dropped from each.
    pub(super) dropped: [u64; STREAMS],
    /// Whether it was empty.
    pub(super) empty: [bool; STREAMS],
}

impl LastLook {
    /// As the table has it.
    pub(super) fn empty_word(self) -> u64 {
        u64::from(self.empty[0]) | u64::from(self.empty[1]) << 1
    }
}

impl Logs {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            files: HeldFds::new(MOST_SLOTS * STREAMS)?,
            words: SharedWords::private(MOST_SLOTS * STREAMS * WORDS)?,
            slots: 0,
            count: 0,
            notices: None,
            next: None,
        })
    }

    /// Becomes readable when a log at rest is written to.
    pub(super) fn notices(&self) -> Option<BorrowedFd<'_>> {
        self.notices.as_ref().map(AsFd::as_fd)
    }

    /// Bounds the logs of the program in a slot.
    pub(super) fn keep(&mut self, slot: usize, logs: [OwnedFd; STREAMS], bound: u64, now: u64) {
        let look_at = now.saturating_add(FIRST_LOOK);
        for (stream, log) in logs.into_iter().enumerate() {
            let place = slot * STREAMS + stream;
            for (word, value) in [
                (Word::Bound, bound),
                (Word::Size, 0),
                (Word::Dropped, 0),
                (Word::Punched, 0),
                (Word::LookAt, look_at),
                (Word::Watch, 0),
            ] {
                self.set(place, word, value);
            }
            self.files.put(place, log);
        }
        self.slots = self.slots.max(slot + 1);
        self.count += 1;
        self.next = Some(self.next.map_or(look_at, |next| next.min(look_at)));
    }

    /// Looks at the logs in a slot for the last time.
    pub(super) fn finish(&mut self, slot: usize) -> LastLook {
        let mut look = LastLook::default();
        let mut was_kept = false;
        for stream in 0..STREAMS {
            let place = slot * STREAMS + stream;
            let size = self.files.get(place).and_then(size_of_log);
            if let Some(size) = size {
                self.cut(place, size);
            }
            if self.files.take(place).is_some() {
                was_kept = true;
                look.dropped[stream] = self.get(place, Word::Dropped);
                look.empty[stream] = size == Some(0);
                self.unwatch(place);
            }
        }
        self.count -= usize::from(was_kept);
        if self.count == 0 {
            (self.slots, self.next) = (0, None);
        }
        look
    }

    /// Looks at what is due; the time of the next look.
    pub(super) fn look(&mut self, now: u64) -> Option<u64> {
        self.take_notices(now);
        if self.next.is_some_and(|next| next <= now) {
            self.next = None;
            for place in 0..self.slots * STREAMS {
                self.look_at(place, now);
                let look_at = self.get(place, Word::LookAt);
                if look_at != 0 && self.files.get(place).is_some() {
                    self.next = Some(self.next.map_or(look_at, |next| next.min(look_at)));
                }
            }
        }
        self.next
    }

    fn look_at(&mut self, place: usize, now: u64) {
        let look_at = self.get(place, Word::LookAt);
        if look_at == 0 || look_at > now {
            return;
        }
        let Some(size) = self.files.get(place).and_then(size_of_log) else {
            return;
        };
        let grows = size != self.get(place, Word::Size);
        self.set(place, Word::Size, size);
        self.cut(place, size);
        let at_rest = !grows && self.watch(place);
        let next = if at_rest {
            0
        } else {
            now.saturating_add(NEXT_LOOK)
        };
        self.set(place, Word::LookAt, next);
    }

    /// Removes the oldest part of a log that is too large, and a quarter more, so that it is not
    /// done for every line.
    fn cut(&mut self, place: usize, size: u64) {
        let bound = self.get(place, Word::Bound);
        let punched = self.get(place, Word::Punched);
        if size.saturating_sub(punched) <= bound {
            return;
        }
        let Some(log) = self.files.get(place) else {
            return;
        };
        let block = block_size(log);
        let kept = bound - bound / 4;
        let until = size.saturating_sub(kept) / block * block;
        if until <= punched {
            return;
        }
        match fallocate(log, FallocateFlags::COLLAPSE_RANGE, 0, until) {
            Ok(()) => {
                let dropped = self.get(place, Word::Dropped).saturating_add(until);
                self.set(place, Word::Dropped, dropped);
                self.set(place, Word::Punched, 0);
                self.set(place, Word::Size, size - until);
            }
            // Not every file system can make a file shorter at its front.
            Err(_) => {
                let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                if fallocate(log, flags, 0, until).is_ok() {
                    self.set(place, Word::Punched, until);
                }
            }
        }
    }

    /// Has the kernel tell of the next write; false when it cannot.
    fn watch(&mut self, place: usize) -> bool {
        if self.notices.is_none() {
            let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
            self.notices = inotify::init(flags).ok();
        }
        let (Some(notices), Some(log)) = (&self.notices, self.files.get(place)) else {
            return false;
        };
        let number = u64::from(log.as_raw_fd().unsigned_abs());
        let path = Name::new().text(b"/proc/self/fd/").number(number);
        let flags = inotify::WatchFlags::MODIFY | inotify::WatchFlags::ONESHOT;
        let Ok(watch) = inotify::add_watch(notices, path.as_c_str(), flags) else {
            return false;
        };
        self.set(place, Word::Watch, u64::from(watch.unsigned_abs()) + 1);
        // What was written before the watch was there is not told of.
        let size = self.files.get(place).and_then(size_of_log);
        size == Some(self.get(place, Word::Size))
    }

    fn unwatch(&self, place: usize) {
        let watch = self.get(place, Word::Watch);
        if let (Some(notices), Some(watch)) = (&self.notices, watch.checked_sub(1)) {
            // One that has told is gone already.
            let _gone = inotify::remove_watch(notices, watch as i32);
            self.set(place, Word::Watch, 0);
        }
    }

    /// What is written to again is looked at soon.
    fn take_notices(&mut self, now: u64) {
        let Some(notices) = self.notices.take() else {
            return;
        };
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut events = inotify::Reader::new(&notices, &mut buffer);
        loop {
            match events.next() {
                Ok(event) => self.noticed(event.wd(), now),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        self.notices = Some(notices);
    }

    fn noticed(&mut self, watch: i32, now: u64) {
        let watch = u64::from(watch.unsigned_abs()) + 1;
        let look_at = now.saturating_add(NEXT_LOOK);
        for place in 0..self.slots * STREAMS {
            if self.get(place, Word::Watch) == watch {
                self.set(place, Word::Watch, 0);
                self.set(place, Word::LookAt, look_at);
                self.next = Some(self.next.map_or(look_at, |next| next.min(look_at)));
            }
        }
    }

    fn get(&self, place: usize, word: Word) -> u64 {
        self.word(place, word)
            .map_or(0, |it| it.load(Ordering::Relaxed))
    }

    fn set(&self, place: usize, word: Word, value: u64) {
        if let Some(it) = self.word(place, word) {
            it.store(value, Ordering::Relaxed);
        }
    }

    fn word(&self, place: usize, word: Word) -> Option<&AtomicU64> {
        self.words.get(place * WORDS + word as usize, 1)?.first()
    }
}

fn size_of_log(log: BorrowedFd<'_>) -> Option<u64> {
    u64::try_from(fstat(log).ok()?.st_size).ok()
}

/// What lengths have to be a multiple of (fallocate(2)).
fn block_size(log: BorrowedFd<'_>) -> u64 {
    const USUAL: u64 = 4096;
    let size = fstat(log)
        .ok()
        .and_then(|stat| u64::try_from(stat.st_blksize).ok());
    size.filter(|size| *size > 0).unwrap_or(USUAL)
}
