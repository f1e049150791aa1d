//! NetworkInterface: a way a host reaches the network.

use crate::limit::Limit;
use crate::{Health, InterfaceId, MachineId, Timestamp};

/// A way a host reaches the network; a changed fingerprint is a new row, the old one history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkInterface {
    /// Its id in the ledger.
    pub id: InterfaceId,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row was last written; what was detected is trusted for an hour from here.
    pub modified_at: Timestamp,
    /// How often processes that used it succeeded and failed.
    pub health: Health,
    /// The host.
    pub machine_id: MachineId,
    /// What was learnt about the network.
    pub facts: NetworkFacts,
}

/// What can be learnt about the network a host is on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkFacts {
    /// Hardware address, lower-case hex with colons.
    pub mac_address: String,
    /// The address the world sees; the local one when nobody was asked.
    pub ip_public: String,
    /// The address of the interface.
    pub ip_local: String,
    /// The name server in use.
    pub dns_server: String,
    /// The host's name.
    pub hostname: String,
    /// The kernel's name of the interface, such as `eth0`.
    pub iface: String,
    /// Who provides the connection.
    pub isp: String,
    /// Where the public address is said to be.
    pub city: String,
    /// Where the public address is said to be.
    pub region: String,
    /// Where the public address is said to be.
    pub country: String,
}

impl NetworkFacts {
    /// The facts with every text cut to what its field holds.
    #[must_use]
    pub fn cut(self) -> Self {
        Self {
            mac_address: limits::MAC_ADDRESS.cut(self.mac_address),
            ip_public: limits::IP_PUBLIC.cut(self.ip_public),
            ip_local: limits::IP_LOCAL.cut(self.ip_local),
            dns_server: limits::DNS_SERVER.cut(self.dns_server),
            hostname: limits::HOSTNAME.cut(self.hostname),
            iface: limits::IFACE.cut(self.iface),
            isp: limits::ISP.cut(self.isp),
            city: limits::CITY.cut(self.city),
            region: limits::REGION.cut(self.region),
            country: limits::COUNTRY.cut(self.country),
        }
    }

    /// Every text beside the limit of its field.
    pub(crate) fn limited(&self) -> [(Limit, &str); 10] {
        [
            (limits::MAC_ADDRESS, &self.mac_address),
            (limits::IP_PUBLIC, &self.ip_public),
            (limits::IP_LOCAL, &self.ip_local),
            (limits::DNS_SERVER, &self.dns_server),
            (limits::HOSTNAME, &self.hostname),
            (limits::IFACE, &self.iface),
            (limits::ISP, &self.isp),
            (limits::CITY, &self.city),
            (limits::REGION, &self.region),
            (limits::COUNTRY, &self.country),
        ]
    }

    /// What makes two rows of one machine the same interface.
    #[must_use]
    pub fn fingerprint(&self) -> [&str; 4] {
        [
            &self.ip_public,
            &self.ip_local,
            &self.mac_address,
            &self.dns_server,
        ]
    }
}

impl NetworkInterface {
    /// A new row for an interface of `machine_id`, with the facts cut to their limits.
    #[must_use]
    pub fn new(machine_id: MachineId, facts: NetworkFacts, now: Timestamp) -> Self {
        Self {
            id: InterfaceId::generate(),
            created_at: now,
            modified_at: now,
            health: Health::default(),
            machine_id,
            facts: facts.cut(),
        }
    }
}

/// How many characters each field holds.
pub mod limits {
    use super::Limit;

    /// [`mac_address`](super::NetworkFacts::mac_address).
    pub const MAC_ADDRESS: Limit = Limit::new("mac_address", 17);
    /// [`ip_public`](super::NetworkFacts::ip_public): the longest text of an IPv6 address.
    pub const IP_PUBLIC: Limit = Limit::new("ip_public", 39);
    /// [`ip_local`](super::NetworkFacts::ip_local).
    pub const IP_LOCAL: Limit = Limit::new("ip_local", 39);
    /// [`dns_server`](super::NetworkFacts::dns_server).
    pub const DNS_SERVER: Limit = Limit::new("dns_server", 39);
    /// [`hostname`](super::NetworkFacts::hostname).
    pub const HOSTNAME: Limit = Limit::new("hostname", 63);
    /// [`iface`](super::NetworkFacts::iface): the kernel's IFNAMSIZ less its end.
    pub const IFACE: Limit = Limit::new("iface", 15);
    /// [`isp`](super::NetworkFacts::isp).
    pub const ISP: Limit = Limit::new("isp", 63);
    /// [`city`](super::NetworkFacts::city).
    pub const CITY: Limit = Limit::new("city", 63);
    /// [`region`](super::NetworkFacts::region).
    pub const REGION: Limit = Limit::new("region", 63);
    /// [`country`](super::NetworkFacts::country).
    pub const COUNTRY: Limit = Limit::new("country", 63);
}
