//! The port: what a database engine must do for a ledger.

use hostledger_model::{
    Attempt, Binary, BinaryId, InterfaceId, Machine, MachineId, NetworkFacts, NetworkInterface,
    OwnerId, OwnerRecord, Pid, Process, ProcessId, ProcessStatus, SecretBatchId, Timestamp,
};

use crate::change::Change;
use crate::claim::{Claim, Claims};
use crate::error::StoreError;
use crate::filter::ProcessFilter;
use crate::record_id::{Found, IdPrefix};
use crate::rows::{Descendant, Page, PageKey, Rows};
use crate::ticket::Ticket;
use crate::watch::QueueWatch;

/// What may be done with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A ledger of our own: read and written.
    Own,
    /// Another program's: only read.
    Foreign,
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The death of any program, however it dies. What was written last may be missing when the
    /// machine loses power; what is there is whole.
    #[default]
    Normal,
    /// The loss of power as well: each commit waits for the disk.
    Full,
}

/// A ledger's database: the same behaviour on every engine, which the contract suite proves.
///
/// Reading sees everything committed before it began. Every method can fail with
/// [`StoreError`]; those that read a single record fail with [`StoreError::Corrupt`] when its
/// row is unreadable, those that read several put such rows aside.
pub trait Store: Send + Sync {
    /// What may be done with the database.
    fn access(&self) -> Access;

    /// Whether other hosts can use it as well: owners say there now and then that they live.
    fn is_remote(&self) -> bool {
        false
    }

