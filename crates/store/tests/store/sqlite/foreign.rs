//! Databases that another program made: read, never touched.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use hostledger_model::{
    BinaryStatus, MachineId, NetworkFacts, Process, ProcessId, ProcessStatus, ProcessType,
};
use hostledger_store::{
    Access, Change, Found, OpenOptions, ProcessFilter, ReadOnly, Records, SqliteStore, Store,
    StoreError,
};
use serde_json::json;
use tempfile::TempDir;

use super::other_process::{OtherProcess, Task};
use crate::contract::world::{at, machine, new_machine, new_process, submit, write};

/// Written by ArchiveBox: 3 machines, 2 interfaces, 3 binaries, 9 processes.
const SAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/archivebox.sqlite3"
);

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &OpenOptions::default()).unwrap()
}

/// A copy of the sample, alone in a directory.
fn sample() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("index.sqlite3");
    fs::copy(SAMPLE, &path).unwrap();
    (directory, path)
}

fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap()
}

fn records(store: &SqliteStore) -> [usize; 4] {
    [
        Records::machines(store).map(Result::unwrap).count(),
        Records::interfaces(store).map(Result::unwrap).count(),
        Records::binaries(store).map(Result::unwrap).count(),
        Records::processes(store).map(Result::unwrap).count(),
    ]
}

fn process(store: &SqliteStore, id: &str) -> Process {
    let id: ProcessId = id.parse().unwrap();
    store.process(id).unwrap().unwrap()
}

#[test]
fn every_row_is_read_and_the_file_stays_as_it_is() {
    let (directory, path) = sample();
    let before = fs::read(&path).unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let store = open(&path);
    assert_eq!(store.access(), Access::Foreign);
    assert_eq!(records(&store), [3, 2, 3, 9]);
    assert!(store.check().unwrap().is_empty());
    drop(store);
    assert!(fs::read(&path).unwrap() == before);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), modified);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn rows_say_what_archivebox_wrote() {
    let store = open(Path::new(SAMPLE));
    let migrated = store.machine_by_guid("host_vm").unwrap().unwrap();
    assert_eq!(
        migrated.created_at.to_string(),
        "2026-11-22T00:36:28.967911Z",
        "with a T in the middle"
    );
    let guid = "bccc288494bf09a8f1445ea40ba6a6d60be7300f6f2fe98b5b2828cae983a33a";
    let machine = store.machine_by_guid(guid).unwrap().unwrap();
    assert_eq!(machine.config_object()["WGET_BINARY"], json!("/bin/sh"));
    assert_eq!(machine.health.num_uses_succeeded, 1);

    let hook = process(&store, "06b023a702797eff8000be362ee6a5eb");
    assert_eq!(hook.exit_code, Some(3));
    assert_eq!(hook.process_type, ProcessType::Hook);
    assert_eq!(hook.stderr, "wärn\n");
    assert_eq!(hook.env["RATIO"], json!(0.5));
    assert_eq!(hook.env["API_TOKEN"], json!("hunter2"), "theirs to hide");
    assert_eq!((hook.timeout, hook.timeout_ms), (10, None));
    assert_eq!((hook.attempt, hook.max_attempts), (1, 1));
    assert_eq!(store.attempts(hook.id).unwrap(), []);

    let found_gone = process(&store, "06b023a71945759b800072e183653d5f");
    assert_eq!(found_gone.exit_code, Some(137), "-1 in the row");
    assert_eq!(
        found_gone.created_at.to_string(),
        "2026-05-19T18:12:02.000000Z",
        "without a fraction"
    );
}

