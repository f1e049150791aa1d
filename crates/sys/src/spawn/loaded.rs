//! A launch block in the memory of whoever starts the program.

use std::ffi::{CStr, c_char};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr::NonNull;

use rustix::fs::Mode;
use rustix::io::Errno;

use super::block::{HEADER_WORDS, Header, MAGIC, NICE_BIAS, SESSIONS};
use super::child::Plan;
use super::limit::{InheritedLimits, LIMITS, Limit};
use crate::syscall::syscall;

/// Room for the few calls a child makes, and for the larger frames of a build without
/// optimisation.
const STACK: usize = 64 * 1024;

/// The largest block that is put into memory which is used again. Only what is touched of it is
/// taken.
const USUAL: usize = 32 * 1024;

/// As many children stand on our memory at once, seldom more.
const KEPT: usize = 8;

/// Memory in which children begin, used again when they have their own.
///
/// To map it anew for each, and to have its pages zeroed, costs more than the copy of a block.
#[derive(Debug)]
pub struct Rooms {
    free: [Option<Room>; KEPT],
}

/// A [`LaunchBlock`](super::LaunchBlock) that another process made, and a stack for the child.
///
/// What was read is a copy: whatever becomes of the block, it does not change.
#[derive(Debug)]
pub struct LoadedBlock {
    room: Room,
    header: Header,
    /// How many limits the child has to set: they come first.
    limits: usize,
}

/// A mapping: room for a block, a page that stops a growing stack, the stack.
#[derive(Debug)]
struct Room {
    base: NonNull<u8>,
    length: usize,
}

impl Rooms {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            free: [const { None }; KEPT],
        }
    }

    /// Reads a block and makes addresses of its offsets. Of its limits those are left out that a
    /// child inherits.
    ///
    /// # Errors
    /// `EINVAL` when it is none; those of mmap(2) and pread(2).
    pub fn load(
        &mut self,
        block: impl AsFd,
        inherited: &InheritedLimits,
    ) -> Result<LoadedBlock, Errno> {
        let block = block.as_fd();
        let size = usize::try_from(rustix::fs::fstat(block)?.st_size).unwrap_or(0);
        if size < size_of::<Header>() {
            return Err(Errno::INVAL);
        }
        let kept = match size {
            ..=USUAL => self.free.iter_mut().find_map(Option::take),
            _ => None,
        };
        let room = match kept {
            Some(room) => room,
            None => Room::map(size.max(USUAL))?,
        };
        let mut loaded = LoadedBlock {
            room,
            // SAFETY: a header is numbers, for which all zeroes are valid.
            header: unsafe { std::mem::zeroed() },
            limits: LIMITS,
        };
        // SAFETY: mapped, ours alone, initialised by the kernel, and at least as long.
        let bytes = unsafe { std::slice::from_raw_parts_mut(loaded.base().as_ptr(), size) };
        if rustix::io::pread(block, &mut *bytes, 0)? != size {
            return Err(Errno::INVAL);
        }
        loaded.check(size)?;
        loaded.leave_out(inherited);
        Ok(loaded)
    }

    /// Takes the memory of a child that has its own by now.
    pub(super) fn take_back(&mut self, block: LoadedBlock) {
        let size = block.size();
        let room = block.room;
        // SAFETY: as long as the block, and nobody uses it any more. An environment can hold
        // secrets.
        unsafe { room.base.write_bytes(0, size) };
        if size <= USUAL
            && let Some(place) = self.free.iter_mut().find(|it| it.is_none())
        {
            *place = Some(room);
        }
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Self::new()
    }
}

impl Room {
    /// With room for a block of so many bytes.
    fn map(size: usize) -> Result<Self, Errno> {
        let page = rustix::param::page_size();
        let pages = size.next_multiple_of(page);
        let length = pages + page + STACK;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let arguments = [
            0,
            length,
            protection as usize,
            flags as usize,
            usize::MAX,
            0,
        ];
        // SAFETY: a new mapping at a place the kernel chooses touches no memory in use.
        let base = unsafe { syscall(libc::SYS_mmap, arguments) }?;
        let base = std::ptr::with_exposed_provenance_mut(base);
        let room = Self {
            base: NonNull::new(base).ok_or(Errno::NOMEM)?,
            length,
        };
        let guard = room.base.as_ptr().expose_provenance() + pages;
        let arguments = [guard, page, libc::PROT_NONE as usize];
        // SAFETY: this page of the mapping is ours and holds nothing.
        unsafe { syscall(libc::SYS_mprotect, arguments) }?;
        Ok(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let arguments = [self.base.as_ptr().expose_provenance(), self.length];
        // SAFETY: the mapping is ours; who starts a child on it keeps it until that has its own.
        let done = unsafe { syscall(libc::SYS_munmap, arguments) };
        debug_assert!(done.is_ok());
    }
}

impl LoadedBlock {
    fn base(&self) -> NonNull<u8> {
        self.room.base
    }

    fn size(&self) -> usize {
        self.header.length as usize
    }

    /// The tag that the program will have; 0 for none.
    #[must_use]
    pub fn tag(&self) -> u64 {
        self.header.tag
    }

