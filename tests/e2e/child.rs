//! How a program finds the world when it is run.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use hostledger_tests::{Ledger, Started, environment_of};

use crate::background::Background;

/// A program that shows nothing of itself, run by a shell that has set up something first.
fn started_by_shell(ledger: &Ledger, setup: &str) -> Started {
    let shell = ledger
        .other("sh")
        .args(["-c", &format!("{setup}; exec \"$@\""), "sh"]);
    shell
        .arg(hostledger_tests::hostledger())
        .arg("--data")
        .arg(ledger.data())
        .args(["run", "--", "sh", "-c", "echo ready; exec sleep 60"])
        .start()
}

/// The value of a line of /proc/PID/status.
fn status(pid: i32, key: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.unwrap().trim().to_owned()
}

#[test]
fn a_program_has_three_descriptors_and_no_more() {
    let ledger = Ledger::new();
    let run = started_by_shell(&ledger, "exec 7</dev/null 8>/dev/null 9<&0");
    let run = Background::begun(&ledger, run);
    let descriptors: BTreeSet<_> = fs::read_dir(format!("/proc/{}/fd", run.pid))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(descriptors, ["0", "1", "2"].map(str::to_owned).into());
    run.end(&ledger);
}

#[test]
fn a_program_leads_a_session_of_its_own() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "exec sleep 60");
    let stat = fs::read_to_string(format!("/proc/{}/stat", run.pid)).unwrap();
    // Behind the name: state, parent, group, session, terminal.
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let pid = run.pid.to_string();
    let parent = fs::read_to_string(format!("/proc/{}/comm", fields[1])).unwrap();
    assert_eq!(parent, "hostledger-keep\n", "a child of its keeper");
    assert_eq!(
        (fields[2], fields[3], fields[4]),
        (pid.as_str(), pid.as_str(), "0")
    );
    run.end(&ledger);
}

#[test]
fn a_program_has_the_usual_signal_dispositions() {
    let ledger = Ledger::new();
    let run = started_by_shell(&ledger, "trap '' PIPE USR1 HUP TERM CHLD");
    let run = Background::begun(&ledger, run);
    for set in ["SigIgn", "SigBlk", "SigPnd"] {
        assert_eq!(
            u64::from_str_radix(&status(run.pid, set), 16),
            Ok(0),
            "{set}"
        );
    }
    run.end(&ledger);
}

#[test]
fn a_program_is_told_its_record() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "exec sleep 60");
    let environment = environment_of(run.pid);
    let told: Vec<_> = environment
        .iter()
        .filter(|(key, _)| key == "HOSTLEDGER_PROCESS")
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1.to_str(), Some(run.id.as_str()));
    run.end(&ledger);
}

#[test]
fn the_rest_of_the_surroundings_is_the_launchers() {
    let ledger = Ledger::new();
    let script = "umask; ulimit -Sn; ulimit -Hn; nice; pwd; echo $MARK";
    let shell = "umask 027; ulimit -Sn 99; ulimit -Hn 200; mkdir sub; cd sub; exec \"$@\"";
    let output = ledger
        .other("nice")
        .args(["-n", "3", "sh", "-c", shell, "sh"])
        .arg(hostledger_tests::hostledger())
        .arg("--data")
        .arg(ledger.data())
        .args(["run", "--", "sh", "-c", script])
        .env("MARK", "kept")
        .output()
        .expect_code(0);
    let bare = ledger
        .other("nice")
        .args(["-n", "3", "nice"])
        .output()
        .expect_code(0);
    let nice = bare.stdout_text();
    let directory = ledger.path("sub");
    let expected = format!("0027\n99\n200\n{nice}{}\nkept\n", directory.display());
    assert_eq!(output.stdout_text(), expected);
}

#[test]
fn variables_that_are_not_utf8_are_handed_down() {
    let ledger = Ledger::new();
    let value = OsStr::from_bytes(b"odd-\xff\xfe");
    let run = ledger.command(["run", "--", "sh", "-c", "printf %s \"$ODD\""]);
    let output = run.env("ODD", value).output().expect_code(0);
    assert_eq!(output.stdout, value.as_bytes());
}
