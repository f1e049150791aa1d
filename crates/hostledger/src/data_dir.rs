//! The directory a ledger lives in.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// A ledger's directory: database, logs, locks of owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(PathBuf);

/// Why a directory cannot hold a ledger.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Nothing says where it should be.
    #[error("no data directory: neither XDG_DATA_HOME nor HOME is set to an absolute path")]
    Unknown,
    /// There is something else in its place.
    #[error("the data directory {} is not a directory", path.display())]
    NotADirectory {
        /// Where.
        path: PathBuf,
    },
    /// It belongs to another user.
    #[error("the data directory {} belongs to user {owner}, not to user {us}", path.display())]
    ForeignOwner {
        /// Where.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// It cannot be written.
    #[error("the data directory {} is not writable", path.display())]
    NotWritable {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be made or looked at.
    #[error("cannot use the data directory {}", path.display())]
    Unusable {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl DataDir {
    /// `$XDG_DATA_HOME/hostledger`, or `~/.local/share/hostledger` when that is not set, as the
    /// XDG base directory specification has it.
    ///
    /// # Errors
    /// Neither variable holds an absolute path.
    pub fn default_path() -> Result<PathBuf, DataDirError> {
        let absolute = |key: &str| {
            std::env::var_os(key)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .map(|base| base.join("hostledger"))
            .ok_or(DataDirError::Unknown)
    }

    /// Makes the directory when it is missing (mode 0700) and checks that it is ours to write.
    ///
    /// # Errors
    /// It is a file, somebody else's, not writable, or cannot be made.
    pub fn create(path: &Path) -> Result<Self, DataDirError> {
        let path = std::path::absolute(path).map_err(|source| DataDirError::Unusable {
            path: path.to_owned(),
            source,
        })?;
        let directory = Self(path);
        directory.make_private(&directory.0)?;
        directory.check()?;
        directory.make_private(&directory.processes())?;
        directory.make_private(&directory.owners())?;
        directory.make_private(&directory.keepers())?;
        Ok(directory)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database of a ledger that has no other.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("ledger.sqlite3")
    }

    /// Where output is logged.
    #[must_use]
    pub fn processes(&self) -> PathBuf {
        self.0.join("processes")
    }

    /// Where owners keep their locks.
    #[must_use]
    pub fn owners(&self) -> PathBuf {
        self.0.join("owners")
    }

    /// Where keepers keep their tables.
    #[must_use]
    pub fn keepers(&self) -> PathBuf {
        self.0.join("keepers")
    }

    /// Where installed programs are linked.
    #[must_use]
    pub fn lib_bin(&self) -> PathBuf {
        self.0.join("lib/bin")
    }

    /// Where hashes of programs are kept.
    pub(crate) fn digests(&self) -> PathBuf {
        self.0.join("lib/digests")
    }

    pub(crate) fn make_private(&self, path: &Path) -> Result<(), DataDirError> {
        match DirBuilder::new().recursive(true).mode(0o700).create(path) {
            Ok(()) => Ok(()),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory
                ) =>
            {
                Err(DataDirError::NotADirectory {
                    path: path.to_owned(),
                })
            }
            Err(source)
                if matches!(
                    source.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                Err(DataDirError::NotWritable {
                    path: path.to_owned(),
                    source,
                })
            }
            Err(source) => Err(DataDirError::Unusable {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn check(&self) -> Result<(), DataDirError> {
        let path = &self.0;
        let metadata = fs::metadata(path).map_err(|source| DataDirError::Unusable {
            path: path.clone(),
            source,
        })?;
        let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner != us {
            return Err(DataDirError::ForeignOwner {
                path: path.clone(),
                owner,
                us,
            });
        }
        rustix::fs::access(
            path,
            rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
        )
        .map_err(|source| DataDirError::NotWritable {
            path: path.clone(),
            source: source.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_missing_directory_is_made_for_us_alone() {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDir::create(&parent.path().join("a/b")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(directory.path()), 0o700);
        assert_eq!(mode(&directory.processes()), 0o700);
        assert_eq!(
            DataDir::create(directory.path()).unwrap(),
            directory,
            "and used again"
        );
    }

    #[test]
    fn a_file_in_its_place_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "precious").unwrap();
        for path in [file.clone(), file.join("below")] {
            let error = DataDir::create(&path).unwrap_err();
            assert!(
                matches!(error, DataDirError::NotADirectory { .. }),
                "{error:?}"
            );
        }
        assert_eq!(fs::read_to_string(file).unwrap(), "precious");
    }

    #[test]
    fn somebody_else_s_directory_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("theirs");
        fs::create_dir(&path).unwrap();
        if std::os::unix::fs::chown(&path, Some(12345), None).is_err() {
            eprintln!("SKIPPED: giving a directory to somebody else needs root");
            return;
        }
        let error = DataDir::create(&path).unwrap_err();
        assert!(
            matches!(error, DataDirError::ForeignOwner { owner: 12345, .. }),
            "{error:?}"
        );
    }
}
