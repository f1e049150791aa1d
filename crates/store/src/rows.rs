//! What reading several records gives.

use hostledger_model::ProcessId;

use crate::error::{CorruptRow, StoreError};

/// Records that were read, beside the rows that could not be.
///
/// One bad row never hides the others.
#[derive(Debug, Clone)]
pub struct Rows<T> {
    /// What was read, in the order asked for.
    pub records: Vec<T>,
    /// Rows that are there but unreadable.
    pub corrupt: Vec<CorruptRow>,
}

impl<T> Rows<T> {
    /// The records, when every row could be read.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the first row that could not.
    pub fn complete(self) -> Result<Vec<T>, StoreError> {
        match self.corrupt.into_iter().next() {
            None => Ok(self.records),
            Some(row) => Err(row.into()),
        }
    }
}

impl<T> FromIterator<Result<T, CorruptRow>> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = Result<T, CorruptRow>>>(rows: I) -> Self {
        let mut records = Vec::new();
        let mut corrupt = Vec::new();
        for row in rows {
            match row {
                Ok(record) => records.push(record),
                Err(row) => corrupt.push(row),
            }
        }
        Self { records, corrupt }
    }
}

/// A process below another one, as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descendant {
    /// Which.
    pub id: ProcessId,
    /// How far below: 1 for a child.
    pub depth: usize,
}

/// Where a page of a table ended: the next one begins after it.
///
/// Means something to the store that gave it only. Rows are in the order of their creation
/// time as the database holds it, then of their id; neither ever changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageKey {
    pub(crate) created_at: String,
    pub(crate) id: String,
}

/// Some consecutive rows of a table.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, as many as were asked for unless the table ends with them.
    pub rows: Rows<T>,
    /// Where to go on; none at the table's end.
    pub next: Option<PageKey>,
}
