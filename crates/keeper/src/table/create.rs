//! Making a table.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hostledger_model::{KeeperId, OwnerId};
use hostledger_sys::FileLock;
use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::Errno;

use super::layout::{BOOT_ID_WORDS, FIRST_SLOTS, GROUP_WORDS, Head, MAGIC, VERSION, bytes};
use super::map::Map;

/// Makes the table of a keeper that is about to be started: the locked file, and where it is.
///
/// The lock belongs to the opening of the file that is given back: it is held as long as the
/// keeper, which inherits it, lives.
pub(crate) fn create(
    directory: &Path,
    keeper: KeeperId,
    owner: OwnerId,
    cgroup: Option<&Path>,
) -> io::Result<(FileLock, PathBuf)> {
    let path = directory.join(format!("{}.table", keeper.simple()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(&path)?;
    let filled = fill(file, keeper, owner, cgroup);
    if filled.is_err() {
        // What failed is the reason to tell; an unfinished table is recognised as one.
        drop(fs::remove_file(&path));
    }
    Ok((filled?, path))
}

fn fill(
    file: File,
    keeper: KeeperId,
    owner: OwnerId,
    cgroup: Option<&Path>,
) -> io::Result<FileLock> {
    let lock = FileLock::try_acquire(file)?;
    let lock = lock.ok_or_else(|| io::Error::from(Errno::WOULDBLOCK))?;
    allocate(lock.file())?;
    let map = Map::new(lock.file())?.ok_or_else(|| io::Error::from(Errno::IO))?;
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let boot_id = boot_id.trim().as_bytes();
    let cgroup = cgroup.map_or(&b""[..], |path| path.as_os_str().as_bytes());
    if !map.write_bytes(Head::BootIdLength, Head::BootId, BOOT_ID_WORDS, boot_id)
        || !map.write_bytes(Head::GroupLength, Head::Group, GROUP_WORDS, cgroup)
    {
        return Err(Errno::NAMETOOLONG.into());
    }
    let (owner_high, owner_low) = owner.uuid().as_u64_pair();
    let (keeper_high, keeper_low) = keeper.uuid().as_u64_pair();
    for (head, value) in [
        (Head::Version, VERSION),
        (Head::Capacity, FIRST_SLOTS as u64),
        (Head::OwnerHigh, owner_high),
        (Head::OwnerLow, owner_low),
        (Head::KeeperHigh, keeper_high),
        (Head::KeeperLow, keeper_low),
        (Head::PidNamespace, fs::metadata("/proc/self/ns/pid")?.ino()),
        (Head::Magic, MAGIC),
    ] {
        map.store(head, value);
    }
    Ok(lock)
}

/// Takes the blocks now, so that a full disk is met here and not when an end is written.
fn allocate(file: &File) -> io::Result<()> {
    let size = bytes(FIRST_SLOTS);
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size as u64) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let zeroes = [0; bytes(FIRST_SLOTS)];
            std::os::unix::fs::FileExt::write_all_at(file, &zeroes, 0)
        }
        done => Ok(done?),
    }
}
