//! History that is deleted with its files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hostledger::{Ledger, LedgerError, Process, ProcessStatus, ProcessType, Signal};

use crate::bench::Bench;

fn logs(ledger: &Ledger) -> Vec<String> {
    names(&ledger.data_dir().unwrap().join("processes"))
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

fn is_gone(ledger: &Ledger, process: &Process) -> bool {
    matches!(
        ledger.process(process.id),
        Err(LedgerError::NotFound { .. })
    )
}

#[test]
fn what_has_ended_goes_with_its_logs_and_the_rest_stays() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let old = [bench.run("echo x"), bench.run("head -c 10000 /dev/zero")];
    let queued = ledger.command("true").create().unwrap();
    let running = ledger.command("sleep").arg("60").launch().unwrap();
    assert_eq!(logs(ledger).len(), 6);

    let age = Duration::from_secs(3600);
    let young = ledger.prune(age, true).unwrap();
    assert_eq!((young.processes, young.files.files), (0, 0));
    let found = ledger.prune(Duration::ZERO, false).unwrap();
    assert_eq!((found.processes, found.files.files), (2, 4));
    assert!(found.files.bytes >= 10_000, "{:?}", found.files);
    assert!(
        !is_gone(ledger, &old[0]) && logs(ledger).len() == 6,
        "it was only looked at"
    );

    let pruned = ledger.prune(Duration::ZERO, true).unwrap();
    assert_eq!((pruned.processes, pruned.files), (2, found.files));
    assert!(pruned.failed.is_empty() && pruned.corrupt.is_empty() && pruned.kept == 0);
    assert!(old.iter().all(|process| is_gone(ledger, process)));
    assert_eq!(ledger.process(queued.id).unwrap(), queued);
    assert_eq!(logs(ledger).len(), 2);
    let again = ledger.prune(Duration::ZERO, true).unwrap();
    assert_eq!((again.processes, again.files.files), (0, 0));
    running.stop(Signal::KILL, None);
    running.wait().unwrap();
}

#[test]
fn what_something_running_descends_from_stays() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let root = bench.run("true");
    let other = bench.run("true");
    let child = ledger
        .command("true")
        .parent(root.id)
        .launch()
        .unwrap()
        .wait()
        .unwrap();
    let leaf = ledger
        .command("sleep")
        .arg("60")
        .parent(child.id)
        .launch()
        .unwrap();
    let pruned = ledger.prune(Duration::ZERO, true).unwrap();
    assert_eq!((pruned.processes, pruned.kept), (1, 2));
    assert!(is_gone(ledger, &other));
    assert_eq!(ledger.tree(leaf.id()).unwrap().root(), root.id);
    leaf.stop(Signal::KILL, None);
    leaf.wait().unwrap();
    assert_eq!(ledger.prune(Duration::ZERO, true).unwrap().processes, 3);
}

#[test]
fn what_was_interrupted_is_finished_the_next_time() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let process = bench.run("echo x");
    // It died after the first of its files.
    let log = ledger
        .log_path(&process, hostledger::Stream::Stdout)
        .unwrap();
    fs::remove_file(log).unwrap();
    let pruned = ledger.prune(Duration::ZERO, true).unwrap();
    assert_eq!((pruned.processes, pruned.files.files), (1, 1));
    assert!(is_gone(ledger, &process) && logs(ledger).is_empty());
}

#[test]
fn a_process_whose_files_cannot_be_removed_stays_and_keeps_no_other() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let (bad, good) = (bench.run("true"), bench.run("true"));
    let log = ledger.log_path(&bad, hostledger::Stream::Stderr).unwrap();
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    let pruned = ledger.prune(Duration::ZERO, true).unwrap();
    assert_eq!(pruned.processes, 1);
    assert_eq!(pruned.failed.len(), 1);
    assert_eq!(pruned.failed[0].0, bad.id);
    assert!(is_gone(ledger, &good) && !is_gone(ledger, &bad));
}

#[test]
fn the_directory_of_a_hook_goes_with_its_last_run() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let pwd = bench.directory.path().join("pwd");
    fs::create_dir(&pwd).unwrap();
    let script = pwd.join("on_x.sh");
    fs::write(&script, "echo hello").unwrap();
    let run = || {
        let command = ledger.command("sh").arg(&script).current_dir(&pwd);
        let running = command.process_type(ProcessType::Hook).launch().unwrap();
        running.wait().unwrap()
    };
    let first = run();
    let hook = pwd.join(".hooks/on_x.sh");
    crate::bench::wait_until("its script is written", || hook.join("cmd.sh").exists());
    let second = run();
    crate::bench::wait_until("the script is the second one's", || {
        let script = fs::read_to_string(hook.join("cmd.sh")).unwrap_or_default();
        script.contains(&second.id.to_string())
    });
    let pruned = ledger.prune(Duration::ZERO, true).unwrap();
    assert_eq!((pruned.processes, pruned.files.files), (2, 3));
    assert!(is_gone(ledger, &first) && is_gone(ledger, &second));
    assert_eq!(names(&pwd), ["on_x.sh"]);
}

#[test]
fn secrets_that_no_row_was_queued_with_go_once_they_are_old() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let queued = ledger.command("true").env("API_KEY", "x").create().unwrap();
    let secrets = ledger.data_dir().unwrap().join("secrets");
    let [needed] = &names(&secrets)[..] else {
        panic!()
    };
    let text = fs::read_to_string(secrets.join(needed)).unwrap();
    let left = hostledger::model::SecretBatchId::generate().simple();
    let young = hostledger::model::SecretBatchId::generate().simple();
    let others = hostledger::model::SecretBatchId::generate().simple();
    let hours_ago = std::time::SystemTime::now() - Duration::from_secs(7200);
    for (name, text, is_old) in [
        (&left, &*text, true),
        (&young, &*text, false),
        (&others, "0 \"another database\"\n", true),
    ] {
        let path = secrets.join(format!("{name}.json"));
        fs::write(&path, text).unwrap();
        if is_old {
            fs::File::options()
                .append(true)
                .open(&path)
                .unwrap()
                .set_modified(hours_ago)
                .unwrap();
        }
    }
    fs::File::options()
        .append(true)
        .open(secrets.join(needed))
        .unwrap()
        .set_modified(hours_ago)
        .unwrap();
    ledger.cleanup(true).unwrap();
    let mut kept = names(&secrets);
    kept.sort();
    let mut expected = vec![
        needed.clone(),
        format!("{young}.json"),
        format!("{others}.json"),
    ];
    expected.sort();
    assert_eq!(kept, expected);
    assert_eq!(
        ledger.process(queued.id).unwrap().status,
        ProcessStatus::Queued
    );
    ledger.launch(queued.id).unwrap().wait().unwrap();
}
