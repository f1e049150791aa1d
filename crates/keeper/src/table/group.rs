//! The right to end a cgroup: that of this process and of no later one.

use std::path::{Path, PathBuf};

use super::layout::Field;
use super::{Slot, Table};

/// A process's hold on its cgroup, valid until the keeper gives the group to the next process.
///
/// A cgroup in which everything was once killed is never used again: on some kernels (6.18) it
/// would kill whatever is born into it later.
#[derive(Debug, Clone)]
pub struct GroupLease {
    table: Table,
    slot: Slot,
    /// The word while it is ours and not condemned.
    word: u64,
    path: PathBuf,
}

impl GroupLease {
    pub(super) fn new(table: &Table, slot: Slot) -> Option<Self> {
        let words = table.words(slot)?;
        let word = words.load(Field::Group);
        let name = Some(words.load(Field::GroupName)).filter(|name| *name != 0)?;
        let path = table.group_path(slot, name)?;
        // The name was read while the word did not change, so they belong together.
        (words.load(Field::Group) == word).then(|| Self {
            table: table.clone(),
            slot,
            word: word & !1,
            path,
        })
    }

    /// The group's directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the group is still this process's, condemned or not.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let words = self.table.words(self.slot);
        words.is_some_and(|words| words.load(Field::Group) & !1 == self.word)
    }

    /// Sees to it that the group is never used again; to be called before it is killed.
    ///
    /// False when it is no longer this process's: it must not be killed then.
    #[must_use]
    pub fn condemn(&self) -> bool {
        let Some(words) = self.table.words(self.slot) else {
            return false;
        };
        words.exchange(Field::Group, self.word, self.word | 1)
            || words.load(Field::Group) == self.word | 1
    }
}
