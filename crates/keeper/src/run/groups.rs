//! The pool of cgroups: each slot has one, which its processes use one after the other.
//!
//! Making a cgroup costs about 60 µs, using one again nothing. It is used again only when it is
//! empty and was never killed: on some kernels (6.18) a group that was killed once kills
//! whatever is born into it later.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use hostledger_sys::HeldFds;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::name::Name;
use crate::table::layout::{Field, MOST_SLOTS, SlotWords};
use crate::table::map::Map;

#[derive(Debug)]
pub(super) struct Groups {
    /// Below which they are made, if there is one.
    root: Option<OwnedFd>,
    /// Of each slot that has a group.
    directories: HeldFds,
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Groups {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            root: None,
            directories: HeldFds::new(MOST_SLOTS)?,
        })
    }

    pub(super) fn set_root(&mut self, root: OwnedFd) {
        self.root = Some(root);
    }

    /// Finds a group for the process that a slot is for, and notes it there; `None` where there
    /// is no cgroup to be had.
    pub(super) fn assign(&mut self, slot: usize, words: SlotWords<'_>) -> Option<BorrowedFd<'_>> {
        if !self.reuse(slot, words) {
            self.make(slot, words)?;
        }
        words.store(Field::GroupName, words.load(Field::GroupGeneration));
        self.directories.get(slot)
    }

    /// Takes the group that the slot's last process had.
    fn reuse(&self, slot: usize, words: SlotWords<'_>) -> bool {
        let Some(directory) = self.directories.get(slot) else {
            return false;
        };
        let word = words.load(Field::Group);
        // Who condemns it meanwhile changes the word, and it is not ours then.
        word & CONDEMNED == 0
            && is_empty(directory) == Ok(true)
            && words.exchange(Field::Group, word, word.wrapping_add(ONE_USE))
    }

    /// Makes a new one. The old one goes with the last that lives in it, or with the keeper.
    fn make(&mut self, slot: usize, words: SlotWords<'_>) -> Option<()> {
        /// Groups that another keeper has left below the same root are passed over.
        const TRIES: u64 = 64;
        let root = self.root.as_ref()?;
        drop(self.directories.take(slot));
        let newest = words.load(Field::GroupGeneration);
        if let Some(generation) = newest.checked_sub(1) {
            remove(root.as_fd(), slot, generation);
        }
        for generation in newest..newest.saturating_add(TRIES) {
            let name = name(slot, generation);
            match rustix::fs::mkdirat(root, name.as_c_str(), Mode::from_raw_mode(0o755)) {
                Err(Errno::EXIST) => {}
                Err(_) => return None,
                Ok(()) => {
                    let opened =
                        rustix::fs::openat(root, name.as_c_str(), DIRECTORY, Mode::empty());
                    self.directories.put(slot, opened.ok()?);
                    words.store(Field::GroupGeneration, generation + 1);
                    let uses = words.load(Field::Group) & !CONDEMNED;
                    words.store(Field::Group, uses.wrapping_add(ONE_USE));
                    return Some(());
                }
            }
        }
        None
    }

    /// Ends all that live in a slot's group; false where there is none, or the kernel is older
    /// than 5.14 and has no `cgroup.kill`.
    pub(super) fn kill(&self, slot: usize, words: SlotWords<'_>) -> bool {
        let Some(directory) = self.directories.get(slot) else {
            return false;
        };
        if words.load(Field::GroupName) == 0 {
            return false;
        }
        words
            .word(Field::Group)
            .fetch_or(CONDEMNED, std::sync::atomic::Ordering::SeqCst);
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let kill = rustix::fs::openat(directory, c"cgroup.kill", flags, Mode::empty());
        kill.is_ok_and(|kill| rustix::io::write(kill, b"1").is_ok())
    }

    /// Removes all that are empty: for who leaves.
    pub(super) fn remove_all(&mut self, map: &Map) {
        let Some(root) = self.root.as_ref() else {
            return;
        };
        for slot in 0..map.capacity() {
            let newest = map
                .slot(slot)
                .map_or(0, |words| words.load(Field::GroupGeneration));
            for generation in 0..newest {
                remove(root.as_fd(), slot, generation);
            }
        }
    }
}

const CONDEMNED: u64 = 1;
const ONE_USE: u64 = 2;

fn name(slot: usize, generation: u64) -> Name {
    Name::new()
        .number(slot as u64)
        .text(b".")
        .number(generation)
}

/// Removes a group. One that somebody lives in stays, as does one that is not ours to remove:
/// an empty cgroup does no harm.
fn remove(root: BorrowedFd<'_>, slot: usize, generation: u64) {
    let name = name(slot, generation);
    let removed = rustix::fs::unlinkat(root, name.as_c_str(), AtFlags::REMOVEDIR);
    debug_assert!(removed != Err(Errno::NOTDIR));
}

/// Whether nobody lives in a group or below it (cgroup.events of cgroups(7)).
fn is_empty(directory: BorrowedFd<'_>) -> Result<bool, Errno> {
    const EMPTY: &[u8] = b"populated 0";
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let events = rustix::fs::openat(directory, c"cgroup.events", flags, Mode::empty())?;
    let mut text = [0; 128];
    let length = rustix::io::read(&events, &mut text)?;
    let text = text.get(..length).unwrap_or_default();
    Ok(text.split(|byte| *byte == b'\n').any(|line| line == EMPTY))
}
