//! A launch block in the memory of whoever starts the program.

use std::ffi::{CStr, c_char};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr::NonNull;

use rustix::fs::Mode;
use rustix::io::Errno;

use super::block::{HEADER_WORDS, Header, LIMITS, MAGIC, NICE_BIAS, SEALS, SESSIONS};
use super::child::Plan;
use super::limit::Limit;
use crate::syscall::syscall;

/// Room for the few calls a child makes, and for the larger frames of a build without
/// optimisation.
const STACK: usize = 64 * 1024;

/// A [`LaunchBlock`](super::LaunchBlock) that another process made, and a stack for the child.
///
/// Nothing is allocated: the block is mapped, and what is written into it is a private copy.
#[derive(Debug)]
pub struct MappedBlock {
    base: NonNull<u8>,
    /// Of the whole mapping: block, a page that stops a growing stack, stack.
    length: usize,
    header: Header,
}

impl MappedBlock {
    /// Maps a block and makes addresses of its offsets.
    ///
    /// # Errors
    /// `EINVAL` when it is none, or one that could still change; those of mmap(2).
    pub fn map(block: impl AsFd) -> Result<Self, Errno> {
        let block = block.as_fd();
        if !rustix::fs::fcntl_get_seals(block)?.contains(SEALS) {
            return Err(Errno::INVAL);
        }
        let size = usize::try_from(rustix::fs::fstat(block)?.st_size).unwrap_or(0);
        if size < size_of::<Header>() {
            return Err(Errno::INVAL);
        }
        let page = rustix::param::page_size();
        let pages = size.next_multiple_of(page);
        let length = pages + page + STACK;
        let base = map(0, length, libc::PROT_NONE, libc::MAP_ANONYMOUS, -1)?;
        let base = NonNull::new(base).ok_or(Errno::NOMEM)?;
        let mut mapped = Self {
            base,
            length,
            // SAFETY: a header is numbers, for which all zeroes are valid.
            header: unsafe { std::mem::zeroed() },
        };
        let start = base.as_ptr().expose_provenance();
        let readable = libc::PROT_READ | libc::PROT_WRITE;
        map(start, size, readable, libc::MAP_FIXED, block.as_raw_fd())?;
        let stack = start + pages + page;
        map(
            stack,
            STACK,
            readable,
            libc::MAP_FIXED | libc::MAP_ANONYMOUS,
            -1,
        )?;
        mapped.check(size)?;
        Ok(mapped)
    }

    /// The tag that the program will have; 0 for none.
    #[must_use]
    pub fn tag(&self) -> u64 {
        self.header.tag
    }

