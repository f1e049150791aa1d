//! All records of a kind, one after another, in bounded memory.

use std::collections::VecDeque;

use hostledger_model::{Binary, Machine, NetworkInterface, Process};

use crate::error::{CorruptRow, StoreError};
use crate::rows::{Page, PageKey};
use crate::store::Store;

/// Rows fetched at once; a foreign row can hold megabytes of output.
const PAGE: u32 = 256;

type Fetch<'s, T> = fn(&'s dyn Store, Option<&PageKey>, u32) -> Result<Page<T>, StoreError>;

/// Iterates over all records of a kind in the order of their making, a page at a time.
///
/// A row that cannot be read comes as [`StoreError::Corrupt`] after its page's records, and the
/// iteration goes on; any other error ends it. Rows inserted meanwhile may come or not, every
/// other row comes exactly once.
pub struct Records<'s, T> {
    store: &'s dyn Store,
    fetch: Fetch<'s, T>,
    loaded: VecDeque<T>,
    corrupt: VecDeque<CorruptRow>,
    position: Position,
}

enum Position {
    Start,
    After(PageKey),
    End,
}

impl<'s, T> Records<'s, T> {
    fn new(store: &'s dyn Store, fetch: Fetch<'s, T>) -> Self {
        Self {
            store,
            fetch,
            loaded: VecDeque::new(),
            corrupt: VecDeque::new(),
            position: Position::Start,
        }
    }

    fn load(&mut self) -> Result<(), StoreError> {
        let after = match &self.position {
            Position::Start => None,
            Position::After(key) => Some(key),
            Position::End => return Ok(()),
        };
        let page = (self.fetch)(self.store, after, PAGE);
        self.position = Position::End;
        let page = page?;
        if let Some(key) = page.next {
            self.position = Position::After(key);
        }
        self.loaded.extend(page.rows.records);
        self.corrupt.extend(page.rows.corrupt);
        Ok(())
    }
}

impl<'s> Records<'s, Machine> {
    /// All machines.
    #[must_use]
    pub fn machines(store: &'s dyn Store) -> Self {
        Self::new(store, Store::machine_page)
    }
}

impl<'s> Records<'s, NetworkInterface> {
    /// All network interfaces.
    #[must_use]
    pub fn interfaces(store: &'s dyn Store) -> Self {
        Self::new(store, Store::interface_page)
    }
}

impl<'s> Records<'s, Binary> {
    /// All binaries.
    #[must_use]
    pub fn binaries(store: &'s dyn Store) -> Self {
        Self::new(store, Store::binary_page)
    }
}

impl<'s> Records<'s, Process> {
    /// All processes.
    #[must_use]
    pub fn processes(store: &'s dyn Store) -> Self {
        Self::new(store, Store::process_page)
    }
}

impl<T> Iterator for Records<'_, T> {
    type Item = Result<T, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.loaded.pop_front() {
                return Some(Ok(record));
            }
            if let Some(row) = self.corrupt.pop_front() {
                return Some(Err(row.into()));
            }
            if matches!(self.position, Position::End) {
                return None;
            }
            if let Err(error) = self.load() {
                return Some(Err(error));
            }
        }
    }
}
