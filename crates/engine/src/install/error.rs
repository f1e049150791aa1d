//! Why a binary could not be driven.

use hostledger_install::RunError;
use hostledger_model::BinaryId;
use hostledger_store::StoreError;

use crate::bystander::BystanderError;

/// Why a binary could not be driven to an end.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Its row cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its row is gone.
    #[error("there is no binary {id}")]
    Missing {
        /// Which.
        id: BinaryId,
    },
    /// Somebody else has taken it over.
    #[error("binary {id} is no longer installed here: somebody else has taken it over")]
    TakenOver {
        /// Which.
        id: BinaryId,
    },
    /// A provider's program could not be run and recorded.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What a dead driver has left running cannot be ended.
    #[error(transparent)]
    Leftovers(#[from] BystanderError),
}
