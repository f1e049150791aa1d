//! Machine: a host that runs things.

use serde_json::{Map, Value};

use crate::limit::Limit;
use crate::{Health, MachineId, Timestamp};

/// A host that runs things, found again by its [`guid`](MachineFacts::guid).
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Its id in the ledger.
    pub id: MachineId,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row was last written; detected facts are trusted for 7 days from here.
    pub modified_at: Timestamp,
    /// How often processes on it succeeded and failed.
    pub health: Health,
    /// What was learnt about the host.
    pub facts: MachineFacts,
    /// The machine's derived configuration; an object, or nothing.
    pub config: Option<Value>,
}

/// What can be learnt by looking at a host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MachineFacts {
    /// Stable, unique name of the host: lower-case hex of an HMAC over its machine id.
    pub guid: String,
    /// Its name on the network.
    pub hostname: String,
    /// Whether this is a container.
    pub hw_in_docker: bool,
    /// Whether this is a virtual machine.
    pub hw_in_vm: bool,
    /// Who made the hardware.
    pub hw_manufacturer: String,
    /// What the hardware is called.
    pub hw_product: String,
    /// The hardware's uuid, or the machine id.
    pub hw_uuid: String,
    /// Instruction set, such as `x86_64`.
    pub os_arch: String,
    /// Kind of operating system, such as `linux`.
    pub os_family: String,
    /// Kernel release, architecture and libc in one text.
    pub os_platform: String,
    /// Name of the distribution.
    pub os_release: String,
    /// Version text of the kernel.
    pub os_kernel: String,
    /// Load, memory, swap and disks when it was looked at.
    pub stats: Option<Value>,
}

impl MachineFacts {
    /// The facts with every text cut to what its field holds.
    #[must_use]
    pub fn cut(self) -> Self {
        Self {
            guid: limits::GUID.cut(self.guid),
            hostname: limits::HOSTNAME.cut(self.hostname),
            hw_in_docker: self.hw_in_docker,
            hw_in_vm: self.hw_in_vm,
            hw_manufacturer: limits::HW_MANUFACTURER.cut(self.hw_manufacturer),
            hw_product: limits::HW_PRODUCT.cut(self.hw_product),
            hw_uuid: limits::HW_UUID.cut(self.hw_uuid),
            os_arch: limits::OS_ARCH.cut(self.os_arch),
            os_family: limits::OS_FAMILY.cut(self.os_family),
            os_platform: limits::OS_PLATFORM.cut(self.os_platform),
            os_release: limits::OS_RELEASE.cut(self.os_release),
            os_kernel: limits::OS_KERNEL.cut(self.os_kernel),
            stats: self.stats,
        }
    }
}

impl Machine {
    /// A new row for a host, with the facts cut to their limits.
    #[must_use]
    pub fn new(facts: MachineFacts, now: Timestamp) -> Self {
        Self {
            id: MachineId::generate(),
            created_at: now,
            modified_at: now,
            health: Health::default(),
            facts: facts.cut(),
            config: Some(Value::Object(Map::new())),
        }
    }

    /// The configuration as an object; empty when the row holds none.
    #[must_use]
    pub fn config_object(&self) -> Map<String, Value> {
        match &self.config {
            Some(Value::Object(config)) => config.clone(),
            _ => Map::new(),
        }
    }
}

/// How many characters each field holds.
pub mod limits {
    use super::Limit;

    /// [`guid`](super::MachineFacts::guid).
    pub const GUID: Limit = Limit::new("guid", 64);
    /// [`hostname`](super::MachineFacts::hostname).
    pub const HOSTNAME: Limit = Limit::new("hostname", 63);
    /// [`hw_manufacturer`](super::MachineFacts::hw_manufacturer).
    pub const HW_MANUFACTURER: Limit = Limit::new("hw_manufacturer", 63);
    /// [`hw_product`](super::MachineFacts::hw_product).
    pub const HW_PRODUCT: Limit = Limit::new("hw_product", 63);
    /// [`hw_uuid`](super::MachineFacts::hw_uuid).
    pub const HW_UUID: Limit = Limit::new("hw_uuid", 255);
    /// [`os_arch`](super::MachineFacts::os_arch).
    pub const OS_ARCH: Limit = Limit::new("os_arch", 15);
    /// [`os_family`](super::MachineFacts::os_family).
    pub const OS_FAMILY: Limit = Limit::new("os_family", 15);
    /// [`os_platform`](super::MachineFacts::os_platform).
    pub const OS_PLATFORM: Limit = Limit::new("os_platform", 63);
    /// [`os_release`](super::MachineFacts::os_release).
    pub const OS_RELEASE: Limit = Limit::new("os_release", 63);
    /// [`os_kernel`](super::MachineFacts::os_kernel).
    pub const OS_KERNEL: Limit = Limit::new("os_kernel", 255);
}
