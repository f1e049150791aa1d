//! The JSON of a binary.

mod input;

pub use input::{BinaryCase, BinaryInput};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{RecordType, compact, field, own_version};
use crate::{Binary, BinaryId, BinaryStatus, MachineId, ProviderReason};

/// A binary as JSON, its fields in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinaryRecord {
    /// [`RecordType::Binary`] once it has path and version, [`RecordType::BinaryRequest`] before.
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// The version of whoever wrote it.
    #[serde(default, deserialize_with = "field::schema_version")]
    pub schema_version: Option<String>,
    /// Its id in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<BinaryId>,
    /// The host it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<MachineId>,
    /// The name it was asked for by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Providers that may install it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binproviders: Option<String>,
    /// What to do differently per provider.
    #[serde(
        default,
        deserialize_with = "field::given",
        skip_serializing_if = "Option::is_none"
    )]
    pub overrides: Option<Value>,
    /// The provider that installed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binprovider: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abspath: Option<String>,
    /// Which version it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Hash of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where it is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<BinaryStatus>,
    /// Which version it must have at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_version: Option<String>,
    /// How many attempts it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Which attempt at it this or the next one is, when it is not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Why providers did not come up with it; written, never read.
    #[serde(default, skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<ProviderReason>,
}

impl From<&Binary> for BinaryRecord {
    fn from(binary: &Binary) -> Self {
        let record_type = if binary.abspath.is_empty() || binary.version.is_empty() {
            RecordType::BinaryRequest
        } else {
            RecordType::Binary
        };
        Self {
            record_type,
            schema_version: own_version(),
            id: Some(binary.id),
            machine_id: Some(binary.machine_id),
            name: Some(binary.name.clone()),
            binproviders: Some(binary.binproviders.clone()),
            overrides: Some(binary.overrides.clone()),
            binprovider: Some(binary.binprovider.clone()),
            abspath: Some(binary.abspath.clone()),
            version: Some(binary.version.clone()),
            sha256: Some(binary.sha256.clone()),
            status: Some(binary.status),
            min_version: binary.min_version.clone(),
            max_attempts: binary.max_attempts,
            attempt: Some(binary.attempt).filter(|attempt| *attempt > 1),
            reasons: binary.reasons.clone(),
        }
    }
}

impl Binary {
    /// The binary as one line of JSON, without its end; see [`BinaryRecord`].
    #[must_use]
    pub fn to_json(&self) -> String {
        compact(&BinaryRecord::from(self))
    }
}
