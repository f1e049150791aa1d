//! Whether this host is a virtual machine.

use crate::dmi::Dmi;
use crate::root::HostRoot;
use crate::xen::{self, Xen};

/// How DMI fields of virtual machines begin.
///
/// `Oracle Corporation` is VirtualBox's board vendor; systemd takes it as a sign too, though old
/// Sun servers have it as well.
const VIRTUAL_DMI: [&str; 20] = [
    "KVM",
    "OpenStack",
    "KubeVirt",
    "QEMU",
    "VMware",
    "VMW",
    "innotek GmbH",
    "VirtualBox",
    "Oracle Corporation",
    "Xen",
    "HVM domU",
    "Bochs",
    "Parallels",
    "BHYVE",
    "Hyper-V",
    "Apple Virtualization",
    "Google Compute Engine",
    "DigitalOcean",
    "Firecracker",
    "Cloud Hypervisor",
];

/// The `flags` of the first processor stand within the first two or three kilobytes.
const CPUINFO_HEAD: u64 = 16 << 10;

/// What shows that this host is a virtual machine, in words for the log; `None` on bare metal.
///
/// Follows the order of systemd's `detect_vm` so that it agrees with `systemd-detect-virt --vm`.
pub(crate) fn evidence(root: &HostRoot, dmi: &Dmi) -> Option<String> {
    if let Some(field) = virtual_dmi(root, dmi) {
        return Some(format!("DMI: {field}"));
    }
    if has_virtual_machine_bit(root) {
        return Some("SMBIOS".to_owned());
    }
    let cpuinfo = root.head("/proc/cpuinfo", CPUINFO_HEAD).unwrap_or_default();
    let cpuinfo = String::from_utf8_lossy(&cpuinfo);
    if is_user_mode_linux(&cpuinfo) {
        return Some("User Mode Linux".to_owned());
    }
    match xen::detect(root) {
        Xen::Guest => return Some("/proc/xen".to_owned()),
        // The control domain has the flag and the type of a guest.
        Xen::Dom0 => return None,
        Xen::Absent => {}
    }
    if has_hypervisor_flag(&cpuinfo) {
        return Some("hypervisor flag of the processor".to_owned());
    }
    if let Some(kind) = root.value("/sys/hypervisor/type") {
        return Some(format!("/sys/hypervisor/type: {kind}"));
    }
    device_tree(root).or_else(|| z_vm(root))
}

fn virtual_dmi<'a>(root: &HostRoot, dmi: &'a Dmi) -> Option<&'a str> {
    let Dmi {
        sys_vendor,
        product_name,
        board_vendor,
        bios_vendor,
        product_version,
        ..
    } = dmi;
    let fields = [
        product_name,
        sys_vendor,
        board_vendor,
        bios_vendor,
        product_version,
    ];
    for field in fields.into_iter().filter_map(|field| field.as_deref()) {
        if field.starts_with("Amazon EC2") {
            return is_virtual_ec2(root, dmi).then_some(field);
        }
        if VIRTUAL_DMI.iter().any(|start| field.starts_with(start)) {
            return Some(field);
        }
    }
    // Bare metal of the same vendor has another product.
    (sys_vendor.as_deref() == Some("Microsoft Corporation"))
        .then_some(product_name.as_deref())
        .flatten()
        .filter(|product| *product == "Virtual Machine")
}

/// EC2's bare metal has the same vendor: the SMBIOS bit tells, or else the name of the instance
/// type (`m5.metal`, `c7g.metal-48xl`).
fn is_virtual_ec2(root: &HostRoot, dmi: &Dmi) -> bool {
    virtual_machine_bit(root).unwrap_or_else(|| {
        let product = dmi.product_name.as_deref().unwrap_or_default();
        let after = product.split_once(".metal").map(|(_, after)| after);
        !after.is_some_and(|after| after.is_empty() || after.starts_with('-'))
    })
}

fn has_virtual_machine_bit(root: &HostRoot) -> bool {
    virtual_machine_bit(root) == Some(true)
}

/// Bit 4 of the second extension byte of the BIOS characteristics: SMBIOS specification 7.1.2.2.
/// Readable by root only, and unset by some hypervisors.
fn virtual_machine_bit(root: &HostRoot) -> Option<bool> {
    let table = root.bytes("/sys/firmware/dmi/entries/0-0/raw")?;
    let length = *table.get(1)?;
    let extension = *table.get(0x13)?;
    (length > 0x13).then_some(extension & (1 << 4) != 0)
}

fn is_user_mode_linux(cpuinfo: &str) -> bool {
    field(cpuinfo, "vendor_id").is_some_and(|vendor| vendor.starts_with("User Mode Linux"))
}

/// Leaf 1 of CPUID sets this bit under a hypervisor; the kernel shows it as a flag on x86.
fn has_hypervisor_flag(cpuinfo: &str) -> bool {
    field(cpuinfo, "flags").is_some_and(|flags| {
        flags
            .split_ascii_whitespace()
            .any(|flag| flag == "hypervisor")
    })
}

/// The first `name : value` of cpuinfo.
fn field<'a>(cpuinfo: &'a str, name: &str) -> Option<&'a str> {
    cpuinfo.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim_end() == name).then(|| value.trim())
    })
}

