//! The id that a host was given at installation, or that stands for it.
//!
//! The order is that of py-machineid (which ArchiveBox uses), so that both programs name a host
//! by the same id.

use std::path::Path;

use tracing::{debug, info, warn};

use crate::kept_id;
use crate::kernel::Kernel;
use crate::root::HostRoot;

/// Where D-Bus and systemd keep it: `dbus-uuidgen(1)`, `machine-id(5)`.
const FILES: [&str; 2] = ["/var/lib/dbus/machine-id", "/etc/machine-id"];

/// The host's machine id; never empty.
///
/// A host that has none gets one made once and kept in `data_dir`; where that is impossible too,
/// one that holds for this boot.
pub(crate) fn machine_id(root: &HostRoot, kernel: &dyn Kernel, data_dir: &Path) -> String {
    if let Some(id) = own_id(root) {
        return id;
    }
    match kept_id::read_or_make(data_dir) {
        Ok(id) => id,
        Err(error) => {
            let id = id_of_this_boot(root, kernel);
            warn!(
                error = &error as &dyn std::error::Error,
                id, "this host has no machine id and none can be kept: using one for this boot"
            );
            id
        }
    }
}

fn own_id(root: &HostRoot) -> Option<String> {
    for file in FILES {
        if let Some(id) = root.text(file).and_then(|text| from_file(&text)) {
            return Some(id);
        }
    }
    let id = root
        .text("/proc/self/cgroup")
        .and_then(|text| from_cgroup(&text))
        .or_else(|| {
            root.text("/proc/self/mountinfo")
                .and_then(|text| from_mountinfo(&text))
        });
    match &id {
        Some(id) => debug!(
            id,
            "no machine-id file: using the id of the docker container"
        ),
        None => info!("this host has no machine id of its own"),
    }
    id
}

/// The same in every container of the host until it boots again, hence the host name in it.
fn id_of_this_boot(root: &HostRoot, kernel: &dyn Kernel) -> String {
    let boot = root
        .value("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default();
    format!("{}-{boot}", kernel.uname().node)
}

/// White space and control characters mean nothing in an id, wherever they are. systemd writes
/// `uninitialized` into an image that has not been booted yet (`machine-id(5)`).
fn from_file(text: &str) -> Option<String> {
    let id: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .collect();
    (!id.is_empty() && id != "uninitialized").then_some(id)
}

/// The third `/`-separated part of the first line: `12:pids:/docker/<id>`.
fn from_cgroup(text: &str) -> Option<String> {
    if !text.contains("docker") {
        return None;
    }
    from_file(text.lines().next()?.split('/').nth(2)?)
}

/// What lies between `docker/containers/` and `/hostname`: docker mounts that file of the
/// container over `/etc/hostname`.
fn from_mountinfo(text: &str) -> Option<String> {
    text.match_indices("docker/containers/")
        .find_map(|(start, prefix)| {
            let (id, rest) = text[start + prefix.len()..].split_once('/')?;
            let is_hex =
                !id.is_empty() && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            (is_hex && rest.starts_with("hostname")).then(|| id.to_owned())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_control_characters_are_stripped() {
        assert_eq!(
            from_file(" 3d12\u{7f}19\tc7\n\0").as_deref(),
            Some("3d1219c7")
        );
        assert_eq!(from_file("\n \t"), None);
    }

    #[test]
    fn an_image_that_was_not_booted_yet_has_no_id() {
        assert_eq!(from_file("uninitialized\n"), None);
    }

    #[test]
    fn the_container_is_the_third_part_of_the_first_line() {
        let text = "12:pids:/docker/4f5a\n11:cpu:/docker/9999\n";
        assert_eq!(from_cgroup(text).as_deref(), Some("4f5a"));
        assert_eq!(from_cgroup("1:cpu:/lxc/4f5a\n"), None);
        assert_eq!(from_cgroup("0::/\n1:cpu:/docker/4f5a\n"), None);
        assert_eq!(from_cgroup("0::/docker/\n"), None);
        assert_eq!(from_cgroup(""), None);
    }

    #[test]
    fn the_container_is_in_the_mount_of_its_hostname() {
        let text = "\
            561 550 254:1 /docker/containers/aa11/resolv.conf /etc/resolv.conf rw - ext4 /d rw\n\
            562 550 254:1 /var/lib/docker/containers/aa11/hostname /etc/hostname rw - ext4 /d rw\n";
        assert_eq!(from_mountinfo(text).as_deref(), Some("aa11"));
        assert_eq!(from_mountinfo("docker/containers/AA11/hostname"), None);
        assert_eq!(from_mountinfo("docker/containers//hostname"), None);
        assert_eq!(from_mountinfo("docker/containers/aa11"), None);
    }
}
