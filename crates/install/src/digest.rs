//! What is in a file, as a hash.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

/// Hashes files, and knows those it has hashed as long as they seem to be the same: device, inode,
/// size, and times of modification and change.
#[derive(Debug, Default)]
pub struct Digests {
    known: Mutex<HashMap<Seen, String>>,
    /// Where they are kept for others; a file for each that was hashed.
    kept: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Seen {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Digests {
    /// Hashes that are kept in a directory, which is made when it is missing.
    #[must_use]
    pub fn kept_in(directory: PathBuf) -> Self {
        Self {
            known: Mutex::default(),
            kept: Some(directory),
        }
    }

    /// The SHA-256 of a file in lower-case hex; links are followed.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn sha256(&self, path: &Path) -> io::Result<String> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let seen = Seen {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&seen) {
            return Ok(known.clone());
        }
        let sum = match self.read(&seen) {
            Some(sum) => sum,
            None => {
                let sum = hash(file)?;
                self.keep(&seen, &sum);
                sum
            }
        };
        lock().insert(seen, sum.clone());
        Ok(sum)
    }

    fn read(&self, seen: &Seen) -> Option<String> {
        let text = fs::read_to_string(self.kept.as_ref()?.join(seen.name())).ok()?;
        let sum = text.strip_prefix(&seen.state())?.strip_prefix(' ')?;
        Some(sum.trim_end())
            .filter(|sum| sum.len() == 64)
            .map(str::to_owned)
    }

    /// What is not kept is only hashed again.
    fn keep(&self, seen: &Seen, sum: &str) {
        let Some(directory) = &self.kept else { return };
        let write = || {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
            let made = directory.join(format!(".{}.{}", seen.name(), std::process::id()));
            fs::write(&made, format!("{} {sum}\n", seen.state()))?;
            fs::rename(made, directory.join(seen.name()))
        };
        if let Err(error) = write() {
            tracing::debug!(%error, "a hash is not kept");
        }
    }
}

impl Seen {
    fn name(&self) -> String {
        format!("{:x}-{:x}", self.device, self.inode)
    }

    fn state(&self) -> String {
        let ((seconds, nanos), (since, part)) = (self.modified, self.changed);
        format!("{} {seconds}.{nanos} {since}.{part}", self.size)
    }
}

fn hash(mut file: File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Bytes as lower-case hex digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A short name for a text: the first 8 hex digits of its SHA-256.
pub(crate) fn short(text: &str) -> String {
    hex(&Sha256::digest(text)[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hashed_is_known_to_others_until_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let (file, kept) = (
            directory.path().join("x"),
            directory.path().join("kept/here"),
        );
        fs::write(&file, "abc").unwrap();
        let sum = Digests::kept_in(kept.clone()).sha256(&file).unwrap();
        let note = fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
        let text = fs::read_to_string(&note).unwrap();
        let other = "0".repeat(64);
        fs::write(&note, text.replace(&sum, &other)).unwrap();
        assert_eq!(
            Digests::kept_in(kept.clone()).sha256(&file).unwrap(),
            other,
            "read"
        );
        fs::write(&file, "abd").unwrap();
        let changed = Digests::kept_in(kept.clone()).sha256(&file).unwrap();
        assert!(changed != sum && changed != other);
        fs::write(&note, "damaged").unwrap();
        assert_eq!(Digests::kept_in(kept).sha256(&file).unwrap(), changed);
    }

    #[test]
    fn a_file_that_changes_is_hashed_anew() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("x"), directory.path().join("link"));
        let digests = Digests::default();
        fs::write(&file, "abc").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digests.sha256(&file).unwrap(), abc);
        assert_eq!(digests.sha256(&link).unwrap(), abc);
        assert_eq!(digests.known.lock().unwrap().len(), 1, "known by its file");
        fs::write(&file, "abd").unwrap();
        assert_ne!(digests.sha256(&link).unwrap(), abc);
        assert!(digests.sha256(directory.path()).is_err());
    }
}
