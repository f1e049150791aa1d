//! Whether an owner lives, as far as that can be known from here.
//!
//! Its lock says so, wherever that is: in our data directory, or in another one of the same
//! ledger, which the owner's row names. Where the lock is out of reach, in another container say,
//! the owner is believed to live for as long as it says so; after that its leases count.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use hostledger_model::{OwnerId, OwnerPlace, OwnerRecord, Process, Timestamp};
use hostledger_process::{Stream, log_file_name};
use hostledger_store::{Change, OwnerChange};

use super::{Bystander, BystanderError};
use crate::logs::log_files;
use crate::owner::{Owner, read_mark};

/// An owner that has not been seen for this long may be dead: it has left out three times what it
/// says every half minute.
const FRESH: TimeDelta = TimeDelta::minutes(2);

/// Who has not said so for this long, and is out of reach, is not waited for any more.
const FORGOTTEN: TimeDelta = TimeDelta::days(30);

/// What is known of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its lock is held, or it has said so just now.
    Alive,
    /// Nobody holds its lock.
    Dead,
    /// Its lock is out of reach, or nobody knows where it is: what it has taken on is its own until
    /// the lease is over.
    Unknown,
}

/// The data directory that an owner belongs to.
enum Home {
    Ours,
    Other(PathBuf),
    OutOfReach,
}

impl Bystander {
    /// Whether an owner lives.
    ///
    /// # Errors
    /// Its row cannot be read, or its lock not be asked for.
    pub fn standing(&self, owner: OwnerId) -> Result<Standing, BystanderError> {
        if let Some(held) = Owner::lock_state(&self.owners, owner)? {
            return Ok(of_lock(Some(held)));
        }
        let record = self.store.owner(owner)?;
        Ok(match self.home(record.as_ref()) {
            // Asked again, as its lock may have been made before its row and after the first look.
            Home::Ours => of_lock(Owner::lock_state(&self.owners, owner)?),
            Home::Other(data_dir) => of_lock(Owner::lock_state(&self.locks_of(&data_dir), owner)?),
            Home::OutOfReach => {
                let is_fresh =
                    |it: OwnerRecord| Timestamp::now() < it.seen_at.saturating_add(FRESH);
                if record.is_some_and(is_fresh) {
                    Standing::Alive
                } else {
                    Standing::Unknown
                }
            }
        })
    }

    /// Whether a process belongs to somebody who sees to it.
    pub(crate) fn is_owned(&self, process: &Process) -> Result<bool, BystanderError> {
        self.is_held(process.owner, process.retry_at)
    }

    /// Whether what an owner has taken on until the end of a lease is his still.
    pub(crate) fn is_held(
        &self,
        owner: Option<OwnerId>,
        lease: Option<Timestamp>,
    ) -> Result<bool, BystanderError> {
        let Some(owner) = owner else {
            return Ok(false);
        };
        Ok(match self.standing(owner)? {
            Standing::Alive => true,
            Standing::Dead => false,
            Standing::Unknown => lease.is_some_and(|at| at > Timestamp::now()),
        })
    }

