//! A program that replaces itself by another is still the one that was started.

use hostledger_tests::Ledger;

use crate::background::{is_alive, record};

#[test]
fn it_is_known_to_run_and_ended_when_asked() {
    let ledger = Ledger::new();
    for command in [
        &["env", "A=1", "sleep", "60"][..],
        &["nice", "sleep", "60"],
        &["sh", "-c", "exec sleep 60"],
    ] {
        let run = ledger.command(["run", "--detach", "--"]).args(command);
        let id = run.output().expect_code(0).stdout_text().trim().to_owned();
        let pid = record(&ledger, &id)["pid"].as_i64().unwrap();
        let pid = i32::try_from(pid).unwrap();
        hostledger_tests::wait_until("it has replaced itself", || {
            let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
            arguments == b"sleep\x0060\0"
        });
        ledger.run(["cleanup"]).expect_code(0);
        assert_eq!(record(&ledger, &id)["status"], "running", "{command:?}");
        ledger.run(["kill", &id]).expect_code(0);
        ledger.run(["wait", &id]).expect_code(143);
        assert!(!is_alive(pid), "{command:?}");
    }
}
