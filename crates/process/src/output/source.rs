//! One log as it is read while others write to it, cut it, truncate it or put another in its place.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use rustix::fs::{AtFlags, statat};
use rustix::io::Errno;

use super::holes::{next_data, read_available, read_data};
use super::log_files::LogName;
use super::notice::Place;
use super::relay::{Begin, DroppedBytes, Followed};
use super::tail::tail_offset;

/// How much of what was read last is remembered, to find its place again in a log that was cut.
const CONTEXT: usize = 4096;

/// Fewer bytes may be anywhere by chance.
const TELLING: u64 = 16;

/// How long one who removes the beginning of a log may take to count it.
const COUNTING: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(1);

/// A place in a log that stays right while the file changes.
pub(super) struct Source<'a> {
    log: &'a File,
    /// What was put in its place.
    successor: Option<File>,
    name: Option<&'a LogName>,
    /// Whether nothing has its name at the moment.
    gone: bool,
    counter: Option<DroppedBytes<'a>>,
    /// What the counter said when `position` was right.
    dropped: u64,
    position: u64,
    /// What lies before `position`, without a hole.
    context: Vec<u8>,
    /// How far to go, once that is known.
    end: Option<u64>,
    /// Bytes that went before they could be read.
    pub(super) missed: u64,
}

impl<'a> Source<'a> {
    pub(super) fn new(followed: &Followed<'a>) -> io::Result<Self> {
        let counter = followed.dropped;
        let mut source = Self {
            log: followed.log,
            successor: None,
            name: followed.name,
            gone: false,
            counter,
            dropped: 0,
            position: 0,
            context: Vec::new(),
            end: None,
            missed: 0,
        };
        match followed.begin {
            Begin::Byte(byte) => {
                source.position = byte;
                source.follow_counter();
            }
            Begin::Lines(lines) => {
                source.dropped = counter.map_or(0, |counter| counter());
                source.position = tail_offset(followed.log, lines)?;
            }
        }
        source.learn_context()?;
        Ok(source)
    }

    /// So that a cut is noticed that comes before the first reading.
    fn learn_context(&mut self) -> io::Result<()> {
        let begin = self.position.saturating_sub(CONTEXT as u64);
        let mut context = vec![0; usize::try_from(self.position - begin).unwrap_or(0)];
        if next_data(self.file(), begin)? == Some(begin) {
            let read = read_available(self.file(), &mut context, begin)?;
            if read == context.len() {
                self.context = context;
            }
        }
        Ok(())
    }

    fn file(&self) -> &File {
        self.successor.as_ref().unwrap_or(self.log)
    }

