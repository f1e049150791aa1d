//! Children that have not executed their program yet.

use hostledger_sys::{AnyEnded, Rooms, Starting};

/// As many are started at once; further requests wait in the socket.
pub(super) const MOST_STARTS: usize = 32;

#[derive(Debug)]
pub(super) struct Starts {
    places: [Option<(usize, Starting)>; MOST_STARTS],
    count: usize,
}

impl Starts {
    pub(super) fn new() -> Self {
        Self {
            places: [const { None }; MOST_STARTS],
            count: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn has_room(&self) -> bool {
        self.count < MOST_STARTS
    }

    pub(super) fn add(&mut self, slot: usize, starting: Starting) {
        if let Some(place) = self.places.iter_mut().find(|place| place.is_none()) {
            *place = Some((slot, starting));
            self.count += 1;
        }
    }

    /// Those there are.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Starting> {
        self.places.iter().flatten().map(|(_, starting)| starting)
    }

    /// Takes one out whose child is through; gives its slot.
    pub(super) fn take_over(&mut self, rooms: &mut Rooms) -> Option<usize> {
        self.take(|_, starting| starting.is_over(rooms))
    }

    /// Takes out that of a slot whose child has ended.
    pub(super) fn take_ended(
        &mut self,
        slot: usize,
        ended: &AnyEnded,
        rooms: &mut Rooms,
    ) -> Option<usize> {
        self.take(|place, starting| place == slot && starting.has_ended(ended, rooms))
    }

    fn take(&mut self, mut is_due: impl FnMut(usize, &mut Starting) -> bool) -> Option<usize> {
        for place in &mut self.places {
            if let Some((slot, starting)) = place
                && is_due(*slot, starting)
            {
                let slot = *slot;
                *place = None;
                self.count -= 1;
                return Some(slot);
            }
        }
        None
    }
}
