//! Processes whose end is what matters.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getpid, getppid, pidfd_open, pidfd_send_signal,
    setrlimit,
};

use crate::place::append;

/// Leaves a line, waits, and ends by `code N` or `signal N`.
pub(crate) fn later(file: &str, millis: u64, how: &[&str]) -> ExitCode {
    append(Path::new(file), "ran\n");
    thread::sleep(Duration::from_millis(millis));
    match how {
        ["code", code] => ExitCode::from(code.parse::<u8>().unwrap()),
        ["signal", signal] => by_signal(signal.parse().unwrap()),
        _ => panic!("code N or signal N, not {how:?}"),
    }
}

fn by_signal(number: i32) -> ExitCode {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).unwrap();
    let signal = Signal::from_named_raw(number).unwrap();
    send(getpid(), signal);
    // Rust handles SIGSEGV, looking for overflown stacks, and lets the next one through.
    send(getpid(), signal);
    panic!("signal {number} does not end a process");
}

/// Says who we were, so that somebody else can be given our pid, and takes those with us who would
/// tell how we ended.
pub(crate) fn with_those_above(file: &str) {
    let above = getppid().expect("we are not the first process");
    let stat = |pid: Pid| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = |stat: String| -> Vec<String> {
        // Behind the name, which may hold anything.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').map(str::to_owned).collect()
    };
    let further = fields(stat(above))[1].parse().ok().and_then(Pid::from_raw);
    let ticks = fields(stat(getpid()))[19].clone();
    append(Path::new(file), &format!("{} {ticks}\n", getpid()));
    send(above, Signal::KILL);
    if let Some(further) = further.filter(|pid| is_hostledger(*pid)) {
        send(further, Signal::KILL);
    }
}

/// Not the shell or the test that has started it.
fn is_hostledger(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("hostledger"))
}

fn send(pid: Pid, signal: Signal) {
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    pidfd_send_signal(&pidfd, signal).unwrap();
}
