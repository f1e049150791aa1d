//! What the kernel offers for processes.

use hostledger_process::{Features, Means, PidSpace};

use super::{Check, SWITCHED_ON};

pub(super) fn checks(means: Means) -> Vec<Check> {
    let mut checks = vec![release(), proc()];
    match Features::probe() {
        Ok(features) => checks.extend(features_checks(features, means)),
        Err(error) => checks.push(Check::bad(
            "pidfd",
            format!("no process can be held by a descriptor: {error}"),
            "use Linux 5.10 or later, and allow pidfd_open and clone in the container's seccomp profile",
        )),
    }
    checks
}

fn release() -> Check {
    let uname = rustix::system::uname();
    Check::good(
        "kernel",
        format!("Linux {}", uname.release().to_string_lossy()),
    )
}

fn proc() -> Check {
    match PidSpace::current() {
        Ok(_) => Check::good("/proc", "shows our processes"),
        Err(error) => Check::bad(
            "/proc",
            error.to_string(),
            "mount /proc of this pid namespace: mount -t proc proc /proc",
        ),
    }
}

fn features_checks(features: Features, means: Means) -> [Check; 4] {
    let newer = |name, there: bool, on: bool, offers: &str, instead: &str, since: &str| {
        if !there {
            Check::reduced(name, instead, format!("Linux {since} or later has it"))
        } else if !on {
            Check::reduced(name, format!("switched off: {instead}"), SWITCHED_ON)
        } else {
            Check::good(name, offers)
        }
    };
    [
        Check::good(
            "pidfd",
            "processes are held by descriptors, signals cannot go astray",
        ),
        newer(
            "pidfs",
            features.pidfs,
            means.pidfs,
            "processes are told apart by inode",
            "processes are told apart by pid and start time",
            "6.9",
        ),
        newer(
            "group signals",
            features.group_signal,
            true,
            "a group is signalled through its leader's descriptor",
            "only our own children's groups can be signalled",
            "6.9",
        ),
        newer(
            "pidfd exit info",
            features.exit_info,
            means.exit_info,
            "exit codes are told to others than the parent",
            "an exit code is lost when keeper and launcher have both been killed",
            "6.15",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn what_the_kernel_lacks_and_what_is_switched_off_are_told_apart() {
        let features = |there| Features {
            pidfs: there,
            group_signal: there,
            exit_info: there,
        };
        let without = Means::without("pidfs").unwrap();
        let [_, pidfs, _, exit_info] = features_checks(features(true), without);
        assert_eq!(pidfs.verdict, Verdict::Reduced);
        assert_eq!(pidfs.advice.as_deref(), Some(SWITCHED_ON));
        assert_eq!(exit_info.verdict, Verdict::Good);
        let [_, pidfs, _, _] = features_checks(features(false), Means::all());
        assert!(pidfs.advice.unwrap().contains("6.9"));
    }
}
