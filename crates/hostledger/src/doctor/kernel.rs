//! What the kernel offers for processes.

use hostledger_process::{Features, PidSpace};

use super::Check;

pub(super) fn checks() -> Vec<Check> {
    let mut checks = vec![release(), proc()];
    match Features::probe() {
        Ok(features) => checks.extend(features_checks(features)),
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

fn features_checks(features: Features) -> [Check; 4] {
    let newer = |name, there: bool, offers: &str, instead: &str, since: &str| {
        if there {
            Check::good(name, offers)
        } else {
            Check::reduced(name, instead, format!("Linux {since} or later has it"))
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
            "processes are told apart by inode",
            "processes are told apart by pid and start time",
            "6.9",
        ),
        newer(
            "group signals",
            features.group_signal,
            "a group is signalled through its leader's descriptor",
            "only our own children's groups can be signalled",
            "6.9",
        ),
        newer(
            "exit info",
            features.exit_info,
            "exit codes are told to others than the parent",
            "the end of a process whose supervisor has died is lost",
            "6.15",
        ),
    ]
}