/// ARM, POWER and RISC-V machines without DMI describe themselves in a device tree.
fn device_tree(root: &HostRoot) -> Option<String> {
    let tree = "/proc/device-tree";
    if !root.exists(tree) {
        return None;
    }
    if let Some(kind) = root.value(&format!("{tree}/hypervisor/compatible")) {
        return Some(format!("device tree: hypervisor {kind}"));
    }
    let has = |node: &str| root.exists(&format!("{tree}/{node}"));
    if has("ibm,partition-name") && has("hmc-managed?") && !has("chosen/qemu,graphic-width") {
        return Some("device tree: PowerVM partition".to_owned());
    }
    if root.names(tree).iter().any(|name| name.contains("fw-cfg")) {
        return Some("device tree: fw-cfg of QEMU".to_owned());
    }
    (root.value(&format!("{tree}/compatible")).as_deref() == Some("qemu,pseries"))
        .then(|| "device tree: qemu,pseries".to_owned())
}

/// On IBM Z the control program under which Linux runs is named in `/proc/sysinfo`.
fn z_vm(root: &HostRoot) -> Option<String> {
    root.text("/proc/sysinfo")?
        .lines()
        .find(|line| line.starts_with("VM00 Control Program"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hypervisor_flag_is_a_whole_word_of_the_flags() {
        assert!(has_hypervisor_flag(
            "processor\t: 0\nflags\t\t: fpu hypervisor lm\n"
        ));
        assert!(!has_hypervisor_flag(
            "flags\t\t: fpu hypervisors\nmodel name\t: hypervisor\n"
        ));
        assert!(!has_hypervisor_flag(""));
    }

    fn evidence_in(files: &[(&str, &[u8])]) -> Option<String> {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let root = HostRoot::new(directory.path());
        evidence(&root, &Dmi::read(&root))
    }

    const VENDOR: &str = "sys/class/dmi/id/sys_vendor";
    const PRODUCT: &str = "sys/class/dmi/id/product_name";
    const SMBIOS: &str = "sys/firmware/dmi/entries/0-0/raw";

    #[test]
    fn every_known_hypervisor_is_known_by_the_vendor_alone() {
        for vendor in VIRTUAL_DMI {
            assert!(
                evidence_in(&[(VENDOR, vendor.as_bytes())]).is_some(),
                "{vendor}"
            );
        }
    }

    #[test]
    fn makers_of_hardware_and_software_are_told_apart_by_the_product() {
        let on = |vendor: &str, product: &str| {
            evidence_in(&[(VENDOR, vendor.as_bytes()), (PRODUCT, product.as_bytes())]).is_some()
        };
        assert!(on("Microsoft Corporation", "Virtual Machine"));
        assert!(!on("Microsoft Corporation", "Surface Laptop 4"));
        assert!(on("Google", "Google Compute Engine"));
        assert!(!on("Google", "Morphius"));
        assert!(on("Amazon EC2", "m5.large"));
        assert!(!on("Amazon EC2", "m5.metal"));
        assert!(!on("Amazon EC2", "c7g.metal-48xl"));
        assert!(on("Amazon EC2", "x.metallic"));
    }

    #[test]
    fn smbios_decides_on_ec2_before_the_name() {
        let mut table = [0_u8; 24];
        table[1] = 24;
        let unset = table;
        table[0x13] = 1 << 4;
        let large: &[u8] = b"m5.large";
        assert!(
            evidence_in(&[(VENDOR, b"Amazon EC2"), (PRODUCT, large), (SMBIOS, &unset)]).is_none()
        );
        assert!(evidence_in(&[(VENDOR, b"Amazon EC2"), (SMBIOS, &table)]).is_some());
        assert!(evidence_in(&[(VENDOR, b"Unheard Of"), (SMBIOS, &table)]).is_some());
        table[1] = 0x12;
        assert!(evidence_in(&[(VENDOR, b"Unheard Of"), (SMBIOS, &table)]).is_none());
        assert!(evidence_in(&[(SMBIOS, b"\0")]).is_none());
    }

    #[test]
    fn the_control_domain_of_xen_is_bare_metal_and_its_guests_are_not() {
        let flags: (&str, &[u8]) = ("proc/cpuinfo", b"flags : hypervisor");
        let kind: (&str, &[u8]) = ("sys/hypervisor/type", b"xen\n");
        let dom0: (&str, &[u8]) = ("proc/xen/capabilities", b"control_d\n");
        let guest: (&str, &[u8]) = ("proc/xen/capabilities", b"");
        assert_eq!(evidence_in(&[flags, kind, dom0]), None);
        assert!(evidence_in(&[kind, guest]).is_some());
        assert!(evidence_in(&[kind]).is_some());
    }

    #[test]
    fn machines_without_dmi_are_known_by_other_marks() {
        assert!(
            evidence_in(&[("proc/device-tree/hypervisor/compatible", b"linux,kvm\0")]).is_some()
        );
        assert!(evidence_in(&[("proc/device-tree/fw-cfg@9020000/reg", b"")]).is_some());
        assert!(evidence_in(&[("proc/device-tree/compatible", b"qemu,pseries\0")]).is_some());
        assert!(evidence_in(&[("proc/device-tree/model", b"Raspberry Pi 4\0")]).is_none());
        assert!(evidence_in(&[("proc/sysinfo", b"VM00 Control Program: z/VM 7.2\n")]).is_some());
        assert!(evidence_in(&[("proc/cpuinfo", b"vendor_id\t: User Mode Linux\n")]).is_some());
    }
}
