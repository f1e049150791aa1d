//! Logs as others write them and cut their front off.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};

pub(crate) fn appending(path: &Path) -> File {
    let mut options = File::options();
    options.append(true).create(true).open(path).unwrap()
}

/// Removes whole blocks from the front; false where the file system cannot.
pub(crate) fn cut(path: &Path, how: FallocateFlags, bytes: u64) -> bool {
    let file = File::options().write(true).open(path).unwrap();
    let done = fallocate(&file, how, 0, bytes);
    if done == Err(rustix::io::Errno::OPNOTSUPP) {
        println!("SKIPPED: no {how:?} on this file system");
        return false;
    }
    done.unwrap();
    true
}

/// Leaves a hole instead.
pub(crate) const PUNCH: FallocateFlags =
    FallocateFlags::PUNCH_HOLE.union(FallocateFlags::KEEP_SIZE);