    /// What has to be watched to learn of every change.
    pub(super) fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let log = Place::Log {
            file: self.file(),
            named: self.name.is_some(),
        };
        let directory = self.name.filter(|_| self.gone);
        let directory = directory.map(|name| Place::Directory(name.directory.as_fd()));
        std::iter::once(log).chain(directory)
    }

    /// Reads on; 0 when nothing more is there.
    pub(super) fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        loop {
            self.follow_counter();
            let begin = self.position;
            let wanted = self.end.map_or(u64::MAX, |end| end.saturating_sub(begin));
            let wanted = usize::try_from(wanted).map_or(block.len(), |it| it.min(block.len()));
            let part = block.get_mut(..wanted).unwrap_or_default();
            let mut position = begin;
            let read = read_data(self.file(), part, &mut position)?;
            // Whatever was read while the file was cut is not from where it seems to be.
            if self.has_moved()? {
                self.find_place()?;
                continue;
            }
            if position > begin {
                self.missed += position - begin;
                self.context.clear();
            }
            self.position = position + read as u64;
            self.remember(part.get(..read).unwrap_or_default());
            return Ok(read);
        }
    }

    /// From here on only what is there now.
    pub(super) fn stop_at_end(&mut self) -> io::Result<()> {
        self.follow_counter();
        self.end = Some(self.file().metadata()?.len());
        Ok(())
    }

    /// Goes over to the file that was put in the place of this one; says whether what has to be
    /// watched is another now.
    pub(super) fn switch(&mut self) -> io::Result<bool> {
        let Some(name) = self.name else {
            return Ok(false);
        };
        let before = self.gone;
        match statat(&name.directory, &name.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => self.gone = true,
            Err(errno) => return Err(errno.into()),
            Ok(named) => {
                let ours = self.file().metadata()?;
                self.gone = false;
                if (named.st_dev, named.st_ino) != (ours.dev(), ours.ino()) {
                    self.replace(name.open()?)?;
                    return Ok(true);
                }
            }
        }
        Ok(self.gone != before)
    }

    fn replace(&mut self, successor: File) -> io::Result<()> {
        self.successor = Some(successor);
        // It counts what was removed from the other.
        self.counter = None;
        self.position = 0;
        self.context.clear();
        if self.end.is_some() {
            self.stop_at_end()?;
        }
        Ok(())
    }

    /// Moves with what was removed from the front.
    fn follow_counter(&mut self) {
        let Some(counter) = self.counter else {
            return;
        };
        let removed = counter().saturating_sub(self.dropped);
        self.dropped += removed;
        self.missed += removed.saturating_sub(self.position);
        self.move_back(removed);
    }

    fn move_back(&mut self, removed: u64) {
        self.position = self.position.saturating_sub(removed);
        let kept = usize::try_from(self.position).unwrap_or(CONTEXT);
        let excess = self.context.len().saturating_sub(kept);
        self.context.drain(..excess);
        self.end = self.end.map(|end| end.saturating_sub(removed));
    }

    /// Whether what lies before the position is no longer what was read.
    fn has_moved(&mut self) -> io::Result<bool> {
        let counted = self
            .counter
            .is_some_and(|counter| counter() != self.dropped);
        if counted || self.file().metadata()?.len() < self.position {
            return Ok(true);
        }
        if self.is_preceded_by_context(self.position)? {
            return Ok(false);
        }
        let punched = self.is_punched()?;
        if punched {
            self.context.clear();
        }
        Ok(!punched)
    }

    /// Whether a hole took the place of what was read, so that the position is as right as before.
    fn is_punched(&self) -> io::Result<bool> {
        let begin = self.position - self.context.len() as u64;
        match next_data(self.file(), begin)? {
            Some(data) => Ok(data > begin),
            // Nothing but a hole follows, or the file was made shorter just now.
            None => Ok(self.file().metadata()?.len() >= self.position),
        }
    }

    /// As far as the file goes back: the rest may have been cut off.
    fn is_preceded_by_context(&self, position: u64) -> io::Result<bool> {
        let known = self.context.len();
        let length = usize::try_from(position).map_or(known, |position| position.min(known));
        let expected = self.context.get(known - length..).unwrap_or_default();
        let mut bytes = [0; CONTEXT];
        let bytes = bytes.get_mut(..length).unwrap_or_default();
        let read = read_available(self.file(), bytes, position - length as u64)?;
        Ok(read == length && *bytes == *expected)
    }

    /// Finds the position again in a file that has become another.
    fn find_place(&mut self) -> io::Result<()> {
        if self.was_counted() {
            return Ok(());
        }
        match self.search()? {
            Some(removed) => self.move_back(removed),
            // Truncated, or the position itself has gone: all that is there is new.
            None => {
                self.position = 0;
                self.context.clear();
                if self.end.is_some() {
                    self.stop_at_end()?;
                }
            }
        }
        Ok(())
    }

    /// Whether a removal explains it; there can be a moment between it and its count.
    fn was_counted(&self) -> bool {
        let Some(counter) = self.counter else {
            return false;
        };
        let mut waited = Duration::ZERO;
        while counter() == self.dropped {
            if waited >= COUNTING {
                return false;
            }
            std::thread::sleep(PAUSE);
            waited += PAUSE;
        }
        true
    }

    /// How much has to have been removed, whole blocks as fallocate(2) wants it, for what was read
    /// last to be where it is.
    fn search(&self) -> io::Result<Option<u64>> {
        if (self.context.len() as u64) < TELLING {
            return Ok(None);
        }
        let metadata = self.file().metadata()?;
        let block = metadata.blksize().max(1);
        let beyond = self.position.saturating_sub(metadata.len());
        let mut removed = beyond.div_ceil(block).max(1).saturating_mul(block);
        loop {
            let position = self.position.checked_sub(removed);
            let Some(position) = position.filter(|position| *position >= TELLING) else {
                return Ok(None);
            };
            if self.is_preceded_by_context(position)? {
                return Ok(Some(removed));
            }
            removed = removed.saturating_add(block);
        }
    }

    fn remember(&mut self, read: &[u8]) {
        let kept = CONTEXT.saturating_sub(read.len());
        let excess = self.context.len().saturating_sub(kept);
        self.context.drain(..excess);
        let last = read.len().saturating_sub(CONTEXT);
        self.context
            .extend_from_slice(read.get(last..).unwrap_or_default());
    }
}
