//! Those who fork faster than /proc can be looked through.
//!
//! The kernel gives numbers out in turn and says which was the last one (`/proc/loadavg`, fifth
//! field). Whoever has been forked since is found by going through the few numbers since then:
//! microseconds, where a look through /proc takes milliseconds.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use hostledger_model::Pid;
use hostledger_sys::Signal;

use super::TreeError;
use super::error::copy_of;
use super::hunt::Hunt;
use super::snapshot::tag_of;

/// More new numbers than this at once are left to a look through all.
const LONGEST_STRETCH: i32 = 4096;
/// As many looks at the newest numbers in a row have to find nobody.
const QUIET_LOOKS: u32 = 20;
/// So many of the newest numbers are looked at again: a process gets its number a little before it
/// is there.
const AGAIN: i32 = 8;

/// The number given out last in this pid namespace.
pub(super) struct Newest(File);

impl Newest {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self(File::open("/proc/loadavg")?))
    }

    pub(super) fn read(&self) -> io::Result<Option<i32>> {
        let mut buffer = [0; 128];
        let length = self.0.read_at(&mut buffer, 0)?;
        let text = buffer.get(..length).map(String::from_utf8_lossy);
        Ok(text.and_then(|text| text.split_whitespace().nth(4)?.parse().ok()))
    }
}

impl Hunt<'_> {
    /// Signals the newest members of tagged trees as they come, from the number that was the last
    /// one before a look through all, until none come any more or the time has passed. The tag
    /// alone proves them here, so nothing is lost with a parent that ends.
    ///
    /// Says whether another look is needed, because somebody was found or may have been missed.
    pub(super) fn chase(
        &mut self,
        which: &[usize],
        signal: Signal,
        since: Option<i32>,
        until: Instant,
    ) -> bool {
        let tags: Vec<(u64, usize)> = which
            .iter()
            .filter_map(|index| Some((self.rosters.get(*index)?.tag()?, *index)))
            .collect();
        if tags.is_empty() {
            return false;
        }
        match self.chase_tagged(&tags, signal, since, until) {
            Ok(found) => found,
            Err(error) => {
                for (_, index) in tags {
                    self.fail(index, TreeError::scan(copy_of(&error)));
                }
                false
            }
        }
    }

    fn chase_tagged(
        &mut self,
        tags: &[(u64, usize)],
        signal: Signal,
        since: Option<i32>,
        until: Instant,
    ) -> io::Result<bool> {
        let mut last = match since {
            Some(last) => last,
            None => self.newest.read()?.unwrap_or(0),
        };
        let (mut any, mut quiet) = (false, 0);
        while quiet < QUIET_LOOKS && Instant::now() < until {
            let now = self.newest.read()?.unwrap_or(last);
            // The numbers begin again at the low end, or are too many.
            if !(0..LONGEST_STRETCH).contains(&now.saturating_sub(last)) {
                (any, last, quiet) = (true, now, 0);
                continue;
            }
            // Upwards, parents first: whoever has SIGKILL pending does not complete a fork.
            let mut found = false;
            for pid in (last.saturating_sub(AGAIN)..=now).filter_map(Pid::new) {
                found |= self.signal_tagged(pid, signal, tags);
            }
            any |= found;
            quiet = if found { 0 } else { quiet + 1 };
            last = now;
        }
        Ok(any || quiet < QUIET_LOOKS)
    }

    /// Signals whoever has this number, if he carries one of the tags and is not known yet.
    fn signal_tagged(&mut self, pid: Pid, signal: Signal, tags: &[(u64, usize)]) -> bool {
        let Some(tag) = tag_of(pid) else {
            return false;
        };
        let mut found = false;
        for (_, index) in tags.iter().filter(|(wanted, _)| *wanted == tag) {
            let Ok(Some(row)) = self.proc.row(pid) else {
                continue;
            };
            match self.admit(*index, &row) {
                Ok(true) => {
                    found = true;
                    let sent = self.send(*index, signal, |member| member.pid == pid);
                    if signal == Signal::KILL && sent.count > 0 {
                        self.killed(*index);
                    }
                }
                Ok(false) => {}
                Err(error) => self.fail(*index, error),
            }
        }
        found
    }
}
