//! Why a provider did not come up with a program.

use serde::{Deserialize, Serialize};

use crate::ProcessId;
use crate::text_enum::text_enum;

text_enum! {
    /// What became of a provider that did not come up with a program.
    pub enum ReasonKind("outcome of a provider") {
        /// It was not for it to do.
        Skipped = "skipped",
        /// It tried, and failed.
        Failed = "failed",
    }
}

/// Why a provider did not come up with a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderReason {
    /// Which provider; empty when none was tried.
    pub provider: String,
    /// Whether it was passed over, or failed.
    pub outcome: ReasonKind,
    /// Why, for people.
    pub reason: String,
    /// The recorded process it was learnt from, whose logs tell more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_id: Option<ProcessId>,
}
