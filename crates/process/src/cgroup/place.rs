//! Where our own group is, by what the kernel says of mounts and of us.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::NoCgroup;

/// Where our group should be, by `/proc/self/cgroup` and `/proc/self/mountinfo` (proc(5)).
///
/// There can be several mounts, of which each shows a part of the hierarchy; the best first.
/// Whether a place is ours is for the reader to check: a container's mount may have been made in
/// another cgroup namespace, and then its root tells nothing.
pub(super) fn candidates(cgroup: &str, mountinfo: &str) -> Result<Vec<PathBuf>, NoCgroup> {
    let mounts: Vec<Mount> = mountinfo.lines().filter_map(mount).collect();
    if mounts.is_empty() {
        return Err(NoCgroup::NotMounted);
    }
    let own = cgroup.lines().find_map(|line| line.strip_prefix("0::"));
    let own = Path::new(own.ok_or(NoCgroup::NotMounted)?);
    let shown = mounts.iter().filter_map(|mount| {
        let below = own.strip_prefix(&mount.root).ok()?;
        Some(joined(&mount.point, below))
    });
    let elsewhere = mounts.iter().map(|mount| {
        let below = own.strip_prefix("/").unwrap_or(own);
        joined(&mount.point, below)
    });
    let mut places: Vec<PathBuf> = Vec::new();
    for place in shown.chain(elsewhere) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places)
}

/// A mounted part of the hierarchy.
struct Mount {
    /// Which group it shows at its mount point.
    root: PathBuf,
    point: PathBuf,
}

fn mount(line: &str) -> Option<Mount> {
    let (mount, kind) = line.split_once(" - ")?;
    if kind.split(' ').next() != Some("cgroup2") {
        return None;
    }
    let mut fields = mount.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    Some(Mount {
        root: unescaped(root),
        point: unescaped(point),
    })
}

fn joined(point: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() {
        point.to_owned()
    } else {
        point.join(below)
    }
}

/// Blanks and backslashes are written as three octal digits after a backslash.
fn unescaped(field: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 8).ok()
        });
        match octal.filter(|_| *first == b'\\') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(cgroup: &str, mountinfo: &str) -> Vec<String> {
        let found = candidates(cgroup, mountinfo).unwrap();
        found.iter().map(|it| it.display().to_string()).collect()
    }

    #[test]
    fn a_systemd_user_slice_is_found_below_a_pure_mount() {
        let cgroup = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n";
        let mountinfo = "24 30 0:22 / /proc rw,nosuid - proc proc rw\n\
            35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 \
            rw,nsdelegate,memory_recursiveprot\n";
        assert_eq!(
            places(cgroup, mountinfo),
            ["/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope"]
        );
    }

    #[test]
    fn a_hybrid_hierarchy_is_found_beside_the_old_ones() {
        let cgroup = "9:name=systemd:/\n4:memory:/process_api/6e11\n1:cpu:/\n0::/\n";
        let mountinfo = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        assert_eq!(places(cgroup, mountinfo), ["/sys/fs/cgroup/unified"]);
    }

    #[test]
    fn a_container_that_sees_the_hosts_names_has_its_own_group_at_the_mount() {
        let mountinfo = "988 980 0:26 /docker/4f2a /sys/fs/cgroup ro,nosuid,nodev - cgroup2 cgroup \
            rw,nsdelegate\n";
        let host_names = places("0::/docker/4f2a\n", mountinfo);
        assert_eq!(host_names.first().unwrap(), "/sys/fs/cgroup");
        let nested = places("0::/docker/4f2a/inner\n", mountinfo);
        assert_eq!(nested.first().unwrap(), "/sys/fs/cgroup/inner");
        // In a cgroup namespace of its own, with a mount from outside of it.
        assert_eq!(places("0::/\n", mountinfo), ["/sys/fs/cgroup"]);
    }

    #[test]
    fn the_old_hierarchies_alone_are_none() {
        let mountinfo = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        let none = candidates("2:cpu:/\n1:name=systemd:/x\n", mountinfo);
        assert!(matches!(none, Err(NoCgroup::NotMounted)));
        let unified = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert!(
            candidates("2:cpu:/\n", unified).is_err(),
            "we are not in it"
        );
    }

    #[test]
    fn a_mount_point_may_have_blanks() {
        let mountinfo = r"41 31 0:38 / /mnt/my\040groups\134x rw shared:1 master:2 - cgroup2 c rw";
        assert_eq!(places("0::/a\n", mountinfo), [r"/mnt/my groups\x/a"]);
    }
}
