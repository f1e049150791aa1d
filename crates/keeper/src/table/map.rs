//! A table in memory, as both sides see it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};

use hostledger_sys::SharedWords;

use super::layout::{HEADER_WORDS, Head, MOST_SLOTS, SLOT_WORDS, SlotWords, bytes};

/// The mapping; its header is known to be there.
#[derive(Debug)]
pub(crate) struct Map {
    words: SharedWords,
}

impl Map {
    /// `None` when the file has not even a header.
    pub(crate) fn new(file: impl AsFd) -> io::Result<Option<Self>> {
        let words = SharedWords::map(file, bytes(MOST_SLOTS))?;
        Ok((words.len() >= HEADER_WORDS).then_some(Self { words }))
    }

    /// A word of the header; the first of several when it is longer.
    pub(crate) fn head(&self, head: Head) -> &AtomicU64 {
        &self.header()[head as usize]
    }

    pub(crate) fn load(&self, head: Head) -> u64 {
        self.head(head).load(Ordering::SeqCst)
    }

    pub(crate) fn store(&self, head: Head, value: u64) {
        self.head(head).store(value, Ordering::SeqCst);
    }

    /// How many slots the keeper has made room for.
    pub(crate) fn capacity(&self) -> usize {
        let capacity = usize::try_from(self.load(Head::Capacity)).unwrap_or(0);
        capacity.min(MOST_SLOTS)
    }

    /// A slot; `None` when the file is too short for it, as far as it was looked at.
    pub(crate) fn slot(&self, index: usize) -> Option<SlotWords<'_>> {
        let first = HEADER_WORDS + index.checked_mul(SLOT_WORDS)?;
        let words = self.words.get(first, SLOT_WORDS)?;
        words.try_into().ok().map(SlotWords)
    }

    /// Looks how long the file is now.
    pub(crate) fn refresh(&self, file: impl AsFd) -> io::Result<()> {
        self.words.refresh(file)
    }

    /// A slot of a file that may have grown.
    pub(crate) fn slot_in(&self, file: &File, index: usize) -> io::Result<Option<SlotWords<'_>>> {
        if index < self.capacity() && self.slot(index).is_none() {
            self.refresh(file)?;
        }
        Ok(self.slot(index))
    }

    /// Bytes from a word of the header on, as [`Map::write_bytes`] left them.
    pub(crate) fn bytes(&self, length: Head, first: Head, most: usize) -> Vec<u8> {
        let length = usize::try_from(self.load(length))
            .unwrap_or(0)
            .min(most * 8);
        let words = self.header()[first as usize..].iter().take(most);
        let words = words.map(|word| word.load(Ordering::SeqCst).to_le_bytes());
        let mut bytes: Vec<u8> = words.flatten().take(length).collect();
        bytes.truncate(length);
        bytes
    }

    /// False when there is no room.
    pub(crate) fn write_bytes(&self, length: Head, first: Head, most: usize, text: &[u8]) -> bool {
        if text.len() > most * 8 {
            return false;
        }
        for (word, chunk) in self.header()[first as usize..].iter().zip(text.chunks(8)) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_le_bytes(bytes), Ordering::SeqCst);
        }
        self.store(length, text.len() as u64);
        true
    }

    fn header(&self) -> &[AtomicU64] {
        // It was there when this was made, and what can be reached only grows.
        self.words.get(0, HEADER_WORDS).unwrap_or_default()
    }
}
