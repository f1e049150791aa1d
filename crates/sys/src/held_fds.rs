//! Descriptors by number of a place, without allocation.

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering;

use crate::SharedWords;

/// Places for descriptors; only those that are used take memory.
#[derive(Debug)]
pub struct HeldFds {
    /// The number plus 1; 0 for none.
    places: SharedWords,
}

impl HeldFds {
    /// This many places, all empty.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(places: usize) -> io::Result<Self> {
        let places = SharedWords::private(places)?;
        Ok(Self { places })
    }

    /// Keeps a descriptor; what was there is closed. One for which there is no place is closed.
    pub fn put(&mut self, place: usize, fd: OwnedFd) {
        drop(self.take(place));
        if let Some([word]) = self.places.get(place, 1) {
            let number = u64::from(fd.into_raw_fd().unsigned_abs());
            word.store(number + 1, Ordering::Relaxed);
        }
    }

    /// The descriptor at this place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<BorrowedFd<'_>> {
        let fd = self.number(place)?;
        // SAFETY: it is ours and stays open until it is taken, for which nothing may borrow us.
        Some(unsafe { BorrowedFd::borrow_raw(fd) })
    }

    /// Empties a place.
    #[must_use]
    pub fn take(&mut self, place: usize) -> Option<OwnedFd> {
        let fd = self.number(place)?;
        if let Some([word]) = self.places.get(place, 1) {
            word.store(0, Ordering::Relaxed);
        }
        // SAFETY: it was an owned one, and its place has just forgotten it.
        Some(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn number(&self, place: usize) -> Option<RawFd> {
        let word = self.places.get(place, 1)?.first()?.load(Ordering::Relaxed);
        RawFd::try_from(word.checked_sub(1)?).ok()
    }
}

impl Drop for HeldFds {
    fn drop(&mut self) {
        for place in 0..self.places.len() {
            drop(self.take(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_place_keeps_its_descriptor_open_until_it_is_emptied() {
        let (mut end, pipe) = std::io::pipe().unwrap();
        let mut held = HeldFds::new(1000).unwrap();
        assert!(held.get(999).is_none() && held.get(1000).is_none());
        held.put(999, pipe.into());
        assert_eq!(rustix::io::write(held.get(999).unwrap(), b"x"), Ok(1));
        drop(held.take(999));
        let mut all = Vec::new();
        end.read_to_end(&mut all).unwrap();
        assert_eq!((all, held.get(999).is_none()), (b"x".to_vec(), true));
    }

    #[test]
    fn what_is_still_held_or_has_no_place_is_closed() {
        for place in [3, 4] {
            let (mut end, pipe) = std::io::pipe().unwrap();
            let mut held = HeldFds::new(4).unwrap();
            held.put(place, pipe.into());
            drop(held);
            assert_eq!(end.read(&mut [0]).unwrap(), 0);
        }
    }
}
