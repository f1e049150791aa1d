//! A rollback journal that somebody who died has left beside a database.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How a rollback journal begins (SQLite's file format, section 3).
const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Magic, number of records, nonce, pages of the database before the transaction.
const HEADER: usize = 20;

/// Whether the database was empty before a transaction that nobody finished: somebody died while
/// making it. Nobody can read it before the journal is played back, which needs writing; what
/// comes back then is an empty file, so nobody else's.
pub(super) fn goes_back_to_nothing(database: &Path) -> bool {
    let mut header = [0; HEADER];
    let read = File::open(beside(database)).and_then(|mut file| file.read_exact(&mut header));
    let pages_before = header.last_chunk::<4>().copied().map(u32::from_be_bytes);
    read.is_ok() && header.starts_with(&MAGIC) && pages_before == Some(0)
}

fn beside(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push("-journal");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(bytes: &[u8]) -> bool {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("ledger.sqlite3");
        std::fs::write(beside(&database), bytes).unwrap();
        goes_back_to_nothing(&database)
    }

    #[test]
    fn only_a_journal_over_an_empty_database_goes_back_to_nothing() {
        let header = |pages: u32| [&MAGIC[..], &[0; 8], &pages.to_be_bytes(), &[0; 8]].concat();
        assert!(journal(&header(0)));
        assert!(!journal(&header(1)));
        assert!(!journal(&header(0)[..19]), "cut short");
        assert!(!journal(&[0; 28]), "not begun");
        assert!(!goes_back_to_nothing(Path::new(
            "/nonexistent/ledger.sqlite3"
        )));
    }
}
