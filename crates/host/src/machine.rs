//! What the machine is.

use std::path::PathBuf;

use serde::Serialize;
use tracing::debug;

use crate::dmi::Dmi;
use crate::environment::Environment;
use crate::kernel::Kernel;
use crate::root::HostRoot;
use crate::{container, guid, hypervisor, machine_id, operating_system, stats};

/// What the caller decides about the machine's identity and the disks that are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineOptions {
    /// The application the guid is derived for.
    pub application_id: String,
    /// Where the ledger keeps its data: the disk reported as `disk_data_*`, and the place of the
    /// machine id (`machine-id`, mode 0600) of a host that has none of its own.
    pub data_dir: PathBuf,
}

impl MachineOptions {
    /// With the application id `archivebox`, so that the host has the guid it has in ArchiveBox.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            application_id: "archivebox".to_owned(),
            data_dir: data_dir.into(),
        }
    }
}

/// The machine as detected. Texts are as long as the host gives them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectedMachine {
    /// As `Host::machine_guid` gives it.
    pub guid: String,
    /// The host name as in `uname(2)`.
    pub hostname: String,
    /// True in a container of any kind.
    pub hw_in_docker: bool,
    /// True in a virtual machine, containers inside one included.
    pub hw_in_vm: bool,
    /// The maker by DMI; else `Docker` in a container, `Unknown` outside.
    pub hw_manufacturer: String,
    /// The model by DMI; else `Container` in a container, `Unknown` outside.
    pub hw_product: String,
    /// The uuid by DMI, which root alone may read; else the machine id.
    pub hw_uuid: String,
    /// Such as `x86_64`.
    pub os_arch: String,
    /// Such as `linux`.
    pub os_family: String,
    /// Such as `Linux-6.1.0-x86_64-with-glibc2.36`.
    pub os_platform: String,
    /// Such as `Debian GNU/Linux 12 (bookworm)`.
    pub os_release: String,
    /// The kernel's build, such as `#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)`.
    pub os_kernel: String,
    /// Boot time, processors, load, memory and disks at this moment: an object whose keys are
    /// those that ArchiveBox writes, sizes in GiB and shares in percent. What is denied reads 0.0.
    pub stats: serde_json::Value,
}

pub(crate) fn detect(
    root: &HostRoot,
    kernel: &dyn Kernel,
    environment: &Environment,
    options: &MachineOptions,
) -> DetectedMachine {
    let machine_id = machine_id::machine_id(root, kernel, &options.data_dir);
    let uname = kernel.uname();
    let dmi = Dmi::read(root);
    let container = container::evidence(root, environment);
    let hypervisor = hypervisor::evidence(root, &dmi);
    debug!(container, hypervisor, "looked for virtualisation");
    let (maker, model) = if container.is_some() {
        ("Docker", "Container")
    } else {
        ("Unknown", "Unknown")
    };
    DetectedMachine {
        guid: guid::guid(&machine_id, &options.application_id),
        hw_in_docker: container.is_some(),
        hw_in_vm: hypervisor.is_some(),
        hw_manufacturer: dmi.sys_vendor.unwrap_or_else(|| maker.to_owned()),
        hw_product: dmi.product_name.unwrap_or_else(|| model.to_owned()),
        hw_uuid: dmi.product_uuid.unwrap_or(machine_id),
        os_family: uname.system.to_lowercase(),
        os_platform: operating_system::platform(root, &uname),
        os_release: operating_system::release(root, &uname),
        stats: stats::snapshot(root, kernel, environment, &options.data_dir),
        hostname: uname.node,
        os_arch: uname.machine,
        os_kernel: uname.version,
    }
}