#[test]
fn every_question_can_be_asked_of_it() {
    let store = open(Path::new(SAMPLE));
    let here: MachineId = "06b023a7022f7e0280000e2ab4fbcc6d".parse().unwrap();
    let ids = |filter: ProcessFilter| -> Vec<String> {
        let rows = store.processes(&filter).unwrap().complete().unwrap();
        rows.iter().map(|process| process.id.simple()).collect()
    };
    let running = "06b023a7026b725c800061f1a6f4a7e7";
    assert_eq!(ids(ProcessFilter::running()), [running]);
    let exited_hooks = ProcessFilter {
        status: Some(ProcessStatus::Exited),
        process_type: Some(ProcessType::Hook),
        machine_id: Some(here),
        limit: Some(1),
        ..ProcessFilter::default()
    };
    assert_eq!(ids(exited_hooks), ["06b023a702877e8e800053218b8df089"]);

    let pid = hostledger_model::Pid::new(22139).unwrap();
    let by_pid = store.running_by_pid(here, pid).unwrap().complete().unwrap();
    assert_eq!(by_pid[0].id.simple(), running);
    let children = store.children(&[by_pid[0].id]).unwrap().complete().unwrap();
    assert_eq!(children[0].worker_type, "crawl");

    let ids = |filter: &ProcessFilter| store.process_ids(filter).unwrap().complete().unwrap();
    assert_eq!(ids(&ProcessFilter::running()), [by_pid[0].id]);
    assert_eq!(store.process_count(&ProcessFilter::default()).unwrap(), 9);
    let children = ProcessFilter {
        parent_id: Some(by_pid[0].id),
        ..ProcessFilter::default()
    };
    let below = store.descendants(by_pid[0].id, None).unwrap();
    assert_eq!(below.records[0].id, ids(&children)[0]);
    assert_eq!(
        store.ancestors(below.records[0].id).unwrap(),
        [by_pid[0].id]
    );
    // What its tables have no column for is true of none.
    let named = ProcessFilter {
        name: Some("x".to_owned()),
        ..ProcessFilter::default()
    };
    assert_eq!(ids(&named), []);
    assert_eq!(store.process_count(&named).unwrap(), 0);
    assert!(store.claimed(here, at(0)).unwrap().records.is_empty());
    let batch = hostledger_model::SecretBatchId::generate();
    assert!(!store.needs_secrets(batch).unwrap());

    let wget = store.valid_binary(here, "WGET").unwrap().unwrap();
    assert_eq!(wget.status, BinaryStatus::Installed);
    assert_eq!(store.interfaces_of(here).unwrap().records.len(), 1);
    let prefix = "06b023a7026b725c".parse().unwrap();
    assert_eq!(
        store.find(&prefix).unwrap(),
        Found::One(by_pid[0].id.into())
    );
}

