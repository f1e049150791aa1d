//! Another program's database: read, and left as it is.

use hostledger_model::{
    BinaryStatus, MachineId, NetworkFacts, Pid, ProcessId, ProcessType, SecretBatchId,
};
use hostledger_store::{
    Access, Change, Found, ProcessFilter, ReadOnly, Records, Store, StoreError,
};
use hostledger_test_postgres::{Database, available};
use serde_json::json;

use super::{open, try_open};
use crate::contract::world::{at, new_machine, new_process, submit};

const TABLES: &str = include_str!("archivebox.sql");

const HERE: &str = "06b023a7022f7e0280000e2ab4fbcc6d";
const RUNNING: &str = "06b023a7026b725c800061f1a6f4a7e7";
const HOOK: &str = "06b023a702797eff8000be362ee6a5eb";
const FOUND_GONE: &str = "06b023a71945759b800072e183653d5f";

fn archivebox() -> Database {
    let database = Database::shared();
    database.run(TABLES);
    database
}

/// Everything that is in it.
fn dump(database: &Database) -> String {
    let output = database.client("pg_dump").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    // Newer ones begin with a key of their own each time.
    let lines = text.lines().filter(|line| !line.starts_with('\\'));
    lines.collect::<Vec<_>>().join("\n")
}

fn id(text: &str) -> ProcessId {
    text.parse().unwrap()
}

#[test]
fn every_row_is_read_and_the_database_stays_as_it_is() {
    if !available() {
        return;
    }
    let database = archivebox();
    let before = dump(&database);
    let store = open(&database.url());
    assert_eq!(store.access(), Access::Foreign);
    assert!(store.check().unwrap().is_empty());
    assert_eq!(Records::machines(&store).map(Result::unwrap).count(), 1);
    assert_eq!(Records::interfaces(&store).map(Result::unwrap).count(), 1);
    assert_eq!(Records::binaries(&store).map(Result::unwrap).count(), 1);
    assert_eq!(Records::processes(&store).map(Result::unwrap).count(), 3);
    drop(store);
    assert_eq!(dump(&database), before);
}