    /// A bystander in the data directory of whoever has taken a process on: there are the tables
    /// that tell of its end, and its logs.
    pub(crate) fn at_home_of(
        &self,
        owner: Option<OwnerId>,
    ) -> Result<Cow<'_, Self>, BystanderError> {
        let Some(owner) = owner else {
            return Ok(Cow::Borrowed(self));
        };
        if Owner::lock_state(&self.owners, owner)?.is_some() {
            return Ok(Cow::Borrowed(self));
        }
        let record = self.store.owner(owner)?;
        Ok(match self.home(record.as_ref()) {
            Home::Other(data_dir) => Cow::Owned(Self {
                owners: self.locks_of(&data_dir),
                keepers: in_directory(&data_dir, &self.keepers),
                data_dir,
                ..self.clone()
            }),
            Home::Ours | Home::OutOfReach => Cow::Borrowed(self),
        })
    }

    /// The data directory that the logs of a process are in: that of whoever has taken it on, or,
    /// when it is nobody's any more, the first one that has them of those that are known; else
    /// ours.
    ///
    /// # Errors
    /// The rows of owners cannot be read, or a lock not be asked for.
    pub fn log_home(&self, process: &Process) -> Result<PathBuf, BystanderError> {
        if process.owner.is_some() {
            return Ok(self.at_home_of(process.owner)?.data_dir.clone());
        }
        let has_logs = |data_dir: &PathBuf| {
            log_files(data_dir, process).is_some_and(|(logs, stem)| {
                let name = log_file_name(&stem, Stream::Stdout);
                logs.join(name).symlink_metadata().is_ok()
            })
        };
        if has_logs(&self.data_dir) {
            return Ok(self.data_dir.clone());
        }
        let places = self.store.owners_of(self.machine)?.into_iter();
        let places = places.filter_map(|record| record.place);
        let others = places.filter(|place| self.is_at(&place.data_dir, place));
        let others = others.map(|place| place.data_dir);
        let mut all = self.home.iter().cloned().chain(others);
        Ok(all.find(has_logs).unwrap_or_else(|| self.data_dir.clone()))
    }

    /// Has the rows of owners go that are dead and have nothing left, or may be and were not heard of
    /// for long: on a server who lives says so, and has a row again if it was stopped meanwhile.
    pub(super) fn forget_owners(&self) -> Result<(), BystanderError> {
        let machine = self.machine;
        for owner in self.store.owners_of(machine)? {
            let id = owner.id;
            let standing = self.standing(id).unwrap_or_else(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, owner = %id, "whether an owner lives is not known");
                Standing::Unknown
            });
            let is_old = || Timestamp::now() > owner.seen_at.saturating_add(FORGOTTEN);
            let is_forgotten = match standing {
                Standing::Alive => false,
                Standing::Dead => true,
                Standing::Unknown => self.store.is_remote() && is_old(),
            };
            if is_forgotten {
                let gone = Change::Owner(OwnerChange::Gone { id, machine });
                self.store.submit(Timestamp::now(), vec![gone]).wait()?;
            }
        }
        Ok(())
    }

    fn home(&self, record: Option<&OwnerRecord>) -> Home {
        let Some(record) = record else {
            return match &self.home {
                Some(home) if *home == self.data_dir => Home::Ours,
                Some(home) if self.can_look_into(home) => Home::Other(home.clone()),
                _ => Home::OutOfReach,
            };
        };
        match &record.place {
            _ if record.machine_id != self.machine => Home::OutOfReach,
            None => Home::Ours,
            Some(place) if self.is_at(&self.data_dir, place) => Home::Ours,
            Some(place)
                if self.is_at(&place.data_dir, place) && self.can_look_into(&place.data_dir) =>
            {
                Home::Other(place.data_dir.clone())
            }
            Some(_) => Home::OutOfReach,
        }
    }

    /// Whether the locks of another data directory are there, and the tables of its keepers may be
    /// read: another user's may not, also where his directory is open to all.
    fn can_look_into(&self, data_dir: &Path) -> bool {
        self.locks_of(data_dir).is_dir() && in_directory(data_dir, &self.keepers).read_dir().is_ok()
    }

    /// Whether a directory is the one that was meant, and no other of the same name.
    fn is_at(&self, data_dir: &Path, place: &OwnerPlace) -> bool {
        read_mark(&self.locks_of(data_dir)).is_some_and(|mark| mark == place.mark)
    }

    fn locks_of(&self, data_dir: &Path) -> PathBuf {
        in_directory(data_dir, &self.owners)
    }
}

/// The place in another data directory of what is here in ours.
fn in_directory(data_dir: &Path, ours: &Path) -> PathBuf {
    match ours.file_name() {
        Some(name) => data_dir.join(name),
        None => data_dir.to_owned(),
    }
}

fn of_lock(held: Option<bool>) -> Standing {
    match held {
        Some(true) => Standing::Alive,
        Some(false) | None => Standing::Dead,
    }
}
