//! The machine id of a host that has none: made once, kept in the data directory.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::rand::{GetRandomFlags, getrandom};
use thiserror::Error;
use tracing::warn;

use crate::guid::hex;
use crate::root::HostRoot;

/// Its name in the data directory.
const FILE_NAME: &str = "machine-id";

/// Why no id could be kept.
#[derive(Debug, Error)]
pub(crate) enum KeptIdError {
    #[error("cannot keep a machine id in {path}")]
    Keep {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} holds no machine id: remove it to have another one made")]
    Damaged { path: PathBuf },
}

/// Reads the kept id; makes it when there is none yet.
///
/// Of processes that do this at once one wins, and all return the winner's id: the file appears
/// under its name complete, by a link or rename that never replaces one that is there.
pub(crate) fn read_or_make(data_dir: &Path) -> Result<String, KeptIdError> {
    let path = data_dir.join(FILE_NAME);
    if path.exists() {
        return read(data_dir, path);
    }
    match make(data_dir, &path) {
        Ok(id) => {
            warn!(path = %path.display(), "this host has no machine id: made one and kept it");
            Ok(id)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(data_dir, path),
        Err(source) => Err(KeptIdError::Keep { path, source }),
    }
}

fn read(data_dir: &Path, path: PathBuf) -> Result<String, KeptIdError> {
    let id = HostRoot::new(data_dir).value(FILE_NAME);
    id.filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .ok_or(KeptIdError::Damaged { path })
}

fn make(data_dir: &Path, path: &Path) -> io::Result<String> {
    let mut random = [0; 16];
    // Requests of up to 256 bytes are never answered in part: getrandom(2).
    getrandom(&mut random, GetRandomFlags::empty())?;
    let id = hex(&random);
    // Readable by its owner only, as tempfile creates every file.
    let mut file = tempfile::Builder::new()
        .prefix(".machine-id.")
        .tempfile_in(data_dir)?;
    writeln!(file, "{id}")?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    // Without this a crash could lose the name, and the host would become another one.
    File::open(data_dir)?.sync_all()?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_id_is_made_once_and_readable_by_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let id = read_or_make(directory.path()).unwrap();
        assert_eq!(id.len(), 32);
        assert_eq!(read_or_make(directory.path()).unwrap(), id);
        let mode = directory
            .path()
            .join(FILE_NAME)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            directory.path().read_dir().unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn two_directories_get_two_ids() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_ne!(
            read_or_make(one.path()).unwrap(),
            read_or_make(other.path()).unwrap()
        );
    }

    #[test]
    fn a_damaged_file_is_named_and_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        for content in ["", "not hex, though it has 32 letters", "3d12"] {
            std::fs::write(&path, content).unwrap();
            let error = read_or_make(directory.path()).unwrap_err();
            assert!(matches!(error, KeptIdError::Damaged { path: named } if named == path));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = read_or_make(Path::new("/nonexistent/data")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot keep a machine id in /nonexistent/data/machine-id"
        );
    }
}
