//! The table: who runs under a keeper, and how those ended that are not written down yet.
//!
//! A file that the keeper and others map at once. It is read by whoever takes over when keeper,
//! launcher or both are gone.

mod create;
pub(crate) mod entry;
mod group;
pub(crate) mod layout;
pub(crate) mod map;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hostledger_model::{BootId, KeeperId, OwnerId, Pid, PidNamespace};
use hostledger_sys::FileLock;
use rustix::fs::OFlags;
use uuid::Uuid;

pub(crate) use self::create::create;
use self::entry::{Entry, Slot, State};
pub use self::group::GroupLease;
use self::layout::{BOOT_ID_WORDS, Field, GROUP_WORDS, Head, MAGIC, SlotWords, VERSION};
use self::map::Map;

/// A keeper's table. Cheap to clone; readable also when nobody keeps it any more.
#[derive(Debug, Clone)]
pub struct Table {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    file: File,
    map: Map,
    group_root: Option<PathBuf>,
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened or mapped.
    #[error("cannot open the keeper's table {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// It is not a table, or was not finished: nothing was ever started under it.
    #[error("{} is no keeper's table", path.display())]
    NotATable {
        /// Which.
        path: PathBuf,
    },
    /// Another version of hostledger made it.
    #[error("{} is a keeper's table of version {version}, this program reads {VERSION}", path.display())]
    Version {
        /// Which.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// It cannot be asked whether its keeper lives.
    #[error("cannot ask for the lock of {}", path.display())]
    Lock {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// It cannot be removed.
    #[error("cannot remove {}", path.display())]
    Remove {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl Table {
    /// Opens the table of a keeper, dead or alive. A symbolic link is not followed.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let open = |source| TableError::Open {
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)
            .map_err(open)?;
        let map = Map::new(&file).map_err(open)?;
        let map = map.filter(|map| map.load(Head::Magic) == MAGIC);
        let map = map.ok_or_else(|| TableError::NotATable {
            path: path.to_owned(),
        })?;
        let version = map.load(Head::Version);
        if version != VERSION {
            let path = path.to_owned();
            return Err(TableError::Version { path, version });
        }
        let group_root = map.bytes(Head::GroupLength, Head::Group, GROUP_WORDS);
        let group_root = (!group_root.is_empty()).then(|| OsString::from_vec(group_root).into());
        Ok(Self {
            shared: Arc::new(Shared {
                path: path.to_owned(),
                file,
                map,
                group_root,
            }),
        })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// For whom its keeper was started.
    #[must_use]
    pub fn owner(&self) -> OwnerId {
        self.uuid(Head::OwnerHigh, Head::OwnerLow).into()
    }

    /// Which keeper's it is.
    #[must_use]
    pub fn keeper_id(&self) -> KeeperId {
        self.uuid(Head::KeeperHigh, Head::KeeperLow).into()
    }

    /// The keeper's pid, once it runs; it says nothing of whether it still does.
    #[must_use]
    pub fn keeper_pid(&self) -> Option<Pid> {
        Pid::new(i32::try_from(self.shared.map.load(Head::KeeperPid)).ok()?)
    }

    /// The boot in which it was made.
    #[must_use]
    pub fn boot_id(&self) -> BootId {
        let map = &self.shared.map;
        let text = map.bytes(Head::BootIdLength, Head::BootId, BOOT_ID_WORDS);
        BootId(String::from_utf8_lossy(&text).into_owned())
    }

    /// The pid namespace in which its pids mean something.
    #[must_use]
    pub fn pid_namespace(&self) -> PidNamespace {
        PidNamespace(self.shared.map.load(Head::PidNamespace))
    }

    /// The cgroup below which its processes have theirs.
    #[must_use]
    pub fn cgroup(&self) -> Option<PathBuf> {
        self.shared.group_root.clone()
    }

    /// Whether its keeper lives, or is just being started.
    ///
    /// # Errors
    /// [`TableError::Lock`].
    pub fn keeper_is_alive(&self) -> Result<bool, TableError> {
        FileLock::is_held(&self.shared.file).map_err(|source| TableError::Lock {
            path: self.shared.path.clone(),
            source,
        })
    }

    /// All that stand in it, each as it is at the moment it is looked at.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let slots = 0..self.shared.map.capacity();
        slots.filter_map(|index| self.entry(Slot(u32::try_from(index).ok()?)))
    }

    /// What stands in a slot; `None` when it is free.
    #[must_use]
    pub fn entry(&self, slot: Slot) -> Option<Entry> {
        Entry::read(slot, self.words(slot)?, |name| self.group_path(slot, name))
    }

    /// Forbids the keeper to start anything more. What it has begun to start is in the table
    /// when this returns: either we see it there, or it sees the seal.
    pub fn seal(&self) {
        self.shared.map.store(Head::Sealed, 1);
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    }

    /// Says that the end or failure in this slot is written down elsewhere; false when there is
    /// none, or somebody else said so before.
    #[must_use]
    pub fn settle(&self, slot: Slot) -> bool {
        self.words(slot).is_some_and(|words| {
            let from =
                |state: State| words.exchange(Field::State, state.word(), State::Settled.word());
            from(State::Ended) || from(State::Failed)
        })
    }

    /// This process's hold on its cgroup; `None` when it is in none of its own.
    #[must_use]
    pub fn group_lease(&self, slot: Slot) -> Option<GroupLease> {
        GroupLease::new(self, slot)
    }

    /// Removes the file; for who has settled all of it, when its keeper is gone.
    ///
    /// # Errors
    /// [`TableError::Remove`]; none when there is no file any more.
    pub fn remove(&self) -> Result<(), TableError> {
        match fs::remove_file(&self.shared.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(TableError::Remove {
                path: self.shared.path.clone(),
                source,
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn words(&self, slot: Slot) -> Option<SlotWords<'_>> {
        // A file that cannot be looked at any more has no further slots.
        let found = self.shared.map.slot_in(&self.shared.file, slot.index());
        found.ok().flatten()
    }

    fn group_path(&self, slot: Slot, name: u64) -> Option<PathBuf> {
        let generation = name.checked_sub(1)?;
        let name = format!("{}.{generation}", slot.0);
        Some(self.shared.group_root.as_ref()?.join(name))
    }

    fn uuid(&self, high: Head, low: Head) -> Uuid {
        Uuid::from_u64_pair(self.shared.map.load(high), self.shared.map.load(low))
    }
}
