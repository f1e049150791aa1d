//! Room for one more process.

use std::os::fd::BorrowedFd;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use crate::table::entry::State;
use crate::table::layout::{Field, Head, MOST_SLOTS, bytes};
use crate::table::map::Map;

/// A free slot, the lowest, so that the table stays dense; the table grows when there is none.
pub(super) fn find_free(map: &Map, file: BorrowedFd<'_>) -> Result<usize, Errno> {
    let capacity = map.capacity();
    let is_free = |index: &usize| {
        let words = map.slot(*index);
        words.is_some_and(|words| words.load(Field::State) == State::Free.word())
    };
    match (0..capacity).find(is_free) {
        Some(slot) => Ok(slot),
        None => grow(map, file, capacity).map(|()| capacity),
    }
}

/// Doubles the table. The disk's blocks are taken before anybody counts on them.
fn grow(map: &Map, file: BorrowedFd<'_>, capacity: usize) -> Result<(), Errno> {
    let larger = capacity.saturating_mul(2).min(MOST_SLOTS);
    if larger <= capacity {
        return Err(Errno::NOSPC);
    }
    let (from, to) = (bytes(capacity), bytes(larger));
    match rustix::fs::fallocate(
        file,
        FallocateFlags::empty(),
        from as u64,
        (to - from) as u64,
    ) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeroes(file, from, to)?,
        done => done?,
    }
    map.refresh(file).map_err(|_| Errno::IO)?;
    if map.slot(larger - 1).is_none() {
        return Err(Errno::IO);
    }
    map.store(Head::Capacity, larger as u64);
    Ok(())
}

/// For file systems without fallocate(2).
fn write_zeroes(file: BorrowedFd<'_>, from: usize, to: usize) -> Result<(), Errno> {
    let zeroes = [0; 4096];
    let mut at = from;
    while at < to {
        let part = zeroes
            .get(..(to - at).min(zeroes.len()))
            .unwrap_or_default();
        at += rustix::io::pwrite(file, part, at as u64)?;
    }
    Ok(())
}
