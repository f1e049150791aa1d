//! Whether this process runs in a container.

use crate::cgroup;
use crate::environment::Environment;
use crate::root::HostRoot;

/// Files that a container manager leaves in the container: Docker, Podman.
const MARKER_FILES: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// Where the container's name reaches processes other than its first one:
/// <https://systemd.io/CONTAINER_INTERFACE>.
const MANAGER_FILES: [&str; 2] = ["/run/host/container-manager", "/run/systemd/container"];

/// Container managers as they appear in the names of control groups.
const MANAGERS: [&str; 6] = [
    "docker",
    "containerd",
    "podman",
    "libpod",
    "kubepods",
    "lxc",
];

/// What shows that this process runs in a container, in words for the log; `None` outside of one.
///
/// Agrees with `systemd-detect-virt --container` but for WSL and proot, which systemd counts as
/// containers: WSL 2 is a virtual machine with a kernel of its own, proot a file system view.
pub(crate) fn evidence(root: &HostRoot, environment: &Environment) -> Option<String> {
    if environment.says_container() {
        return Some("IN_DOCKER in the environment".to_owned());
    }
    if let Some(file) = MARKER_FILES.into_iter().find(|file| root.exists(file)) {
        return Some(file.to_owned());
    }
    let groups = root.text("/proc/self/cgroup").unwrap_or_default();
    if let Some(path) = cgroup::paths(&groups).find(|path| is_of_container(path)) {
        return Some(format!("control group {path}"));
    }
    for file in MANAGER_FILES {
        if let Some(manager) = root.value(file) {
            return Some(format!("{file}: {manager}"));
        }
    }
    // Readable with the rights over pid 1 only.
    let first_process = root.bytes("/proc/1/environ").unwrap_or_default();
    if let Some(manager) = container_variable(&first_process) {
        return Some(format!("container={manager} of pid 1"));
    }
    if root.exists("/proc/vz") && !root.exists("/proc/bc") {
        return Some("OpenVZ: /proc/vz without /proc/bc".to_owned());
    }
    in_cgroup_namespace(root, &groups).then(|| "a control group namespace".to_owned())
}

/// A group that a manager made for a container. The manager's own service on the host, such as
/// `/system.slice/docker.service`, is none.
fn is_of_container(path: &str) -> bool {
    path.split('/').any(|segment| {
        !segment.ends_with(".service") && MANAGERS.iter().any(|name| segment.contains(name))
    })
}

/// The value of `container=` in a NUL-separated environment.
fn container_variable(environ: &[u8]) -> Option<String> {
    environ
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(b"container="))
        .filter(|value| !value.is_empty())
        .map(|value| String::from_utf8_lossy(value).into_owned())
}

/// True when what is mounted as the root of the control groups is not their true root, as in a
/// Kubernetes pod, which bears no other mark. The files tell, as systemd found out: the true root
/// has `release_agent` (version 1) and lacks `cgroup.events` and `cgroup.type` (version 2).
fn in_cgroup_namespace(root: &HostRoot, groups: &str) -> bool {
    if cgroup::is_unified(groups) {
        root.exists("/sys/fs/cgroup/cgroup.events")
            // Kernels before 4.14 have neither `cgroup.type` nor `features`.
            && (root.exists("/sys/fs/cgroup/cgroup.type")
                || !root.exists("/sys/kernel/cgroup/features"))
    } else {
        root.exists("/sys/fs/cgroup/systemd")
            && !root.exists("/sys/fs/cgroup/systemd/release_agent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_of_containers_are_told_from_those_of_their_managers() {
        for container in [
            "/docker/4f5a",
            "/system.slice/docker-4f5a.scope",
            "/kubepods.slice/kubepods-besteffort.slice/cri-containerd-1.scope",
            "/system.slice/containerd.service/kubepods-pod1:cri-containerd:2",
            "/machine.slice/libpod-4f5a.scope",
            "/lxc.payload.web/init.scope",
            "/../docker-1/x.service",
        ] {
            assert!(is_of_container(container), "{container}");
        }
        for host in [
            "/",
            "/init.scope",
            "/system.slice/docker.service",
            "/system.slice/lxc.service",
        ] {
            assert!(!is_of_container(host), "{host}");
        }
    }

    #[test]
    fn an_empty_container_variable_says_no() {
        assert_eq!(
            container_variable(b"A=1\0container=lxc\0").as_deref(),
            Some("lxc")
        );
        assert_eq!(container_variable(b"A=1\0container=\0"), None);
        assert_eq!(container_variable(b"not_container=x"), None);
        assert_eq!(container_variable(b""), None);
    }
}
