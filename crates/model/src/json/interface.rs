//! The JSON of a network interface.

use serde::{Deserialize, Serialize};

use super::{RecordType, Refusal, compact, field, own_version};
use crate::{Health, InterfaceId, MachineId, NetworkFacts, NetworkInterface, Timestamp};

/// A network interface as JSON, its fields in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceRecord {
    /// Always [`RecordType::NetworkInterface`].
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// The version of whoever wrote it.
    #[serde(default, deserialize_with = "field::schema_version")]
    pub schema_version: Option<String>,
    /// Its id in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<InterfaceId>,
    /// The host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<MachineId>,
    /// Hardware address.
    #[serde(default)]
    pub mac_address: String,
    /// The address the world sees.
    #[serde(default)]
    pub ip_public: String,
    /// The address of the interface.
    #[serde(default)]
    pub ip_local: String,
    /// The name server in use.
    #[serde(default)]
    pub dns_server: String,
    /// The host's name.
    #[serde(default)]
    pub hostname: String,
    /// The kernel's name of the interface.
    #[serde(default)]
    pub iface: String,
    /// Who provides the connection.
    #[serde(default)]
    pub isp: String,
    /// Where the public address is said to be.
    #[serde(default)]
    pub city: String,
    /// Where the public address is said to be.
    #[serde(default)]
    pub region: String,
    /// Where the public address is said to be.
    #[serde(default)]
    pub country: String,
    /// Uses that succeeded.
    #[serde(default)]
    pub num_uses_succeeded: u64,
    /// Uses that failed.
    #[serde(default)]
    pub num_uses_failed: u64,
    /// Percentage of uses that succeeded; follows from the counts.
    #[serde(default)]
    pub health: u8,
}

impl From<&NetworkInterface> for InterfaceRecord {
    fn from(interface: &NetworkInterface) -> Self {
        let facts = interface.facts.clone();
        Self {
            record_type: RecordType::NetworkInterface,
            schema_version: own_version(),
            id: Some(interface.id),
            machine_id: Some(interface.machine_id),
            mac_address: facts.mac_address,
            ip_public: facts.ip_public,
            ip_local: facts.ip_local,
            dns_server: facts.dns_server,
            hostname: facts.hostname,
            iface: facts.iface,
            isp: facts.isp,
            city: facts.city,
            region: facts.region,
            country: facts.country,
            num_uses_succeeded: interface.health.num_uses_succeeded,
            num_uses_failed: interface.health.num_uses_failed,
            health: interface.health.percentage(),
        }
    }
}

impl InterfaceRecord {
    /// The interface the record tells of, as a new row of `machine_id` unless it names another.
    ///
    /// The counts are for a row that is new; those of a row that is there are its own.
    ///
    /// # Errors
    /// A text is longer than its field, or holds a NUL character.
    pub fn into_interface(
        self,
        machine_id: MachineId,
        now: Timestamp,
    ) -> Result<NetworkInterface, Refusal> {
        let facts = NetworkFacts {
            mac_address: self.mac_address,
            ip_public: self.ip_public,
            ip_local: self.ip_local,
            dns_server: self.dns_server,
            hostname: self.hostname,
            iface: self.iface,
            isp: self.isp,
            city: self.city,
            region: self.region,
            country: self.country,
        };
        for (limit, text) in facts.limited() {
            field::check(RecordType::NetworkInterface, limit, text)?;
        }
        Ok(NetworkInterface {
            id: self.id.unwrap_or_else(InterfaceId::generate),
            created_at: now,
            modified_at: now,
            health: Health {
                num_uses_succeeded: self.num_uses_succeeded,
                num_uses_failed: self.num_uses_failed,
            },
            machine_id: self.machine_id.unwrap_or(machine_id),
            facts,
        })
    }
}

impl NetworkInterface {
    /// The interface as one line of JSON, without its end; see [`InterfaceRecord`].
    #[must_use]
    pub fn to_json(&self) -> String {
        compact(&InterfaceRecord::from(self))
    }
}
