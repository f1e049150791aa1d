//! Binary: a program on a machine.

mod change;
mod installed;
mod reason;

pub use change::BinaryChange;
pub use installed::InstalledFile;
pub use reason::{ProviderReason, ReasonKind};

use serde_json::{Map, Value};

use crate::limit::{Limit, LimitExceeded};
use crate::text_enum::text_enum;
use crate::{BinaryId, Health, MachineId, OwnerId, Timestamp};

text_enum! {
    /// Where a binary is in its life.
    pub enum BinaryStatus("binary status") {
        /// Asked for, to be installed when due.
        Queued = "queued",
        /// A provider is at work on it.
        Started = "started",
        /// There, and verified; final. Older rows say `succeeded`.
        Installed = "installed" | "succeeded",
        /// No provider could install it; final.
        Failed = "failed",
    }
}

/// A program on a machine: asked for, found or installed.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// Its id in the ledger.
    pub id: BinaryId,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row was last written.
    pub modified_at: Timestamp,
    /// How often installs and uses of it succeeded and failed.
    pub health: Health,
    /// The host it is on.
    pub machine_id: MachineId,
    /// The name it was asked for by.
    pub name: String,
    /// Providers that may install it, comma-separated; empty or `*` allows any.
    pub binproviders: String,
    /// What to do differently per provider; kept exactly as given.
    pub overrides: Value,
    /// The provider that installed it; empty before.
    pub binprovider: String,
    /// Where it is; empty before.
    pub abspath: String,
    /// Which version it is; empty before.
    pub version: String,
    /// Hash of the file, lower-case hex; empty when not known.
    pub sha256: String,
    /// Where it is in its life.
    pub status: BinaryStatus,
    /// When it is due, or the end of the lease of whoever is at work on it.
    pub retry_at: Option<Timestamp>,
    /// Which version it must have at least; none when any will do.
    pub min_version: Option<String>,
    /// Who is at work on it.
    pub owner: Option<OwnerId>,
    /// Which attempt at it this or the next one is, from 1.
    pub attempt: u32,
    /// How many attempts it has; none for as many as it takes.
    pub max_attempts: Option<u32>,
    /// Why providers did not come up with it in the latest attempt, in the order in which they
    /// were tried.
    pub reasons: Vec<ProviderReason>,
}

impl Binary {
    /// A request for `name` on a machine, due now, from any provider.
    ///
    /// # Errors
    /// The name does not fit its field.
    pub fn request(
        machine_id: MachineId,
        name: &str,
        now: Timestamp,
    ) -> Result<Self, LimitExceeded> {
        limits::NAME.check(name)?;
        Ok(Self {
            id: BinaryId::generate(),
            created_at: now,
            modified_at: now,
            health: Health::default(),
            machine_id,
            name: name.to_owned(),
            binproviders: String::new(),
            overrides: Value::Object(Map::new()),
            binprovider: String::new(),
            abspath: String::new(),
            version: String::new(),
            sha256: String::new(),
            status: BinaryStatus::Queued,
            retry_at: Some(now),
            min_version: None,
            owner: None,
            attempt: 1,
            max_attempts: None,
            reasons: Vec::new(),
        })
    }

    /// This row when it is asked for anew. What is there stays until something else is; and a
    /// request that waits to be tried again goes on as often as it was to be.
    #[must_use]
    pub fn asked_anew(self, request: &Self) -> Self {
        let allowed = self.max_attempts.zip(request.max_attempts);
        let max_attempts = match self.status {
            BinaryStatus::Queued => allowed.map(|(theirs, ours)| theirs.max(ours)),
            _ => request.max_attempts,
        };
        Self {
            id: self.id,
            abspath: self.abspath,
            version: self.version,
            sha256: self.sha256,
            binprovider: self.binprovider,
            max_attempts,
            ..request.clone()
        }
    }

    /// Whether there is a program to run: it has a path and is installed.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.abspath.is_empty() && self.status == BinaryStatus::Installed
    }
}

/// How many characters each field holds.
pub mod limits {
    use super::Limit;

    /// [`name`](super::Binary::name).
    pub const NAME: Limit = Limit::new("name", 63);
    /// [`binproviders`](super::Binary::binproviders).
    pub const BINPROVIDERS: Limit = Limit::new("binproviders", 127);
    /// [`binprovider`](super::Binary::binprovider).
    pub const BINPROVIDER: Limit = Limit::new("binprovider", 31);
    /// [`abspath`](super::Binary::abspath): too long a path is refused, never cut.
    pub const ABSPATH: Limit = Limit::new("abspath", 255);
    /// [`version`](super::Binary::version).
    pub const VERSION: Limit = Limit::new("version", 32);
    /// [`min_version`](super::Binary::min_version).
    pub const MIN_VERSION: Limit = Limit::new("min_version", 32);
    /// [`sha256`](super::Binary::sha256).
    pub const SHA256: Limit = Limit::new("sha256", 64);
}
