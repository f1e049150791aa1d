//! The control groups of this process, as `/proc/self/cgroup` lists them: `cgroups(7)`.

/// The paths of the groups, one for each line `hierarchy:controllers:path`.
pub(crate) fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.splitn(3, ':').nth(2))
}

/// True when the unified hierarchy (version 2) is the only one.
pub(crate) fn is_unified(text: &str) -> bool {
    let mut lines = text.lines().peekable();
    lines.peek().is_some() && lines.all(|line| line.starts_with("0::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_hold_colons() {
        let text = "12:cpu,cpuacct:/kubepods/pod1:cri-containerd:9\n0::/\nnonsense\n";
        let all: Vec<_> = paths(text).collect();
        assert_eq!(all, ["/kubepods/pod1:cri-containerd:9", "/"]);
    }

    #[test]
    fn only_version_2_alone_is_unified() {
        assert!(is_unified("0::/user.slice\n"));
        assert!(!is_unified("1:name=systemd:/\n0::/\n"));
        assert!(!is_unified(""));
    }
}
