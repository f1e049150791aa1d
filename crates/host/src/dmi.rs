//! What the firmware says of the hardware: the DMI tables, as the kernel shows them in sysfs.

use tracing::debug;

use crate::root::HostRoot;

/// Fields of `/sys/class/dmi/id`; absent where there is no such firmware (containers with a
/// masked `/sys`, Firecracker, most ARM boards) or, for the uuid, no right to read it.
#[derive(Debug, Default)]
pub(crate) struct Dmi {
    pub(crate) sys_vendor: Option<String>,
    pub(crate) product_name: Option<String>,
    pub(crate) product_uuid: Option<String>,
    pub(crate) board_vendor: Option<String>,
    pub(crate) bios_vendor: Option<String>,
    pub(crate) product_version: Option<String>,
}

impl Dmi {
    pub(crate) fn read(root: &HostRoot) -> Self {
        let field = |name: &str| root.value(&format!("/sys/class/dmi/id/{name}"));
        let dmi = Self {
            sys_vendor: field("sys_vendor"),
            product_name: field("product_name"),
            product_uuid: field("product_uuid").filter(|uuid| is_set(uuid)),
            board_vendor: field("board_vendor"),
            bios_vendor: field("bios_vendor"),
            product_version: field("product_version"),
        };
        if dmi.sys_vendor.is_none() || dmi.product_name.is_none() || dmi.product_uuid.is_none() {
            debug!(?dmi, "the firmware does not tell all of the hardware");
        }
        dmi
    }
}

/// All digits 0 mean that no uuid is set, all F that none is there: SMBIOS specification 7.2.1.
fn is_set(uuid: &str) -> bool {
    let mut digits = uuid.bytes().filter(|byte| *byte != b'-').peekable();
    let first = digits.peek().copied();
    !matches!(first, None | Some(b'0' | b'f' | b'F')) || digits.any(|byte| Some(byte) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_of_zeros_or_ones_is_none() {
        assert!(is_set("4c4c4544-0042-3510-8056-b7c04f4b4d32"));
        assert!(is_set("00000000-0000-0000-0000-ac1f6bd30000"));
        assert!(!is_set("00000000-0000-0000-0000-000000000000"));
        assert!(!is_set("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"));
        assert!(!is_set("--"));
    }
}
