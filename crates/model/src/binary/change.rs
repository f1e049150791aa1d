//! What can happen to a binary's row, each change touching only its own fields.

use super::{Binary, BinaryStatus, InstalledFile, ProviderReason};
use crate::{OwnerId, Timestamp};

/// A change of a binary's row, decided by its state machine and written by the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BinaryChange {
    /// Somebody took it on: only while it is not final, and due or `dead`'s.
    Claimed {
        /// Who.
        owner: OwnerId,
        /// Until when nobody else may.
        lease_until: Timestamp,
        /// An owner who is known to be dead, whose lease needs no waiting for.
        dead: Option<OwnerId>,
    },
    /// Not now: queued, due again later, and nobody's until then.
    Deferred {
        /// When.
        retry_at: Timestamp,
    },
    /// A provider is at work on it, after others have given up.
    Trying {
        /// Why they did.
        reasons: Vec<ProviderReason>,
        /// When somebody else should look at it, at the latest.
        lease_until: Timestamp,
    },
    /// It is there; final.
    Installed(InstalledFile),
    /// All providers have given up; another attempt is due later.
    Requeued {
        /// Why they did.
        reasons: Vec<ProviderReason>,
        /// When.
        retry_at: Timestamp,
    },
    /// All providers have given up, for good.
    Failed {
        /// Why they did.
        reasons: Vec<ProviderReason>,
    },
}

impl BinaryChange {
    /// Makes the change on a row in memory, as the store makes it on the row it holds.
    pub fn apply(&self, binary: &mut Binary, now: Timestamp) {
        binary.modified_at = now;
        match self {
            Self::Claimed {
                owner, lease_until, ..
            } => {
                binary.owner = Some(*owner);
                binary.retry_at = Some(*lease_until);
            }
            Self::Deferred { retry_at } => {
                leave(binary, BinaryStatus::Queued, Some(*retry_at));
            }
            Self::Trying {
                reasons,
                lease_until,
            } => {
                binary.status = BinaryStatus::Started;
                binary.retry_at = Some(*lease_until);
                binary.reasons.clone_from(reasons);
            }
            Self::Installed(file) => {
                file.fill(binary);
                leave(binary, BinaryStatus::Installed, None);
            }
            Self::Requeued { reasons, retry_at } => {
                binary.reasons.clone_from(reasons);
                binary.attempt = binary.attempt.saturating_add(1);
                leave(binary, BinaryStatus::Queued, Some(*retry_at));
            }
            Self::Failed { reasons } => {
                binary.reasons.clone_from(reasons);
                leave(binary, BinaryStatus::Failed, None);
            }
        }
    }
}

/// Nobody is at work on it any more.
fn leave(binary: &mut Binary, status: BinaryStatus, retry_at: Option<Timestamp>) {
    binary.status = status;
    binary.retry_at = retry_at;
    binary.owner = None;
}

impl InstalledFile {
    /// Writes what is known of the file into a binary.
    ///
    /// What is not known of this file is unknown then: a hash or a provider of another file
    /// does not stay.
    pub fn fill(&self, binary: &mut Binary) {
        binary.abspath.clone_from(&self.abspath);
        binary.version.clone_from(&self.version);
        binary.sha256 = self.sha256.clone().unwrap_or_default();
        binary.binprovider = self.binprovider.clone().unwrap_or_default();
    }
}
