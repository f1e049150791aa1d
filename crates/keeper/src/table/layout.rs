//! Where what stands in a table. All of it are 64-bit words, and all access is atomic.
//!
//! A page of header is followed by slots of 256 bytes. What a slot needs to hold an end is there
//! before the process is started, so a full disk can lose no exit.

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const WORD: usize = size_of::<u64>();
pub(crate) const HEADER_WORDS: usize = 512;
pub(crate) const SLOT_WORDS: usize = 32;
/// A table begins with this many slots, so that a single program costs 8 KiB.
pub(crate) const FIRST_SLOTS: usize = 16;
/// Addresses are reserved for this many: 16 MiB.
pub(crate) const MOST_SLOTS: usize = 65_536;

/// `hlkeeper`.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"hlkeeper");
/// Changes with every change of the layout or of what a word means.
pub(crate) const VERSION: u64 = 1;

/// The size of a table with this many slots, in bytes.
pub(crate) const fn bytes(slots: usize) -> usize {
    (HEADER_WORDS + slots * SLOT_WORDS) * WORD
}

/// A word of the header.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Head {
    /// Written last: a table without it is not finished.
    Magic,
    Version,
    /// Not 0: nothing more is started.
    Sealed,
    /// How many slots there are.
    Capacity,
    OwnerHigh,
    OwnerLow,
    KeeperHigh,
    KeeperLow,
    /// 0 until the keeper runs.
    KeeperPid,
    PidNamespace,
    BootIdLength,
    /// The first of [`BOOT_ID_WORDS`].
    BootId,
    GroupLength = 32,
    /// The first of [`GROUP_WORDS`].
    Group,
}

pub(crate) const BOOT_ID_WORDS: usize = 8;
pub(crate) const GROUP_WORDS: usize = HEADER_WORDS - Head::Group as usize;

/// A word of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    State,
    /// Written by the kernel, before the child runs.
    Pid,
    IdHigh,
    IdLow,
    Attempt,
    /// Written by the child, before its program is executed.
    StartTicks,
    /// Written by the child as well; 0 where the kernel has no pidfs.
    PidfdInode,
    /// The soft `RLIMIT_LOCKS` of all that descends from it; 0 for none.
    Tag,
    KillMode,
    /// `CLOCK_MONOTONIC` in ns; 0 for none.
    Deadline,
    /// In ns.
    Grace,
    /// `CLOCK_MONOTONIC` in ns at which SIGKILL is due; 0 when no stop is under way.
    KillAt,
    /// Unix time in µs; 0 when the keeper did not stop it.
    StopAt,
    StopSignal,
    /// How often the group was used << 1 | whether it is condemned.
    Group,
    /// Generation of the group it is in, plus 1; 0 for none.
    GroupName,
    /// Generation of the newest group of this slot, plus 1.
    GroupGeneration,
    /// [`SpawnError::to_word`](hostledger_sys::SpawnError::to_word).
    Failure,
    /// The first of the end.
    WaitStatus,
    EndAt,
    UserTime,
    SystemTime,
    MaxRss,
    BlockInputs,
    BlockOutputs,
    VoluntarySwitches,
    InvoluntarySwitches,
    DroppedOut,
    /// The last of the end.
    DroppedErr,
    Checksum,
    /// Which logs were found empty at the end: 1 for stdout, 2 for stderr. Keepers of version
    /// 0.1.0 leave it 0, which says nothing.
    Empty,
}

const _: () = assert!((Field::Empty as usize) < SLOT_WORDS);

/// The words of one slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlotWords<'a>(pub(crate) &'a [AtomicU64; SLOT_WORDS]);

impl<'a> SlotWords<'a> {
    pub(crate) fn word(self, field: Field) -> &'a AtomicU64 {
        &self.0[field as usize]
    }

    pub(crate) fn load(self, field: Field) -> u64 {
        self.word(field).load(Ordering::SeqCst)
    }

    pub(crate) fn store(self, field: Field, value: u64) {
        self.word(field).store(value, Ordering::SeqCst);
    }

    pub(crate) fn exchange(self, field: Field, from: u64, to: u64) -> bool {
        self.word(field)
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// Of whose end it is, and the end; never 0.
    pub(crate) fn checksum(self) -> u64 {
        let whose = [Field::Pid, Field::IdHigh, Field::IdLow, Field::Attempt];
        let whose = whose.into_iter().map(|field| field as usize);
        let end = Field::WaitStatus as usize..=Field::DroppedErr as usize;
        // FNV-1a over words, with a shift that brings high bits down.
        let sum = whose.chain(end).fold(0xcbf2_9ce4_8422_2325, |sum, index| {
            let word = self.0[index].load(Ordering::SeqCst);
            let mixed = (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3);
            mixed ^ mixed >> 29
        });
        sum | 1
    }
}
