//! Rows of `machine_networkinterface`.

use diesel::prelude::*;
use hostledger_model::{NetworkFacts, NetworkInterface};
use serde::Serialize;

use super::encoding::{self, RowReader};
use super::row::TableRow;
use super::schema::{interface, names};
use crate::error::CorruptRow;

/// A row as it stands.
#[derive(Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = interface, treat_none_as_default_value = false)]
pub(crate) struct InterfaceRow {
    pub(crate) id: String,
    pub(crate) created_at: String,
    modified_at: String,
    num_uses_succeeded: i64,
    num_uses_failed: i64,
    machine_id: String,
    #[diesel(embed)]
    #[serde(flatten)]
    pub(crate) facts: NetworkFactsRow,
}

/// The columns that detection fills.
#[derive(Queryable, Selectable, Insertable, AsChangeset, Serialize)]
#[diesel(table_name = interface, treat_none_as_default_value = false)]
pub(crate) struct NetworkFactsRow {
    iface: String,
    ip_public: String,
    ip_local: String,
    mac_address: String,
    dns_server: String,
    hostname: String,
    isp: String,
    city: String,
    region: String,
    country: String,
}

impl From<&NetworkFacts> for NetworkFactsRow {
    fn from(facts: &NetworkFacts) -> Self {
        Self {
            iface: facts.iface.clone(),
            ip_public: facts.ip_public.clone(),
            ip_local: facts.ip_local.clone(),
            mac_address: facts.mac_address.clone(),
            dns_server: facts.dns_server.clone(),
            hostname: facts.hostname.clone(),
            isp: facts.isp.clone(),
            city: facts.city.clone(),
            region: facts.region.clone(),
            country: facts.country.clone(),
        }
    }
}

impl From<&NetworkInterface> for InterfaceRow {
    fn from(interface: &NetworkInterface) -> Self {
        Self {
            id: interface.id.simple(),
            created_at: encoding::time(interface.created_at),
            modified_at: encoding::time(interface.modified_at),
            num_uses_succeeded: encoding::count(interface.health.num_uses_succeeded),
            num_uses_failed: encoding::count(interface.health.num_uses_failed),
            machine_id: interface.machine_id.simple(),
            facts: (&interface.facts).into(),
        }
    }
}

impl TableRow for InterfaceRow {
    const TABLE: &'static str = names::INTERFACE;

    type Record = NetworkInterface;

    fn record(self) -> Result<NetworkInterface, CorruptRow> {
        let read = RowReader {
            table: Self::TABLE,
            id: &self.id,
        };
        let facts = self.facts;
        Ok(NetworkInterface {
            id: read.parse("id", &self.id)?,
            created_at: read.time("created_at", &self.created_at)?,
            modified_at: read.time("modified_at", &self.modified_at)?,
            health: read.health(self.num_uses_succeeded, self.num_uses_failed)?,
            machine_id: read.parse("machine_id", &self.machine_id)?,
            facts: NetworkFacts {
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
            },
        })
    }

    fn position(&self) -> (&str, &str) {
        (&self.id, &self.created_at)
    }
}
