//! Whether there is a cgroup v2 hierarchy to put processes into.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::Check;

const NAME: &str = "cgroup v2";
const ADVICE: &str = "run under systemd-run --user --scope -p Delegate=yes, or as root where the \
                      hierarchy is mounted writable; without one, trees are known by their links";

pub(super) fn check() -> Check {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let Some(mount) = mount_point(&read("/proc/self/mountinfo")) else {
        return Check::reduced(NAME, "no cgroup v2 hierarchy is mounted", ADVICE);
    };
    let groups = read("/proc/self/cgroup");
    let Some(group) = own_group(&groups) else {
        return Check::reduced(NAME, "this process is in no cgroup v2 group", ADVICE);
    };
    let path = mount.join(group.trim_start_matches('/'));
    if is_writable(&path) {
        Check::good(NAME, format!("writable at {}", path.display()))
    } else {
        Check::reduced(NAME, format!("not writable at {}", path.display()), ADVICE)
    }
}

/// Groups can be made below it, and processes moved into them.
fn is_writable(group: &Path) -> bool {
    let writable = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    writable(group) && writable(&group.join("cgroup.procs"))
}

/// Where the v2 hierarchy is mounted, by /proc/self/mountinfo (proc(5)).
fn mount_point(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let is_v2 = kind.split(' ').next() == Some("cgroup2");
        is_v2
            .then(|| mount.split(' ').nth(4).map(PathBuf::from))
            .flatten()
    })
}

/// Our group in it, by /proc/self/cgroup (cgroups(7)).
fn own_group(cgroup: &str) -> Option<&str> {
    cgroup.lines().find_map(|line| line.strip_prefix("0::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_v2_hierarchy_is_found_among_others() {
        let hybrid = "25 30 0:22 / /sys/fs/cgroup/cpu rw,nosuid - cgroup cgroup rw,cpu\n\
                      26 30 0:23 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(mount_point(hybrid), Some("/sys/fs/cgroup/unified".into()));
        let v1 = "25 30 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        assert_eq!(mount_point(v1), None);
        assert_eq!(
            own_group("1:cpu:/x\n0::/user.slice/a\n"),
            Some("/user.slice/a")
        );
        assert_eq!(own_group("1:cpu:/x\n"), None);
    }
}
