//! Xen's first domain, which looks virtual and is not.

use crate::root::HostRoot;

/// `XENFEAT_dom0` in Xen's `public/features.h`.
const FEATURE_DOM0: u32 = 11;

/// Where Xen puts this system.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Xen {
    /// There is no Xen.
    Absent,
    /// The control domain: it drives the hardware of the machine.
    Dom0,
    /// A guest.
    Guest,
}

/// `/proc/xen` is there under Xen; the features word (hex without a prefix) or, from older
/// kernels, the list of capabilities tells the control domain from a guest.
pub(crate) fn detect(root: &HostRoot) -> Xen {
    if !root.exists("/proc/xen") {
        return Xen::Absent;
    }
    let features = root
        .value("/sys/hypervisor/properties/features")
        .and_then(|text| u64::from_str_radix(&text, 16).ok());
    let is_dom0 = match features {
        Some(features) => features & (1 << FEATURE_DOM0) != 0,
        None => root
            .value("/proc/xen/capabilities")
            .is_some_and(|capabilities| capabilities.split(',').any(|c| c.trim() == "control_d")),
    };
    if is_dom0 { Xen::Dom0 } else { Xen::Guest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect_with(files: &[(&str, &str)]) -> Xen {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        detect(&HostRoot::new(directory.path()))
    }

    #[test]
    fn the_control_domain_is_told_from_a_guest() {
        let features = "sys/hypervisor/properties/features";
        let capabilities = "proc/xen/capabilities";
        assert_eq!(detect_with(&[]), Xen::Absent);
        assert_eq!(detect_with(&[(capabilities, "control_d\n")]), Xen::Dom0);
        assert_eq!(detect_with(&[(capabilities, "")]), Xen::Guest);
        assert_eq!(
            detect_with(&[(capabilities, ""), (features, "00002b05")]),
            Xen::Dom0
        );
        assert_eq!(
            detect_with(&[(capabilities, "control_d"), (features, "2705\n")]),
            Xen::Guest
        );
    }
}
