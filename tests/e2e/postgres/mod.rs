//! A ledger in PostgreSQL: the main commands, and a server that goes away.

mod foreign;
mod outage;
mod permission;
mod work;

use hostledger_tests::postgres::{Database, Server, available};
use hostledger_tests::{Ledger, wait_until};

#[test]
fn what_is_run_is_shown_listed_exported_and_checked() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let ledger = Ledger::at(database.url());
    let output = ledger.sh("echo out; echo err >&2; exit 3").expect_code(3);
    assert_eq!(output.stdout, b"out\n");
    assert!(!ledger.database().exists(), "no file beside it");

    let process = ledger.process();
    assert_eq!(process["exit_code"], 3);
    let id = process["id"].as_str().unwrap();
    assert_eq!(ledger.run(["logs", id]).expect_code(0).stdout, b"out\n");
    ledger.run(["show", id]).expect_code(0);
    ledger.run(["cleanup"]).expect_code(0);
    ledger.run(["doctor"]).expect_code(0);
    let types: Vec<_> = ledger
        .export()
        .iter()
        .map(|record| record["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(types, ["Machine", "NetworkInterface", "Process"]);
    let rows = database.run("SELECT status, exit_code FROM machine_process");
    assert_eq!(rows.trim(), "exited|3");
}

#[test]
fn what_runs_in_the_background_is_stopped_by_another_command() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let ledger = Ledger::at(database.url());
    ledger
        .run(["run", "--detach", "--", "sleep", "300"])
        .expect_code(0);
    wait_until("it runs", || ledger.process()["status"] == "running");
    ledger.run(["stop"]).expect_code(0);
    assert_eq!(ledger.process()["outcome"], "killed");
}

#[test]
fn queued_lines_wait_in_the_database_and_can_be_taken_back() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let ledger = Ledger::at(database.url());
    let lines = "{\"cmd\":[\"true\"]}\n".repeat(3);
    ledger
        .command(["submit", "-"])
        .input(lines)
        .output()
        .expect_code(0);
    let queued = "SELECT count(*) FROM machine_process WHERE status = 'queued'";
    assert_eq!(database.run(queued).trim(), "3");
    let id = ledger.last_id();
    ledger.run(["cancel", &id]).expect_code(0);
    assert_eq!(database.run(queued).trim(), "2");
}

#[test]
fn a_program_goes_on_while_the_server_is_gone_and_its_end_is_written_down() {
    if !available() {
        return;
    }
    let mut server = Server::start();
    let database = server.database();
    let ledger = Ledger::at(database.url());
    let go = ledger.path("go");
    let script = format!("until [ -e {} ]; do sleep 0.05; done; exit 7", go.display());
    let run = ledger.command(["run", "--", "sh", "-c", &script]).start();
    let status = "SELECT count(*) FROM machine_process WHERE status = 'running'";
    let is_made = "SELECT to_regclass('machine_process')";
    let is_running =
        || !database.run(is_made).trim().is_empty() && database.run(status).trim() == "1";
    wait_until("it is recorded as running", is_running);
    server.kill();
    std::fs::write(&go, "").unwrap();
    server.start_again();
    run.wait().expect_code(7);
    assert_eq!(ledger.process()["exit_code"], 7);
}

#[test]
fn a_server_that_cannot_be_reached_is_named_without_its_password() {
    let ledger = Ledger::at("postgres://me:hunter2@127.0.0.1:1/x");
    let run = ledger.run(["run", "--", "touch", "ran"]);
    let run = run.expect_refusal(125, &["cannot reach postgres://me@127.0.0.1:1/x"]);
    let run = run.expect_hint();
    let said = run.stderr_text();
    assert!(!said.contains("\\n"), "for people to read: {said}");
    assert!(!ledger.path("ran").exists());
    let list = ledger.run(["-vvv", "ps"]);
    for output in [list.stdout, list.stderr] {
        let text = String::from_utf8_lossy(&output).into_owned();
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn whatever_is_wrong_with_a_url_its_password_is_not_told() {
    for url in [
        "postgresql+psycopg2://me:hunter2@127.0.0.1:1/x",
        "POSTGRES://me:hunter2@127.0.0.1:1/x",
        "postgres:/me:hunter2@127.0.0.1:1/x",
        "postgres:me:hunter2@127.0.0.1:1/x",
        "me:hunter2@127.0.0.1:1/x",
        "host=127.0.0.1 password=hunter2",
        "postgres://me:123/hunter2@127.0.0.1:1/x",
        "postgres://me:123?hunter2@127.0.0.1:1/x",
        "postgres://me:123?hunter=2@127.0.0.1:1/x",
        "postgres://me:hunter2/@127.0.0.1:1/x",
        "postgres://127.0.0.1:1/x?dbname=postgres://me:hunter2@127.0.0.1:1/x",
        "postgres://me:hunter2@127.0.0.1:1/x?sslmode=nonsense",
        "postgres://me:hunter2@127.0.0.1:1/x",
        "postgres://me@127.0.0.1:1/x?password=hunter2",
    ] {
        let ledger = Ledger::at(url);
        for command in [["-vvv", "ps"], ["-vvv", "doctor"]] {
            let output = ledger.run(command);
            let told = output.stdout.len() + output.stderr.len();
            assert_ne!(told, 0, "{url}");
            for output in [output.stdout, output.stderr] {
                let text = String::from_utf8_lossy(&output).into_owned();
                assert!(!text.contains("hunter"), "{url}: {text}");
            }
        }
    }
}
