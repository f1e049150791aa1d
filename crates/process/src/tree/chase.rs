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

/// The number given out last in this pid namespace.
struct Newest(File);

impl Newest {
    fn open() -> io::Result<Self> {
        Ok(Self(File::open("/proc/loadavg")?))
    }

    fn read(&self) -> io::Result<Option<i32>> {
        let mut buffer = [0; 128];
        let length = self.0.read_at(&mut buffer, 0)?;
        let text = buffer.get(..length).map(String::from_utf8_lossy);
        Ok(text.and_then(|text| text.split_whitespace().nth(4)?.parse().ok()))
    }
}

impl Hunt<'_> {
    /// Ends the newest members of tagged trees as they come, until none come any more or the time
    /// has passed. The tag alone proves them here, so nothing is lost with a parent that ends.
    pub(super) fn chase(&mut self, which: &[usize], until: Instant) {
        let tags: Vec<(u64, usize)> = which
            .iter()
            .filter_map(|index| Some((self.rosters.get(*index)?.tag()?, *index)))
            .collect();
        if tags.is_empty() {
            return;
        }
        if let Err(error) = self.chase_tagged(&tags, until) {
            let which = tags.iter().map(|(_, index)| *index);
            for index in which {
                self.fail(index, TreeError::scan(copy_of(&error)));
            }
        }
    }

    fn chase_tagged(&mut self, tags: &[(u64, usize)], until: Instant) -> io::Result<()> {
        let newest = Newest::open()?;
        let mut last = newest.read()?.unwrap_or(0);
        let mut quiet = 0;
        while quiet < QUIET_LOOKS && Instant::now() < until {
            let now = newest.read()?.unwrap_or(last);
            let stretch = now.saturating_sub(last);
            // The newest one is looked at again: it may not have been there yet.
            let from = if (0..LONGEST_STRETCH).contains(&stretch) {
                last
            } else {
                now
            };
            let mut found = false;
            for pid in (from..=now).rev().filter_map(Pid::new) {
                found |= self.end_tagged(pid, tags);
            }
            quiet = if found { 0 } else { quiet + 1 };
            last = now;
        }
        Ok(())
    }

    /// Ends whoever has this number, if he carries one of the tags and is not known yet.
    fn end_tagged(&mut self, pid: Pid, tags: &[(u64, usize)]) -> bool {
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
                    self.send(*index, Signal::KILL, |member| member.pid == pid);
                    self.killed(*index);
                }
                Ok(false) => {}
                Err(error) => self.fail(*index, error),
            }
        }
        found
    }
}
