//! Why a process that somebody else supervises could not be reached.

use std::io;
use std::path::PathBuf;

use hostledger_keeper::TableError;
use hostledger_model::{MachineId, ProcessId};
use hostledger_process::{IdentityError, LogError, SignalError, TreeError};
use hostledger_store::StoreError;

use crate::owner::OwnerError;

/// Why a process could not be waited for or stopped.
#[derive(Debug, thiserror::Error)]
pub enum BystanderError {
    /// There is no such process, or no longer.
    #[error("there is no process {id} in the ledger")]
    Missing {
        /// Its id.
        id: ProcessId,
    },
    /// It runs on another machine: its pid means nothing here.
    #[error("process {id} runs on another machine, {machine}")]
    Elsewhere {
        /// Its id.
        id: ProcessId,
        /// The machine.
        machine: MachineId,
    },
    /// It runs in another pid namespace: its pid means nothing here.
    #[error("process {id} runs in another pid namespace (container)")]
    OtherNamespace {
        /// Its id.
        id: ProcessId,
    },
    /// Its row says too little to be sure which live process it is.
    #[error("process {id} was recorded without its exact identity")]
    Unidentified {
        /// Its id.
        id: ProcessId,
    },
    /// It has not been started.
    #[error("process {id} is queued and has not been started")]
    NotStarted {
        /// Its id.
        id: ProcessId,
    },
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be found among the live ones.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its owner's lock cannot be looked at.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// It cannot be signalled.
    #[error(transparent)]
    Signal(#[from] SignalError),
    /// It cannot be asked after.
    #[error("cannot tell whether a process has been reaped")]
    Wait(#[source] io::Error),
    /// What descends from it cannot be found or ended.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Whether a keeper is alive cannot be learnt.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The tables of keepers cannot be listed.
    #[error("cannot list the tables of keepers in {}", path.display())]
    Keepers {
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Its logs cannot be removed.
    #[error(transparent)]
    Log(#[from] LogError),
}
