//! Whether groups can be made here, and making them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::group::subgroups;
use super::place::candidates;
use crate::Means;
use crate::identity::is_errno;

/// A place in the cgroup v2 hierarchy where we may make groups and start processes in them: the
/// group that we are in ourselves.
///
/// No other place will do: a process is put into a group only by who may write to the nearest
/// group above both its old and its new one (cgroup-v2.rst, delegation).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    own: PathBuf,
    has_kill: bool,
}

/// Why no groups can be made.
#[derive(Debug, thiserror::Error)]
pub enum NoCgroup {
    /// Somebody said so.
    #[error("cgroups are switched off")]
    SwitchedOff,
    /// There is no cgroup v2 hierarchy, or this process is in none of its groups.
    #[error("no cgroup v2 hierarchy is mounted")]
    NotMounted,
    /// The mounts show other parts of the hierarchy than the one we are in.
    #[error("our cgroup is not among those mounted at {}", shown.display())]
    Hidden {
        /// Where it was looked for.
        shown: PathBuf,
    },
    /// The hierarchy is mounted read-only, as in most containers.
    #[error("the cgroups at {} are read-only", path.display())]
    ReadOnly {
        /// Our group.
        path: PathBuf,
    },
    /// Our group belongs to somebody else.
    #[error("the cgroup {} is not delegated to us", path.display())]
    NotDelegated {
        /// Our group, or its file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A group was made but takes no processes, as below a threaded one.
    #[error("a group below {} would be of the type {kind:?} and take no processes", path.display())]
    Unusable {
        /// Our group.
        path: PathBuf,
        /// What the new group's `cgroup.type` said.
        kind: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// Why a group could not be made or removed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// It cannot be made.
    #[error("cannot make the cgroup {}", path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// It cannot be removed, though nobody is in it.
    #[error("cannot remove the cgroup {}", path.display())]
    Remove {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl Hierarchy {
    /// Finds our place, and tries it by making a group and removing it again. `root` is `/`.
    ///
    /// # Errors
    /// Why there is none; [`NoCgroup`] says it in words for people.
    pub fn find(root: &Path, means: Means) -> Result<Self, NoCgroup> {
        if !means.cgroup {
            return Err(NoCgroup::SwitchedOff);
        }
        let cgroup = read(&root.join("proc/self/cgroup"))?;
        let mountinfo = read(&root.join("proc/self/mountinfo"))?;
        let below_root = |place: PathBuf| root.join(place.strip_prefix("/").unwrap_or(&place));
        let mut places = candidates(&cgroup, &mountinfo)?.into_iter().map(below_root);
        let shown = places.clone().next().ok_or(NoCgroup::NotMounted)?;
        let own = places.find(|place| holds_us(place));
        try_out(own.ok_or(NoCgroup::Hidden { shown })?)
    }

    /// The group that we are in, below which groups are made.
    #[must_use]
    pub fn own_group(&self) -> &Path {
        &self.own
    }

    /// Whether the kernel ends a whole group at once (`cgroup.kill`, Linux 5.14). Without it a
    /// group is frozen, and its processes are killed one by one.
    #[must_use]
    pub fn has_kill(&self) -> bool {
        self.has_kill
    }

    /// Removes groups called `<prefix>…` that are empty and have none below them, and have not
    /// changed for this long: whoever made them died before anybody was in them. Says how many.
    ///
    /// # Errors
    /// Our group cannot be listed.
    pub fn sweep(&self, prefix: &str, unchanged_for: Duration) -> Result<usize, CgroupError> {
        let failed = |source| CgroupError::Remove {
            path: self.own.clone(),
            source,
        };
        let mut removed = 0;
        for entry in fs::read_dir(&self.own).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let changed = entry.metadata().and_then(|found| found.modified());
            let age = changed.ok().and_then(|changed| changed.elapsed().ok());
            let is_ours = entry.file_name().to_string_lossy().starts_with(prefix);
            let is_old = age.is_some_and(|age| age >= unchanged_for);
            // One that is in use cannot be removed.
            removed += usize::from(is_ours && is_old && fs::remove_dir(entry.path()).is_ok());
        }
        Ok(removed)
    }

    /// Makes a group for a pool of groups, and gives its directory. The name is one component.
    ///
    /// # Errors
    /// [`CgroupError::Make`]; one that exists already is an error as well.
    pub fn make_pool(&self, name: &str) -> Result<PathBuf, CgroupError> {
        let path = self.own.join(name);
        match fs::create_dir(&path) {
            Ok(()) => Ok(path),
            Err(source) => Err(CgroupError::Make { path, source }),
        }
    }

    /// Removes the groups of a pool, the deepest first, and the pool itself; leaves those in which
    /// somebody is. Says whether all have gone.
    ///
    /// # Errors
    /// [`CgroupError::Remove`] for a reason other than that.
    pub fn remove_pool(path: &Path) -> Result<bool, CgroupError> {
        let failed = |source| CgroupError::Remove {
            path: path.to_owned(),
            source,
        };
        let below = match subgroups(path) {
            Err(error) if is_errno(&error, &[Errno::NOENT, Errno::NODEV]) => return Ok(true),
            below => below.map_err(failed)?,
        };
        for group in below {
            Self::remove_pool(&group)?;
        }
        match fs::remove_dir(path) {
            Ok(()) => Ok(true),
            Err(error) if is_errno(&error, &[Errno::NOENT]) => Ok(true),
            Err(error) if is_errno(&error, &[Errno::BUSY, Errno::NOTEMPTY]) => Ok(false),
            Err(source) => Err(failed(source)),
        }
    }
}

fn read(path: &Path) -> Result<String, NoCgroup> {
    fs::read_to_string(path).map_err(|source| NoCgroup::Read {
        path: path.to_owned(),
        source,
    })
}

/// Whether a directory is the group that we are in.
fn holds_us(place: &Path) -> bool {
    let own = std::process::id().to_string();
    fs::read_to_string(place.join("cgroup.procs"))
        .is_ok_and(|pids| pids.lines().any(|pid| pid == own))
}

/// A plain user can often make groups, but not put processes into them: that takes write access
/// to the `cgroup.procs` of our own group too.
fn try_out(own: PathBuf) -> Result<Hierarchy, NoCgroup> {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let count = TRIED.fetch_add(1, Ordering::Relaxed);
    let trial = own.join(format!("hostledger-trial-{}-{count}", std::process::id()));
    fs::create_dir(&trial).map_err(|source| refused(&own, source))?;
    let tried = usable(&own, &trial);
    let removed = fs::remove_dir(&trial);
    let has_kill = tried?;
    removed.map_err(|source| refused(&trial, source))?;
    Ok(Hierarchy { own, has_kill })
}

/// Whether processes can be put into the trial group; and if so, whether it has `cgroup.kill`.
fn usable(own: &Path, trial: &Path) -> Result<bool, NoCgroup> {
    for group in [own, trial] {
        let file = group.join("cgroup.procs");
        access(&file, Access::WRITE_OK).map_err(|errno| refused(&file, errno.into()))?;
    }
    let kind = read(&trial.join("cgroup.type"))?.trim().to_owned();
    if kind != "domain" {
        let path = own.to_owned();
        return Err(NoCgroup::Unusable { path, kind });
    }
    Ok(trial.join("cgroup.kill").exists())
}

fn refused(path: &Path, source: io::Error) -> NoCgroup {
    let path = path.to_owned();
    if is_errno(&source, &[Errno::ROFS]) {
        NoCgroup::ReadOnly { path }
    } else {
        NoCgroup::NotDelegated { path, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_switched_off_is_not_looked_for() {
        let means = Means::without("cgroup").unwrap();
        let none = Hierarchy::find(Path::new("/nowhere"), means);
        assert!(matches!(none, Err(NoCgroup::SwitchedOff)));
    }

    #[test]
    fn each_reason_is_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let find = || Hierarchy::find(root.path(), Means::all());
        assert!(matches!(find(), Err(NoCgroup::Read { .. })));
        let own = root.path().join("proc/self");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("cgroup"), "0::/\n").unwrap();
        fs::write(own.join("mountinfo"), "").unwrap();
        assert!(matches!(find(), Err(NoCgroup::NotMounted)));
        let mount = "41 31 0:38 / /groups rw,relatime - cgroup2 cgroup2 rw\n";
        fs::write(own.join("mountinfo"), mount).unwrap();
        assert!(matches!(find(), Err(NoCgroup::Hidden { .. })));
        // A directory that says it holds us, but is none where groups come with their files.
        let groups = root.path().join("groups");
        fs::create_dir(&groups).unwrap();
        fs::write(
            groups.join("cgroup.procs"),
            format!("{}\n", std::process::id()),
        )
        .unwrap();
        assert!(matches!(find(), Err(NoCgroup::NotDelegated { .. })));
        assert_eq!(
            fs::read_dir(&groups).unwrap().count(),
            1,
            "no trial is left"
        );
    }
}