#[test]
fn rows_say_what_archivebox_wrote() {
    if !available() {
        return;
    }
    let database = archivebox();
    let store = open(&database.url());
    let machine = store.machine_by_guid("host_vm").unwrap().unwrap();
    assert_eq!(machine.id.simple(), HERE);
    assert_eq!(
        machine.created_at.to_string(),
        "2026-11-22T00:36:28.967911Z"
    );
    assert_eq!(machine.config_object()["WGET_BINARY"], json!("/bin/sh"));
    assert_eq!(machine.health.num_uses_succeeded, 1);

    let hook = store.process(id(HOOK)).unwrap().unwrap();
    assert_eq!(hook.exit_code, Some(3));
    assert_eq!(hook.process_type, ProcessType::Hook);
    assert_eq!(hook.stderr, "wärn\n");
    assert_eq!(hook.env["RATIO"], json!(0.5));
    assert_eq!((hook.timeout, hook.timeout_ms), (10, None));
    assert_eq!((hook.attempt, hook.max_attempts), (1, 1));
    assert_eq!(store.attempts(hook.id).unwrap(), []);
    let gone = store.process(id(FOUND_GONE)).unwrap().unwrap();
    assert_eq!(gone.exit_code, Some(137), "-1 in the row");

    let interface = store
        .interface(hook.interface_id.unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(interface.facts.ip_local, "10.0.0.2", "without its netmask");
    assert_eq!(interface.facts.dns_server, "fe80::1");
    let wget = store.binary(hook.binary_id.unwrap()).unwrap().unwrap();
    assert_eq!((wget.attempt, wget.max_attempts), (1, None));
}

#[test]
fn every_question_can_be_asked_of_it() {
    if !available() {
        return;
    }
    let database = archivebox();
    let store = open(&database.url());
    let here: MachineId = HERE.parse().unwrap();
    let ids = |filter: &ProcessFilter| store.process_ids(filter).unwrap().complete().unwrap();
    let all = |filter: &ProcessFilter| store.processes(filter).unwrap().complete().unwrap();
    assert_eq!(ids(&ProcessFilter::running()), [id(RUNNING)]);
    assert_eq!(all(&ProcessFilter::running())[0].id, id(RUNNING));
    let hooks = ProcessFilter {
        process_type: Some(ProcessType::Hook),
        machine_id: Some(here),
        limit: Some(1),
        ..ProcessFilter::default()
    };
    assert_eq!(ids(&hooks), [id(HOOK)]);
    assert_eq!(store.process_count(&ProcessFilter::default()).unwrap(), 3);
    // What its tables have no column for is true of none.
    let named = ProcessFilter {
        name: Some("x".to_owned()),
        ..ProcessFilter::default()
    };
    assert_eq!(ids(&named), []);

    let pid = Pid::new(22139).unwrap();
    let by_pid = store.running_by_pid(here, pid).unwrap().complete().unwrap();
    assert_eq!(by_pid[0].id, id(RUNNING));
    let children = store.children(&[id(RUNNING)]).unwrap().complete().unwrap();
    assert_eq!(children[0].worker_type, "crawl");
    let below = store.descendants(id(RUNNING), None).unwrap();
    assert_eq!(below.records[0].id, id(HOOK));
    assert_eq!(store.ancestors(id(HOOK)).unwrap(), [id(RUNNING)]);
    let many = store.processes_by_id(&[id(HOOK), id(RUNNING)]).unwrap();
    assert_eq!(many.complete().unwrap().len(), 2);
    let ended = store.ended_page(here, at(100_000_000), None, 9).unwrap();
    assert_eq!(ended.rows.records.len(), 2);

    let wget = store.valid_binary(here, "WGET").unwrap().unwrap();
    assert_eq!(wget.status, BinaryStatus::Installed);
    assert!(store.binary_by_name(here, "wget").unwrap().is_some());
    let at_path = store.valid_binary_at(here, "/usr/bin/wget").unwrap();
    assert_eq!(at_path, Some(wget));
    assert_eq!(store.valid_binaries(here).unwrap().records.len(), 1);
    assert!(store.pending_binaries(here).unwrap().records.is_empty());
    assert_eq!(store.interfaces_of(here).unwrap().records.len(), 1);
    let facts = NetworkFacts {
        ip_public: "203.0.113.7".to_owned(),
        ip_local: "10.0.0.2".to_owned(),
        mac_address: "02:00:00:00:00:01".to_owned(),
        dns_server: "fe80::1".to_owned(),
        ..NetworkFacts::default()
    };
    assert!(
        store
            .interface_by_fingerprint(here, &facts)
            .unwrap()
            .is_some()
    );
    let prefix = "06b023a7026b725c".parse().unwrap();
    assert_eq!(store.find(&prefix).unwrap(), Found::One(id(RUNNING).into()));

    // Nobody takes anything on there.
    assert!(store.claimed(here, at(0)).unwrap().records.is_empty());
    assert!(store.owners(here).unwrap().is_empty());
    assert!(store.owners_of(here).unwrap().is_empty());
    let owner = hostledger_model::OwnerId::generate();
    assert!(store.owner(owner).unwrap().is_none());
    assert!(store.owned(here, owner).unwrap().records.is_empty());
    assert!(!store.needs_secrets(SecretBatchId::generate()).unwrap());
}

#[test]
fn nothing_can_be_written_and_the_error_says_why() {
    if !available() {
        return;
    }
    let database = archivebox();
    let before = dump(&database);
    let store = open(&database.url());
    let machine: MachineId = HERE.parse().unwrap();
    let changes = [
        Change::InsertMachine(Box::new(new_machine("guid"))),
        Change::InsertProcess(Box::new(new_process(machine, 0))),
        Change::DeleteMachine(machine),
    ];
    let mut errors = Vec::new();
    for change in changes {
        errors.push(submit(&store, vec![change]).unwrap_err());
    }
    errors.push(store.next_worker_id("crawl").unwrap_err());
    errors.push(store.mend_exit_codes(at(0)).unwrap_err());
    errors.push(store.may_write().unwrap_err());
    errors.extend(store.watch().err());
    assert_eq!(errors.len(), 7);
    for error in errors {
        let why = ReadOnly::Foreign;
        assert!(
            matches!(&error, StoreError::ReadOnly { why: it, .. } if *it == why),
            "{error:?}"
        );
    }
    drop(store);
    assert_eq!(dump(&database), before);
}

#[test]
fn some_of_the_tables_are_no_ledger() {
    if !available() {
        return;
    }
    let database = archivebox();
    database.run("DROP TABLE machine_process");
    let before = dump(&database);
    let error = try_open(&database.url()).err().unwrap();
    assert!(
        matches!(&error, StoreError::NotALedger { missing, .. } if *missing == "machine_process"),
        "{error:?}"
    );
    assert_eq!(dump(&database), before);
}

/// Other programs keep their migrations in a table of the same name.
#[test]
fn a_database_with_another_programs_migrations_is_not_added_to() {
    if !available() {
        return;
    }
    let database = Database::shared();
    database.run(
        "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY,
             run_on timestamp NOT NULL DEFAULT now());
         INSERT INTO __diesel_schema_migrations (version) VALUES ('20200101000000')",
    );
    let before = dump(&database);
    let error = try_open(&database.url()).err().unwrap();
    assert!(matches!(&error, StoreError::NotALedger { .. }), "{error:?}");
    assert_eq!(dump(&database), before);
    // With a schema of its own beside them it is one.
    database.run("CREATE SCHEMA ledger");
    let url = format!("{}?options=-csearch_path%3Dledger", database.url());
    assert_eq!(open(&url).access(), Access::Own);
}

#[test]
fn a_ledger_of_ours_without_its_migrations_is_read_with_our_columns() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let store = open(&database.url());
    let machine = crate::contract::world::machine(&store, "guid");
    let named = hostledger_model::Process {
        name: Some("nightly".to_owned()),
        ..new_process(machine.id, 0)
    };
    crate::contract::world::insert(&store, &named);
    drop(store);
    database.run("DROP TABLE __diesel_schema_migrations");
    let store = open(&database.url());
    assert_eq!(store.access(), Access::Foreign);
    assert_eq!(store.process(named.id).unwrap(), Some(named));
}
