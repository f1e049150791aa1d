//! Whether processes can be put into cgroups of their own.

use std::path::Path;

use hostledger_model::with_causes;
use hostledger_process::{Hierarchy, Means, NoCgroup};

use super::{Check, SWITCHED_ON};

const NAME: &str = "cgroup v2";

/// A group is made and removed again: nothing else tells for certain.
pub(super) fn check(means: Means) -> Check {
    match Hierarchy::find(Path::new("/"), means) {
        Ok(place) if place.has_kill() => {
            Check::good(NAME, "each process gets a group of its own, ended at once")
        }
        Ok(_) => Check::reduced(
            NAME,
            "each process gets a group of its own, ended one by one",
            "Linux 5.14 or later ends a group at once (cgroup.kill)",
        ),
        Err(error) => Check::reduced(NAME, without(&error), advice(&error)),
    }
}

fn without(error: &NoCgroup) -> String {
    format!(
        "{}; what a process has started is known by its links and its mark",
        with_causes(error)
    )
}

fn advice(error: &NoCgroup) -> &'static str {
    match error {
        NoCgroup::SwitchedOff => SWITCHED_ON,
        NoCgroup::NotMounted => "mount it: mount -t cgroup2 none /sys/fs/cgroup/unified",
        NoCgroup::Hidden { .. } => {
            "run the container with a cgroup namespace of its own (docker run --cgroupns=private)"
        }
        NoCgroup::ReadOnly { .. } => {
            "mount it writable in the container (podman run --security-opt unmask=/sys/fs/cgroup, \
             or docker run --privileged)"
        }
        NoCgroup::NotDelegated { .. } => {
            "have a group delegated: systemd-run --user --scope -p Delegate=yes hostledger …"
        }
        NoCgroup::Unusable { .. } => "run it in a group that is not below a threaded one",
        NoCgroup::Read { .. } => "mount /proc: mount -t proc proc /proc",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_switched_off_can_be_switched_on() {
        let check = check(Means::without("cgroup").unwrap());
        assert!(check.found.contains("switched off"), "{check:?}");
        assert_eq!(check.advice.as_deref(), Some(SWITCHED_ON));
    }
}
