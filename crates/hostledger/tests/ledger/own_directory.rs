//! Programs whose logs are in a directory of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use hostledger::ProcessType;

use crate::bench::Bench;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_hook_has_its_logs_pid_file_and_script_in_a_directory_named_after_its_script() {
    let bench = Bench::new();
    let work = tempfile::tempdir().unwrap();
    let script = work.path().join("on_Snapshot__1_test.sh");
    fs::write(&script, "echo $$ \"$1\"\n").unwrap();
    let launch = || {
        let command = bench.ledger.command("sh");
        let command = command.arg(&script).arg("it's\n$(here)");
        let command = command.process_type(ProcessType::Hook);
        command.current_dir(work.path()).launch().unwrap()
    };
    let first = launch().wait().unwrap();
    let own = work.path().join(".hooks/on_Snapshot__1_test.sh");
    assert_eq!((mode(&own), mode(&own.join("stdout.log"))), (0o700, 0o600));
    let pid = first.pid.unwrap();
    let ran = format!("{pid} it's\n$(here)\n");
    assert_eq!(first.stdout, ran);
    assert!(!own.join("process.pid").exists(), "it has ended");

    // The next one's row has its own output, not that of the one before.
    let second = launch().wait().unwrap();
    let log = fs::read_to_string(own.join("stdout.log")).unwrap();
    assert!(
        log.starts_with(&first.stdout) && log.ends_with(&second.stdout),
        "{log:?}"
    );
    assert!(
        !second.stdout.contains(&pid.to_string()),
        "{:?}",
        second.stdout
    );

    // The script runs the same again, from anywhere.
    #[expect(
        clippy::disallowed_methods,
        reason = "a script is run as people run it"
    )]
    let again = Command::new(own.join("cmd.sh"))
        .current_dir("/")
        .output()
        .unwrap();
    let again = String::from_utf8(again.stdout).unwrap();
    assert!(again.ends_with("it's\n$(here)\n"), "{again:?}");
}

#[test]
fn a_program_can_keep_its_logs_in_its_working_directory() {
    let bench = Bench::new();
    let work = tempfile::tempdir().unwrap();
    let command = bench
        .ledger
        .command("sh")
        .args(["-c", "echo hello; exec sleep 60"]);
    let command = command.current_dir(work.path()).log_in_working_directory();
    let running = command.launch().unwrap();
    let row = running.process().unwrap();
    let text = fs::read_to_string(work.path().join("process.pid")).unwrap();
    assert_eq!(text.trim(), row.pid.unwrap().to_string());
    let modified = fs::metadata(work.path().join("process.pid"))
        .unwrap()
        .modified()
        .unwrap();
    let off = modified
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_micros();
    let started = row.started_at.unwrap().unix_micros();
    assert_eq!(
        i64::try_from(off).unwrap(),
        started,
        "the kernel's start time"
    );
    bench
        .ledger
        .kill_tree(row.id, std::time::Duration::from_secs(2))
        .unwrap();
    let process = running.wait().unwrap();
    assert_eq!(process.stdout, "hello\n");
    assert!(!work.path().join("process.pid").exists());
    let logs = bench.ledger.data_dir().unwrap().join("processes");
    assert_eq!(fs::read_dir(logs).unwrap().count(), 0, "nothing elsewhere");
}

#[test]
fn a_stale_pid_file_that_names_a_living_process_blocks_nothing() {
    let bench = Bench::new();
    let work = tempfile::tempdir().unwrap();
    let pid_file = work.path().join("process.pid");
    // As a pid that was given out again: this one lives, and is none of the ledger's.
    let own = std::process::id().to_string();
    fs::write(&pid_file, &own).unwrap();
    let command = bench.ledger.command("cat").arg("process.pid");
    let command = command.current_dir(work.path()).log_in_working_directory();
    let process = command.launch().unwrap().wait().unwrap();
    assert_eq!(process.exit_code, Some(0), "it was started: {process:?}");
    assert_ne!(
        process.stdout.trim(),
        "",
        "nobody took the file away under it"
    );
    assert!(
        !pid_file.exists(),
        "it names nobody who lives, so it is gone"
    );
}