#[test]
fn nothing_can_be_written_and_the_error_says_why() {
    let (_directory, path) = sample();
    let before = fs::read(&path).unwrap();
    let store = open(&path);
    let machine = Records::machines(&store).next().unwrap().unwrap();
    let changes = [
        Change::InsertMachine(Box::new(new_machine("guid"))),
        Change::InsertProcess(Box::new(new_process(machine.id, 0))),
        Change::DeleteMachine(machine.id),
    ];
    for change in changes {
        let error = submit(&store, vec![change]).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::ReadOnly {
                    why: ReadOnly::Foreign,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(error.to_string().contains("another program made it"));
    }
    for error in [
        store.next_worker_id("crawl").unwrap_err(),
        store.mend_exit_codes(at(0)).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    }
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn rows_copied_into_a_ledger_of_our_own_read_the_same() {
    let foreign = open(Path::new(SAMPLE));
    let directory = TempDir::new().unwrap();
    let own = open(&directory.path().join("ledger.sqlite3"));
    let mut changes = Vec::new();
    let all = |record: Result<_, StoreError>| record.unwrap();
    changes
        .extend(Records::machines(&foreign).map(|it| Change::InsertMachine(Box::new(it.unwrap()))));
    changes.extend(
        Records::interfaces(&foreign).map(|it| Change::InsertInterface(Box::new(it.unwrap()))),
    );
    changes
        .extend(Records::binaries(&foreign).map(|it| Change::InsertBinary(Box::new(it.unwrap()))));
    // Parents before their children, which are in the order of their making here but for one.
    let mut processes: Vec<Process> = Records::processes(&foreign).map(all).collect();
    processes.sort_by_key(|process| process.id);
    changes.extend(
        processes
            .into_iter()
            .map(|it| Change::InsertProcess(Box::new(it))),
    );
    assert_eq!(changes.len(), 17);
    write(&own, changes);

    fn same<T: PartialEq + std::fmt::Debug>(own: Records<'_, T>, foreign: Records<'_, T>) {
        let own: Vec<T> = own.map(Result::unwrap).collect();
        let foreign: Vec<T> = foreign.map(Result::unwrap).collect();
        assert_eq!(own.len(), foreign.len());
        for record in foreign {
            assert!(own.contains(&record), "{record:?}");
        }
    }
    same(Records::machines(&own), Records::machines(&foreign));
    same(Records::interfaces(&own), Records::interfaces(&foreign));
    same(Records::binaries(&own), Records::binaries(&foreign));
    same(Records::processes(&own), Records::processes(&foreign));
}

#[test]
fn a_directory_that_cannot_be_written_is_enough() {
    let (directory, path) = sample();
    connect(&path)
        .batch_execute("PRAGMA journal_mode = WAL; UPDATE machine_machine SET hostname = 'x'")
        .unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o555)).unwrap();
    let answer = OtherProcess::start_unprivileged(Task::Open, &path).answer();
    assert_eq!(answer, "3 machines");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_log_that_nobody_has_open_is_not_made_anew() {
    let (directory, path) = sample();
    connect(&path)
        .batch_execute("PRAGMA journal_mode = WAL; UPDATE machine_machine SET hostname = 'x'")
        .unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(before[18..20], [2, 2], "the header says: write-ahead log");
    let store = open(&path);
    assert_eq!(records(&store), [3, 2, 3, 9]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    drop(store);
    assert!(fs::read(&path).unwrap() == before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_the_other_program_writes_meanwhile_is_seen() {
    let (_directory, path) = sample();
    let store = open(&path);
    let hostname = || {
        let machine = Records::machines(&store).next().unwrap().unwrap();
        machine.facts.hostname
    };
    assert_eq!(hostname(), "vm");
    // In every mode, while it has the file open and after it has closed it.
    for mode in ["DELETE", "WAL", "DELETE", "WAL"] {
        for round in 0..3 {
            let name = format!("{mode}-{round}");
            let mut other = connect(&path);
            other
                .batch_execute(&format!(
                    "PRAGMA busy_timeout = 5000;
                     PRAGMA journal_mode = {mode};
                     UPDATE machine_machine SET hostname = '{name}'"
                ))
                .unwrap();
            assert_eq!(hostname(), name);
            drop(other);
            assert_eq!(hostname(), name);
        }
    }
}

#[test]
fn of_duplicates_the_one_modified_last_is_meant() {
    let (_directory, path) = sample();
    let newest = "06b023a70245700000002668e3a90000";
    connect(&path)
        .batch_execute(&format!(
            "INSERT INTO machine_networkinterface
             SELECT '{newest}', created_at, '2030-01-01 00:00:00.000001', 0, 0, machine_id, iface,
                    ip_public, ip_local, mac_address, dns_server, 'newest', isp, city, region,
                    country
             FROM machine_networkinterface WHERE iface = 'eth0';
             INSERT INTO machine_networkinterface
             SELECT '16b023a70245700000002668e3a90000', created_at, '2020-01-01 00:00:00', 0, 0,
                    machine_id, iface, ip_public, ip_local, mac_address, dns_server, 'oldest', isp,
                    city, region, country
             FROM machine_networkinterface WHERE hostname = 'newest';"
        ))
        .unwrap();
    let store = open(&path);
    let machine: MachineId = "06b023a7022f7e0280000e2ab4fbcc6d".parse().unwrap();
    let facts = NetworkFacts {
        ip_public: "203.0.113.7".to_owned(),
        ip_local: "10.0.0.2".to_owned(),
        mac_address: "02:00:00:00:00:01".to_owned(),
        dns_server: "127.0.0.1".to_owned(),
        ..NetworkFacts::default()
    };
    let found = store.interface_by_fingerprint(machine, &facts).unwrap();
    assert_eq!(found.unwrap().id.simple(), newest);
}

#[test]
fn a_ledger_of_ours_without_its_mark_is_read_with_our_columns() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    let store = open(&path);
    let machine = machine(&store, "guid");
    let named = Process {
        name: Some("nightly".to_owned()),
        ..new_process(machine.id, 0)
    };
    write(&store, vec![Change::InsertProcess(Box::new(named.clone()))]);
    drop(store);
    connect(&path)
        .batch_execute("PRAGMA application_id = 0")
        .unwrap();
    let foreign = open(&path);
    assert_eq!(foreign.access(), Access::Foreign);
    assert_eq!(foreign.process(named.id).unwrap(), Some(named));
}