    /// Takes the header of what was read, and turns offsets into addresses.
    fn check(&mut self, size: usize) -> Result<(), Errno> {
        let base = self.base();
        // SAFETY: at least a header was read, page-aligned; any bytes are a valid one.
        self.header = unsafe { base.cast::<Header>().read() };
        // SAFETY: the last byte of the block is mapped.
        let last = unsafe { base.add(size - 1) };
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
        // SAFETY: the array ends inside of the block, as just compared.
        let first = unsafe { base.cast::<u64>().add(HEADER_WORDS) };
        // SAFETY: mapped, aligned, ours alone, and any bytes are numbers.
        let words = unsafe { std::slice::from_raw_parts_mut(first.as_ptr(), pointers) };
        let base = base.as_ptr().expose_provenance() as u64;
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

    /// Both have them in one order. A call of the kernel for each is a good part of what a child does.
    fn leave_out(&mut self, inherited: &InheritedLimits) {
        // SAFETY: inside of the header, aligned, ours alone, and any bytes are valid.
        let limits = unsafe { std::slice::from_raw_parts_mut(self.limits().as_ptr(), LIMITS) };
        let mut left = 0;
        for (place, inherited) in inherited.0.iter().enumerate() {
            if limits[place] != *inherited {
                limits[left] = limits[place];
                left += 1;
            }
        }
        self.limits = left;
    }

    fn limits(&self) -> NonNull<Limit> {
        let limits = std::mem::offset_of!(Header, limits);
        // SAFETY: inside of the header.
        unsafe { self.base().add(limits) }.cast()
    }

    /// What the child does; valid as long as the mapping is, which is for the caller to see to.
    pub(super) fn plan(&self, stdio: [BorrowedFd<'_>; 3], status: RawFd) -> Plan<'static> {
        let (base, header) = (self.base(), &self.header);
        // SAFETY: checked when it was read.
        let pointers = unsafe { base.cast::<*const c_char>().add(HEADER_WORDS) };
        let pointers = pointers.as_ptr().cast_const();
        let programs = header.programs as usize;
        // SAFETY: as above; the array lives as long as the mapping.
        let arguments = unsafe { pointers.add(programs) };
        // SAFETY: as above.
        let environment = unsafe { arguments.add(header.arguments as usize + 1) };
        // SAFETY: the offset lies inside of the block.
        let directory = unsafe { base.add(header.directory as usize) };
        // SAFETY: what follows ends with the block's last byte, which is 0.
        let directory = unsafe { CStr::from_ptr(directory.as_ptr().cast_const().cast()) };
        // SAFETY: as for the pointers.
        let programs = unsafe { std::slice::from_raw_parts(pointers, programs) };
        let limits = self.limits().as_ptr().cast_const();
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
            limits: unsafe { std::slice::from_raw_parts(limits, self.limits) },
        }
    }

    /// The lowest byte of the child's stack, and how many there are.
    pub(super) fn stack(&self) -> (NonNull<u8>, usize) {
        // SAFETY: the stack is the end of the mapping.
        (unsafe { self.base().add(self.room.length - STACK) }, STACK)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;
    use crate::{Ambient, BlockSpec, LaunchBlock, Session};

    fn block(texts: usize) -> LaunchBlock {
        let strings = vec![CString::new("hunter2").unwrap(); texts];
        let spec = BlockSpec {
            programs: &strings[..1],
            arguments: &strings,
            environment: &[],
            directory: c"/",
            session: Session::New,
            umask: None,
            nice: None,
            limits: &[],
        };
        LaunchBlock::new(&spec, &Ambient::read().unwrap(), 0).unwrap()
    }

    #[test]
    fn memory_is_used_again_and_holds_nothing_of_what_was_there() {
        let mut rooms = Rooms::new();
        let inherited = InheritedLimits::read();
        let first = rooms.load(block(9), &inherited).unwrap();
        let (base, size) = (first.base(), first.size());
        let beside = rooms.load(block(9), &inherited).unwrap();
        assert_ne!(beside.base(), base, "the first is still used");
        rooms.take_back(first);
        // SAFETY: the room is kept, and so mapped; nobody uses it.
        let left = unsafe { std::slice::from_raw_parts(base.as_ptr(), size) };
        assert!(left.iter().all(|byte| *byte == 0));
        let large = rooms.load(block(USUAL / 8), &inherited).unwrap();
        assert_ne!(large.base(), base, "it has no room for so much");
        rooms.take_back(large);
        let again = rooms.load(block(1), &inherited).unwrap();
        assert_eq!(again.base(), base);
    }

    #[test]
    fn limits_that_are_inherited_are_not_set_again() {
        let inherited = InheritedLimits::read();
        let mut others = inherited;
        others.0[3].soft_and_hard[0] ^= 1;
        let set = |inherited| {
            let loaded = Rooms::new().load(block(1), inherited).unwrap();
            // SAFETY: so many are in the header.
            unsafe { std::slice::from_raw_parts(loaded.limits().as_ptr(), loaded.limits) }.to_vec()
        };
        let ours = set(&inherited);
        let mut expected = vec![inherited.0[3]];
        expected.extend(&ours);
        assert_eq!(set(&others), expected);
        // The tag is one of these.
        assert!(ours.len() <= 1, "{ours:?}");
    }
}
