//! Memory that other processes see too, or that costs nothing until it is touched (mmap(2)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rustix::io::Errno;

use crate::syscall::syscall;

/// 64-bit words of a file, shared with everybody who maps it, or private and all zero.
///
/// Addresses for the largest size are reserved at once, so that the file can grow without
/// anything moving. What is larger than the file cannot be reached.
#[derive(Debug)]
pub struct SharedWords {
    base: NonNull<AtomicU64>,
    /// In words.
    reserved: usize,
    usable: AtomicUsize,
}

// SAFETY: all access is by atomic operations on memory that stays mapped as long as this lives.
unsafe impl Send for SharedWords {}
// SAFETY: as above.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// Maps a file, which has to be open for reading and writing, with room for `reserve` bytes.
    ///
    /// Who truncates the file while it is mapped has the program killed by SIGBUS: it must be
    /// one that nobody else may write.
    ///
    /// # Errors
    /// Those of fstat(2) and mmap(2).
    pub fn map(file: impl AsFd, reserve: usize) -> io::Result<Self> {
        let words = Self::reserve(file.as_fd().as_raw_fd(), reserve, libc::MAP_SHARED)?;
        words.refresh(file)?;
        Ok(words)
    }

    /// Private words, all zero, of which only those that are written take memory.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn private(count: usize) -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let words = Self::reserve(-1, count.saturating_mul(WORD), flags)?;
        words.usable.store(count, Ordering::Relaxed);
        Ok(words)
    }

    fn reserve(fd: RawFd, bytes: usize, flags: libc::c_int) -> Result<Self, Errno> {
        let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        let arguments = [0, bytes, protection, flags as usize, fd as usize, 0];
        // SAFETY: a new mapping at a place the kernel chooses touches no memory in use.
        let base = unsafe { syscall(libc::SYS_mmap, arguments) }?;
        let base = std::ptr::with_exposed_provenance_mut(base);
        Ok(Self {
            base: NonNull::new(base).ok_or(Errno::NOMEM)?,
            reserved: bytes / WORD,
            usable: AtomicUsize::new(0),
        })
    }

    /// Makes reachable what the file has grown by.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub fn refresh(&self, file: impl AsFd) -> io::Result<()> {
        let size = usize::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0);
        let words = (size / WORD).min(self.reserved);
        self.usable.fetch_max(words, Ordering::AcqRel);
        Ok(())
    }

    /// How many can be reached.
    #[must_use]
    pub fn len(&self) -> usize {
        self.usable.load(Ordering::Acquire)
    }

    /// Whether none can be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `count` words from `first` on, if all can be reached.
    #[must_use]
    pub fn get(&self, first: usize, count: usize) -> Option<&[AtomicU64]> {
        if first.checked_add(count)? > self.len() {
            return None;
        }
        // SAFETY: inside of the mapping, as just compared.
        let start = unsafe { self.base.add(first) };
        // SAFETY: mapped, aligned, inside of the file, and only ever accessed atomically.
        Some(unsafe { std::slice::from_raw_parts(start.as_ptr(), count) })
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        let arguments = [self.base.as_ptr().expose_provenance(), self.reserved * WORD];
        // SAFETY: the mapping is ours, and nothing borrowed from it can outlive this.
        let done = unsafe { syscall(libc::SYS_munmap, arguments) };
        debug_assert!(done.is_ok());
    }
}

const WORD: usize = size_of::<u64>();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_mapping_writes_another_reads_also_after_the_file_has_grown() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(64).unwrap();
        let one = SharedWords::map(&file, 1 << 20).unwrap();
        let other = SharedWords::map(&file, 1 << 20).unwrap();
        assert_eq!((one.len(), one.get(8, 1).is_none()), (8, true));
        file.set_len(4096).unwrap();
        for words in [&one, &other] {
            words.refresh(&file).unwrap();
        }
        one.get(511, 1).unwrap()[0].store(7, Ordering::SeqCst);
        assert_eq!(other.get(511, 1).unwrap()[0].load(Ordering::SeqCst), 7);
        assert!(one.get(512, 1).is_none() && one.get(usize::MAX, 2).is_none());
    }

    #[test]
    fn private_words_begin_as_zero() {
        let words = SharedWords::private(1 << 16).unwrap();
        assert_eq!(words.get(65_535, 1).unwrap()[0].load(Ordering::SeqCst), 0);
    }
}