    /// Takes the header, and turns offsets into addresses.
    fn check(&mut self, size: usize) -> Result<(), Errno> {
        // SAFETY: at least a header is mapped, page-aligned; any bytes are a valid one.
        self.header = unsafe { self.base.cast::<Header>().read() };
        // SAFETY: the last byte of the file is mapped.
        let last = unsafe { self.base.add(size - 1) };
        // SAFETY: as above.
        let last = unsafe { last.read() };
        let header = &self.header;
        let whole = header.magic == MAGIC && header.length == size as u64 && last == 0;
        let pointers = [header.programs, header.arguments, header.environment]
            .into_iter()
            .try_fold(2u64, u64::checked_add)
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count <= size / 8 - HEADER_WORDS);
        let (true, Some(pointers)) = (whole, pointers) else {
            return Err(Errno::INVAL);
        };
        let texts = ((HEADER_WORDS + pointers) * 8) as u64;
        let inside = |offset: u64| (texts..size as u64).contains(&offset);
        // SAFETY: the array ends inside of the file, as just compared.
        let first = unsafe { self.base.cast::<u64>().add(HEADER_WORDS) };
        // SAFETY: mapped, aligned, ours alone, and any bytes are numbers.
        let words = unsafe { std::slice::from_raw_parts_mut(first.as_ptr(), pointers) };
        let base = self.base.as_ptr().expose_provenance() as u64;
        let ends = [
            header.programs + header.arguments,
            header.programs + header.arguments + 1 + header.environment,
        ];
        for (index, word) in (0u64..).zip(words) {
            if ends.contains(&index) != (*word == 0) || (*word != 0 && !inside(*word)) {
                return Err(Errno::INVAL);
            }
            if *word != 0 {
                *word += base;
            }
        }
        let text = inside(header.directory);
        let session = usize::try_from(header.session).is_ok_and(|place| place < SESSIONS.len());
        if text && session {
            Ok(())
        } else {
            Err(Errno::INVAL)
        }
    }

    /// What the child does; valid as long as the mapping is, which is for the caller to see to.
    pub(super) fn plan(&self, stdio: [BorrowedFd<'_>; 3], status: RawFd) -> Plan<'static> {
        let header = &self.header;
        // SAFETY: checked when it was mapped.
        let pointers = unsafe { self.base.cast::<*const c_char>().add(HEADER_WORDS) };
        let pointers = pointers.as_ptr().cast_const();
        let programs = header.programs as usize;
        // SAFETY: as above; the array lives as long as the mapping.
        let arguments = unsafe { pointers.add(programs) };
        // SAFETY: as above.
        let environment = unsafe { arguments.add(header.arguments as usize + 1) };
        // SAFETY: the offset lies inside of the block.
        let directory = unsafe { self.base.add(header.directory as usize) };
        // SAFETY: what follows ends with the block's last byte, which is 0.
        let directory = unsafe { CStr::from_ptr(directory.as_ptr().cast_const().cast()) };
        // SAFETY: as for the pointers.
        let programs = unsafe { std::slice::from_raw_parts(pointers, programs) };
        let limits = std::mem::offset_of!(Header, limits);
        // SAFETY: inside of the header.
        let limits = unsafe { self.base.add(limits) }.cast::<Limit>();
        let nice = i32::try_from(header.nice).unwrap_or(NICE_BIAS) - NICE_BIAS;
        Plan {
            programs,
            arguments,
            environment,
            directory,
            stdio: stdio.map(|fd| fd.as_raw_fd()),
            status: Some(status),
            resets_signal_actions: true,
            session: SESSIONS
                .get(header.session as usize)
                .copied()
                .unwrap_or(super::Session::New),
            umask: Some(Mode::from_raw_mode(header.umask as u32)),
            nice: Some(nice),
            // SAFETY: aligned, inside of the header, and any bytes are valid.
            limits: unsafe { std::slice::from_raw_parts(limits.as_ptr().cast_const(), LIMITS) },
        }
    }

    /// The lowest byte of the child's stack, and how many there are.
    pub(super) fn stack(&self) -> (NonNull<u8>, usize) {
        // SAFETY: the stack is the end of the mapping.
        (unsafe { self.base.add(self.length - STACK) }, STACK)
    }
}

impl Drop for MappedBlock {
    fn drop(&mut self) {
        let arguments = [self.base.as_ptr().expose_provenance(), self.length];
        // SAFETY: the mapping is ours; who starts a child on it keeps it until that has its own.
        let done = unsafe { syscall(libc::SYS_munmap, arguments) };
        debug_assert!(done.is_ok());
    }
}

/// A private mapping.
fn map(
    place: usize,
    length: usize,
    protection: libc::c_int,
    flags: libc::c_int,
    fd: RawFd,
) -> Result<*mut u8, Errno> {
    let flags = (flags | libc::MAP_PRIVATE) as usize;
    let arguments = [place, length, protection as usize, flags, fd as usize, 0];
    // SAFETY: either at a place the kernel chooses, or fixed inside of a mapping of our own that
    // nothing uses yet.
    let base = unsafe { syscall(libc::SYS_mmap, arguments) }?;
    Ok(std::ptr::with_exposed_provenance_mut(base))
}