    /// Whether the database will be written when it is asked to, as far as that can be told
    /// without writing: [`StoreError::Forbidden`] or [`StoreError::ReadOnly`] when it will not.
    fn may_write(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Looks for damage in the database itself; what is found, in words, nothing when it is
    /// sound. Reads all of it.
    fn check(&self) -> Result<Vec<String>, StoreError>;

    /// Hands changes to the writer, which commits whatever has queued up in one transaction.
    ///
    /// The changes are written together or not at all, in the order of submission. `now`
    /// becomes the modification time of every row that is changed; a row that is inserted
    /// keeps its own. Returns at once; the [`Ticket`] answers after the commit.
    fn submit(&self, now: Timestamp, changes: Vec<Change>) -> Ticket;

    /// The same for changes that nobody waits for: on a busy ledger they are committed a few
    /// milliseconds later, together with those that come meanwhile, which costs far less.
    fn submit_patiently(&self, now: Timestamp, changes: Vec<Change>) -> Ticket;

    /// Has processes that are due taken on, atomically: of all who claim at once, each process
    /// goes to one. Returns at once, as [`submit`](Self::submit) does, and takes its turn among
    /// submissions; the [`Ticket`] answers after the commit. Costs the same however long the
    /// history and the queue.
    ///
    /// When it fails, it can still have been committed: what the owner has then is found by
    /// [`owned`](Self::owned).
    ///
    /// What is not started is given back by
    /// [`ProcessChange::Deferred`](hostledger_model::ProcessChange::Deferred), each in a
    /// submission of its own, so that one that is somebody else's by now holds up no other.
    fn claim(&self, claim: Claim) -> Ticket<Claims>;

    /// Begins to listen for processes that become due.
    ///
    /// # Errors
    /// The system, or the server, gives no notice.
    fn watch(&self) -> Result<Box<dyn QueueWatch>, StoreError>;

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

    /// A machine's binary at this path that is installed: the one modified last.
    fn valid_binary_at(
        &self,
        machine: MachineId,
        abspath: &str,
    ) -> Result<Option<Binary>, StoreError>;

    /// All binaries of a machine that are installed and have a path, those modified last first.
    fn valid_binaries(&self, machine: MachineId) -> Result<Rows<Binary>, StoreError>;

    /// A machine's binary of exactly this name, whatever its status: the one modified last.
    fn binary_by_name(&self, machine: MachineId, name: &str) -> Result<Option<Binary>, StoreError>;

    /// A machine's binaries that are asked for or being installed, in the order in which they
    /// are due, those under a lease included.
    fn pending_binaries(&self, machine: MachineId) -> Result<Rows<Binary>, StoreError>;

    /// A process by its id.
    fn process(&self, id: ProcessId) -> Result<Option<Process>, StoreError>;

    /// The running processes of a machine whose row has this pid: several when the kernel used
    /// it again before the first one's end was written down.
    fn running_by_pid(&self, machine: MachineId, pid: Pid) -> Result<Rows<Process>, StoreError>;

    /// The processes that fit, oldest first (creation time, then id).
    fn processes(&self, filter: &ProcessFilter) -> Result<Rows<Process>, StoreError>;

    /// The ids of the processes that fit, in the same order: for those who look at many in
    /// bounded memory, some at a time with [`processes_by_id`](Self::processes_by_id).
    fn process_ids(&self, filter: &ProcessFilter) -> Result<Rows<ProcessId>, StoreError>;

    /// How many processes fit.
    fn process_count(&self, filter: &ProcessFilter) -> Result<u64, StoreError>;

    /// The processes of these ids, oldest first; an id that is not there is passed over.
    fn processes_by_id(&self, ids: &[ProcessId]) -> Result<Rows<Process>, StoreError>;

    /// The queued processes of a machine that somebody has taken on under a lease that is not
    /// over at `now`, oldest first. Past its lease a process is due as any other.
    fn claimed(&self, machine: MachineId, now: Timestamp) -> Result<Rows<Process>, StoreError>;

    /// Everybody who has taken on processes of a machine that have not ended.
    fn owners(&self, machine: MachineId) -> Result<Vec<OwnerId>, StoreError>;

    /// What an owner has said of itself, if it has.
    fn owner(&self, id: OwnerId) -> Result<Option<OwnerRecord>, StoreError>;

    /// All owners of a machine that have said something of themselves, the oldest first.
    fn owners_of(&self, machine: MachineId) -> Result<Vec<OwnerRecord>, StoreError>;

    /// What an owner has taken on of a machine and has not ended, queued or running, oldest
    /// first.
    fn owned(&self, machine: MachineId, owner: OwnerId) -> Result<Rows<Process>, StoreError>;

    /// Whether a process that has not ended has its secrets in this batch.
    fn needs_secrets(&self, batch: SecretBatchId) -> Result<bool, StoreError>;

    /// The recorded ancestors of a process, its parent first and its root last. A parent that
    /// is not there ends the line, and so does one that has been met.
    fn ancestors(&self, process: ProcessId) -> Result<Vec<ProcessId>, StoreError>;

    /// Those of the recorded descendants of a process that have this status, or all: level by
    /// level, oldest first in each. None comes twice, whatever circles the parents make.
    fn descendants(
        &self,
        process: ProcessId,
        status: Option<ProcessStatus>,
    ) -> Result<Rows<Descendant>, StoreError>;

    /// The processes whose parent is one of these, oldest first.
    fn children(&self, parents: &[ProcessId]) -> Result<Rows<Process>, StoreError>;

    /// The earlier attempts of a process, first to last.
    fn attempts(&self, process: ProcessId) -> Result<Vec<Attempt>, StoreError>;

    /// The records whose id begins so, of any kind.
    fn find(&self, prefix: &IdPrefix) -> Result<Found, StoreError>;

    /// A number for a new worker of a type, from 1: the next one, given out once and never
    /// again, to whichever program asks and whatever is deleted. Committed when it returns.
    fn next_worker_id(&self, worker_type: &str) -> Result<u64, StoreError>;

    /// Writes what an exit code of older writers means, -1 for a process that they found gone,
    /// as it is read: 137. Says how many rows were mended. Nothing else about them is known.
    fn mend_exit_codes(&self, now: Timestamp) -> Result<usize, StoreError>;

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

    /// The processes of a machine that were made and have ended before a time, in the order of
    /// their making; when nobody wrote down when one ended, its last change counts.
    fn ended_page(
        &self,
        machine: MachineId,
        before: Timestamp,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<Process>, StoreError>;

    /// Processes in the order of their making.
    fn process_page(
        &self,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<Process>, StoreError>;
}
