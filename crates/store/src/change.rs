//! What can be written, as data.

use std::sync::Arc;

use hostledger_model::{
    Binary, BinaryChange, BinaryId, InterfaceId, Machine, MachineFacts, MachineId,
    NetworkInterface, OwnerId, OwnerRecord, Process, ProcessChange, ProcessId, ProcessStatus,
};
use serde_json::{Map, Value};

use crate::record_id::RecordId;

/// One change of one record.
///
/// The changes of a submission are written together or not at all. A change that finds its row
/// gone, or in a state that it does not allow, is *refused*, and with it the whole submission:
/// a use is not counted when the end it belongs to was written by somebody else.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A new machine, as it is; an id or guid that is there already is an error.
    InsertMachine(Box<Machine>),
    /// What was detected anew about a machine; refused when its row is gone.
    SaveMachineFacts {
        /// Which one.
        id: MachineId,
        /// What was learnt.
        facts: Box<MachineFacts>,
    },
    /// A machine's new configuration; refused when its row is gone, or no longer holds the
    /// configuration that the new one was made from.
    SaveMachineConfig {
        /// Which one.
        id: MachineId,
        /// What was read.
        read: Option<Value>,
        /// What is to stand there now.
        config: Map<String, Value>,
    },
    /// Deletes a machine with its interfaces, binaries and processes; refused when it is gone.
    DeleteMachine(MachineId),
    /// A new interface, as it is; an id or fingerprint that is there already is an error.
    InsertInterface(Box<NetworkInterface>),
    /// Writes the facts to the machine's interface of the same fingerprint, or inserts this one
    /// when there is none. The answer names the row that was written.
    SaveInterface(Box<NetworkInterface>),
    /// A new binary, as it is; an id or a set of machine, name, path, version and hash that is
    /// there already is an error.
    InsertBinary(Box<Binary>),
    /// Writes every field of a binary but id, machine, creation time and health; refused when
    /// its row is gone.
    UpdateBinary(Box<Binary>),
    /// Asks for a binary: puts the request into the machine's row of the same name, which keeps
    /// its file, or inserts it when there is none. The answer names the row. One that somebody
    /// is at work on, under a lease that is not over, stays as it is.
    RequestBinary(Box<Binary>),
    /// A step in the life of a binary; refused when its row is gone or final, or is not the
    /// owner's (each [`BinaryChange`] says more). Other rows of the same name and file become
    /// one with a row that is installed.
    ChangeBinary {
        /// Which one.
        id: BinaryId,
        /// The step.
        change: BinaryChange,
        /// Who must own the row; none leaves the owner out of it. A claim does not ask for it.
        owner: Option<OwnerId>,
    },
    /// Deletes a binary, and takes it from the processes that used it; refused when it is gone.
    DeleteBinary(BinaryId),
    /// Counts one use of something; never refused: what is gone needs no count.
    CountUse {
        /// Of what.
        of: Used,
        /// Whether it went well.
        succeeded: bool,
    },
    /// A new process, as it is; an id that is there already is an error.
    InsertProcess(Box<Process>),
    /// New processes, as they are, all of them or none; an id that is there already is an error.
    /// For many at once, which costs less than one by one.
    InsertProcesses(Arc<[Process]>),
    /// A step in the life of a process; refused when its row is gone or does not allow it
    /// (each [`ProcessChange`] says when).
    ChangeProcess {
        /// Which one.
        id: ProcessId,
        /// The step.
        change: ProcessChange,
        /// Who must own the row: an end may also be written when nobody does; none leaves the
        /// owner out of it, as settling from a journal does. A claim and a request to stop do
        /// not ask for the owner at all.
        owner: Option<OwnerId>,
    },
    /// What an owner says of itself; never refused.
    Owner(OwnerChange),
    /// Deletes a process and its attempts, and takes it from its children as their parent;
    /// refused when it is gone.
    DeleteProcess(ProcessId),
    /// Deletes those of these processes that have ended, as [`DeleteProcess`](Self::DeleteProcess)
    /// does; never refused: what is gone or has not ended is passed over, and not named in the
    /// answer.
    PruneProcesses(Arc<[ProcessId]>),
}

/// What becomes of the row of an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerChange {
    /// It lives: its row is made, or says when it was last seen.
    Seen(Box<OwnerRecord>),
    /// It has gone: its row goes, but for one that has not ended all it has taken on. To whoever
    /// comes upon that the row says where its lock was.
    Gone {
        /// Which one.
        id: OwnerId,
        /// Its host.
        machine: MachineId,
    },
}

/// What a use is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Used {
    /// A host.
    Machine(MachineId),
    /// A network interface.
    Interface(InterfaceId),
    /// A program.
    Binary(BinaryId),
}

impl Change {
    /// Whether something may be due by it that was not before, or a binary is that somebody waits
    /// for.
    #[must_use]
    pub fn queues(&self) -> bool {
        match self {
            Self::InsertProcess(process) => waits(process),
            Self::InsertProcesses(processes) => processes.iter().any(waits),
            Self::ChangeProcess { change, .. } => match change {
                ProcessChange::Deferred { .. } => true,
                ProcessChange::Requeued(requeued) => requeued.owner.is_none(),
                _ => false,
            },
            Self::RequestBinary(_) => true,
            Self::InsertBinary(binary) | Self::UpdateBinary(binary) => binary.retry_at.is_some(),
            // An end is what those are waiting for who have asked for the same.
            Self::ChangeBinary { change, .. } => !matches!(
                change,
                BinaryChange::Claimed { .. } | BinaryChange::Trying { .. }
            ),
            Self::DeleteBinary(_) => true,
            _ => false,
        }
    }

    /// The record it is about, the first of several; none when it is about nothing. What is
    /// written in the end can be another one for [`Change::SaveInterface`] and
    /// [`Change::RequestBinary`].
    #[must_use]
    pub fn record(&self) -> Option<RecordId> {
        Some(match self {
            Self::InsertMachine(machine) => machine.id.into(),
            Self::SaveMachineFacts { id, .. }
            | Self::SaveMachineConfig { id, .. }
            | Self::DeleteMachine(id) => (*id).into(),
            Self::InsertInterface(interface) | Self::SaveInterface(interface) => {
                interface.id.into()
            }
            Self::InsertBinary(binary)
            | Self::UpdateBinary(binary)
            | Self::RequestBinary(binary) => binary.id.into(),
            Self::ChangeBinary { id, .. } | Self::DeleteBinary(id) => (*id).into(),
            Self::CountUse { of, .. } => (*of).into(),
            Self::Owner(_) => return None,
            Self::InsertProcess(process) => process.id.into(),
            Self::InsertProcesses(processes) => processes.first()?.id.into(),
            Self::PruneProcesses(ids) => (*ids.first()?).into(),
            Self::ChangeProcess { id, .. } | Self::DeleteProcess(id) => (*id).into(),
        })
    }
}

fn waits(process: &Process) -> bool {
    process.status == ProcessStatus::Queued && process.owner.is_none()
}

impl From<Used> for RecordId {
    fn from(used: Used) -> Self {
        match used {
            Used::Machine(id) => id.into(),
            Used::Interface(id) => id.into(),
            Used::Binary(id) => id.into(),
        }
    }
}
