//! What is in a file, as a hash.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

/// Hashes files, and knows those it has hashed as long as they seem to be the same: device, inode,
/// size and time of modification.
#[derive(Debug, Default)]
pub struct Digests {
    known: Mutex<HashMap<Seen, String>>,
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
        let sum = hash(file)?;
        lock().insert(seen, sum.clone());
        Ok(sum)
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
    use std::fs;

    use super::*;

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
