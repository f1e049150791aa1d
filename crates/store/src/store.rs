//! The port: what a database engine must do for a ledger.

use hostledger_model::{
    Attempt, Binary, BinaryId, InterfaceId, Machine, MachineId, NetworkFacts, NetworkInterface,
    Pid, Process, ProcessId, Timestamp,
};

use crate::change::Change;
use crate::error::StoreError;
use crate::filter::ProcessFilter;
use crate::record_id::{Found, IdPrefix};
use crate::rows::{Page, PageKey, Rows};
use crate::ticket::Ticket;

/// What may be done with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A ledger of our own: read and written.
    Own,
    /// Another program's: only read.
    Foreign,
}

/// A ledger's database: the same behaviour on every engine, which the contract suite proves.
///
/// Reading sees everything committed before it began. Every method can fail with
/// [`StoreError`]; those that read a single record fail with [`StoreError::Corrupt`] when its
/// row is unreadable, those that read several put such rows aside.
pub trait Store: Send + Sync {
    /// What may be done with the database.
    fn access(&self) -> Access;

    /// Looks for damage in the database itself; what is found, in words, nothing when it is
    /// sound. Reads all of it.
    fn check(&self) -> Result<Vec<String>, StoreError>;

    /// Hands changes to the writer, which commits whatever has queued up in one transaction.
    ///
    /// The changes are written together or not at all, in the order of submission. `now`
    /// becomes the modification time of every row that is changed; a row that is inserted
    /// keeps its own. Returns at once; the [`Ticket`] answers after the commit.
    fn submit(&self, now: Timestamp, changes: Vec<Change>) -> Ticket;

    /// A machine by its id.
    fn machine(&self, id: MachineId) -> Result<Option<Machine>, StoreError>;

    /// A machine by its guid; the one modified last when a database holds several.
    fn machine_by_guid(&self, guid: &str) -> Result<Option<Machine>, StoreError>;

    /// A network interface by its id.
    fn interface(&self, id: InterfaceId) -> Result<Option<NetworkInterface>, StoreError>;

    /// A machine's network interface by the fingerprint of `facts`; the one modified last when
    /// a database holds several.
    fn interface_by_fingerprint(
        &self,
        machine: MachineId,
        facts: &NetworkFacts,
    ) -> Result<Option<NetworkInterface>, StoreError>;

    /// All network interfaces of a machine, oldest first.
    fn interfaces_of(&self, machine: MachineId) -> Result<Rows<NetworkInterface>, StoreError>;

    /// A binary by its id.
    fn binary(&self, id: BinaryId) -> Result<Option<Binary>, StoreError>;

    /// A machine's binary of this name that is installed and has a path: the one modified
    /// last. Upper and lower case of ASCII letters are the same.
    fn valid_binary(&self, machine: MachineId, name: &str) -> Result<Option<Binary>, StoreError>;

    /// A process by its id.
    fn process(&self, id: ProcessId) -> Result<Option<Process>, StoreError>;

    /// The running processes of a machine whose row has this pid: several when the kernel used
    /// it again before the first one's end was written down.
    fn running_by_pid(&self, machine: MachineId, pid: Pid) -> Result<Rows<Process>, StoreError>;

    /// The processes that fit, oldest first (creation time, then id).
    fn processes(&self, filter: &ProcessFilter) -> Result<Rows<Process>, StoreError>;

    /// The processes whose parent is one of these, oldest first.
    fn children(&self, parents: &[ProcessId]) -> Result<Rows<Process>, StoreError>;

    /// The earlier attempts of a process, first to last.
    fn attempts(&self, process: ProcessId) -> Result<Vec<Attempt>, StoreError>;

    /// The records whose id begins so, of any kind.
    fn find(&self, prefix: &IdPrefix) -> Result<Found, StoreError>;

    /// Machines in the order of their making, at most `limit`, after the key of an earlier page.
    fn machine_page(
        &self,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<Machine>, StoreError>;

    /// Network interfaces in the order of their making.
    fn interface_page(
        &self,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<NetworkInterface>, StoreError>;

    /// Binaries in the order of their making.
    fn binary_page(&self, after: Option<&PageKey>, limit: u32) -> Result<Page<Binary>, StoreError>;

    /// Processes in the order of their making.
    fn process_page(
        &self,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<Process>, StoreError>;
}
