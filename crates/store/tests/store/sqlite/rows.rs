//! Rows as they really stand in a file, good and bad.

use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types};
use hostledger_model::{BinaryStatus, Machine, Process};
use hostledger_store::{
    Change, OpenOptions, ProcessFilter, Records, SqliteStore, Store, StoreError,
};
use tempfile::TempDir;

use crate::contract::world::{at, insert, machine, new_binary, new_process, started, write};

/// A ledger with three processes, and a second program's connection to it.
struct Ledger {
    _directory: TempDir,
    store: SqliteStore,
    machine: Machine,
    processes: [Process; 3],
    other: SqliteConnection,
}

fn ledger() -> Ledger {
    let directory = TempDir::new().unwrap();
    let path: PathBuf = directory.path().join("ledger.sqlite3");
    let store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
    let machine = machine(&store, "guid");
    let processes = [0, 1, 2].map(|seconds| new_process(machine.id, seconds));
    for process in &processes {
        insert(&store, process);
    }
    let other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    Ledger {
        _directory: directory,
        store,
        machine,
        processes,
        other,
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = sql_types::Text)]
    line: String,
}

fn ask(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let lines: Vec<Line> = sql_query(sql).load(connection).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

#[test]
fn values_stand_as_archivebox_writes_them() {
    let mut ledger = ledger();
    let process = &ledger.processes[0];
    let sql = format!(
        "SELECT id || ' ' || created_at || ' ' || typeof(created_at) || ' ' || cmd || ' ' || env
                || ' ' || detached || ' ' || status || ' ' || (outcome IS NULL) AS line
         FROM machine_process WHERE id = '{}'",
        process.id.simple()
    );
    let lines = ask(&mut ledger.other, &sql);
    let expected = format!(
        "{} 2026-03-04 05:06:07.000008 text [\"sleep\",\"1\"] {{}} 0 queued 1",
        process.id.simple()
    );
    assert_eq!(lines, [expected]);
}

#[test]
fn a_writer_that_knows_only_archiveboxs_columns_still_works() {
    let mut ledger = ledger();
    let sql = format!(
        "INSERT INTO machine_process
             (id, created_at, modified_at, pwd, cmd, env, timeout, stdout, stderr, status,
              machine_id, process_type, worker_type)
         VALUES ('{:032x}', '2026-05-19T18:12:02', '2026-05-19 18:12:02', '/', '[\"a\"]', '{{}}',
                 60, '', '', 'queued', '{}', 'hook', '')",
        7,
        ledger.machine.id.simple()
    );
    ledger.other.batch_execute(&sql).unwrap();
    let id = format!("{:032x}", 7).parse().unwrap();
    let process = ledger.store.process(id).unwrap().unwrap();
    assert_eq!((process.attempt, process.max_attempts), (1, 1));
    assert_eq!((process.timeout, process.timeout_ms), (60, None));
    assert_eq!(
        process.created_at.to_string(),
        "2026-05-19T18:12:02.000000Z"
    );
}

#[test]
fn older_words_are_read_as_what_they_mean() {
    let mut ledger = ledger();
    let binary = new_binary(ledger.machine.id, "wget");
    let insertion = vec![Change::InsertBinary(Box::new(binary.clone()))];
    write(&ledger.store, insertion);
    ledger
        .other
        .batch_execute(
            "UPDATE machine_binary SET status = 'succeeded';
             UPDATE machine_process SET exit_code = -1, env = 'null'",
        )
        .unwrap();
    let read = ledger.store.binary(binary.id).unwrap().unwrap();
    assert_eq!(read.status, BinaryStatus::Installed);
    let found = ledger
        .store
        .valid_binary(ledger.machine.id, "wget")
        .unwrap();
    assert_eq!(found, Some(read));
    let process = ledger
        .store
        .process(ledger.processes[0].id)
        .unwrap()
        .unwrap();
    assert_eq!(process.exit_code, Some(137));
    assert!(process.env.is_empty());
    assert_eq!(ledger.store.mend_exit_codes(at(50)).unwrap(), 3);
    let mut lines = ask(
        &mut ledger.other,
        "SELECT exit_code || ' ' || (outcome IS NULL) || ' ' || modified_at AS line FROM machine_process",
    );
    lines.dedup();
    assert_eq!(lines, ["137 1 2026-03-04 05:06:57.000008"]);
    assert_eq!(ledger.store.mend_exit_codes(at(60)).unwrap(), 0);
}

#[test]
fn parents_that_go_in_a_circle_or_lead_nowhere_end_where_they_do() {
    let mut ledger = ledger();
    let [a, b, c] = &ledger.processes;
    let sql = format!(
        "PRAGMA foreign_keys = OFF;
         UPDATE machine_process SET parent_id = '{b}' WHERE id = '{a}';
         UPDATE machine_process SET parent_id = '{a}' WHERE id = '{b}';
         UPDATE machine_process SET parent_id = '{gone:032x}' WHERE id = '{c}';",
        a = a.id.simple(),
        b = b.id.simple(),
        c = c.id.simple(),
        gone = 9,
    );
    ledger.other.batch_execute(&sql).unwrap();
    let below = |of| -> Vec<_> {
        let rows = ledger.store.descendants(of, None).unwrap();
        let rows = rows.complete().unwrap();
        rows.iter().map(|row| (row.id, row.depth)).collect()
    };
    assert_eq!(below(a.id), [(b.id, 1)]);
    assert_eq!(ledger.store.ancestors(a.id).unwrap(), [b.id]);
    assert_eq!(ledger.store.ancestors(c.id).unwrap(), []);
    let itself = format!(
        "PRAGMA foreign_keys = OFF; UPDATE machine_process SET parent_id = id WHERE id = '{}';",
        c.id.simple()
    );
    ledger.other.batch_execute(&itself).unwrap();
    assert_eq!(ledger.store.ancestors(c.id).unwrap(), []);
    assert_eq!(ledger.store.descendants(c.id, None).unwrap().records, []);
}

#[test]
fn a_corrupt_row_is_named_and_hides_no_other() {
    let cases = [
        ("created_at", "'yesterday'"),
        ("created_at", "NULL || 7"),
        ("modified_at", "''"),
        ("ended_at", "'2026-13-01 00:00:00'"),
        ("status", "'paused'"),
        ("process_type", "'daemon'"),
        ("cmd", "'{}'"),
        ("cmd", "'[1]'"),
        ("env", "'[]'"),
        ("pid", "0"),
        ("pid", "4294967296"),
        ("exit_code", "4294967296"),
        ("parent_id", "'banana'"),
        ("outcome", "'vanished'"),
        ("stop_by", "NULL"),
        ("start_ticks", "NULL"),
        ("cpu_system_us", "NULL"),
        ("attempt", "-1"),
        ("launch", "'7'"),
        ("secret_env", "'{}'"),
        ("owner", "'me'"),
        ("kill_mode", "'all'"),
        ("secret_batch", "'banana'"),
    ];
    for (column, value) in cases {
        let mut ledger = ledger();
        let [good, bad, fine] = &ledger.processes;
        let id = bad.id.simple();
        // A row with something in every group of columns.
        let step = hostledger_model::ProcessChange::Started(started(4711));
        let changes = vec![Change::ChangeProcess {
            id: bad.id,
            change: step,
            owner: None,
        }];
        write(&ledger.store, changes);
        let sql = format!(
            "PRAGMA foreign_keys = OFF;
             PRAGMA ignore_check_constraints = ON;
             UPDATE machine_process
             SET stop_at = created_at, stop_by = 'x', stop_signal = 9,
                 cpu_user_us = 0, cpu_system_us = 0, max_rss_kib = 0, block_inputs = 0,
                 block_outputs = 0, voluntary_switches = 0, involuntary_switches = 0
             WHERE id = '{id}';
             UPDATE machine_process SET {column} = {value} WHERE id = '{id}';"
        );
        if ledger.other.batch_execute(&sql).is_err() {
            assert_eq!(value, "NULL || 7", "the column takes no NULL");
            continue;
        }
        let error = ledger.store.process(bad.id).unwrap_err();
        let StoreError::Corrupt(row) = &error else {
            panic!("{column} = {value}: {error:?}");
        };
        assert_eq!(
            (row.table, row.id.as_str()),
            ("machine_process", id.as_str())
        );
        assert_eq!(row.column, column, "{value}");
        assert!(error.to_string().contains(column) && error.to_string().contains(&id));

        let rows = ledger.store.processes(&ProcessFilter::default()).unwrap();
        assert_eq!(rows.corrupt.len(), 1);
        let mut ids: Vec<_> = rows.records.iter().map(|process| process.id).collect();
        ids.sort();
        assert_eq!(ids, [good.id, fine.id]);
        let (read, corrupt): (Vec<_>, Vec<_>) =
            Records::processes(&ledger.store).partition(Result::is_ok);
        assert_eq!((read.len(), corrupt.len()), (2, 1), "{column} = {value}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_named_and_hides_no_other() {
    let mut ledger = ledger();
    let [good, bad, fine] = &ledger.processes;
    let id = bad.id.simple();
    let sql = format!("UPDATE machine_process SET stdout = x'61ff62' WHERE id = '{id}'");
    ledger.other.batch_execute(&sql).unwrap();

    let error = ledger.store.process(bad.id).unwrap_err();
    let StoreError::Corrupt(row) = &error else {
        panic!("{error:?}");
    };
    assert_eq!((row.id.as_str(), &*row.column), (id.as_str(), "stdout"));
    let page = ledger.store.process_page(None, 2).unwrap();
    assert_eq!(page.rows.records, std::slice::from_ref(good));
    assert_eq!(page.rows.corrupt.len(), 1);
    let rest = ledger.store.process_page(page.next.as_ref(), 2).unwrap();
    assert_eq!(rest.rows.records, std::slice::from_ref(fine));
}

#[test]
fn what_changes_often_is_found_by_small_indexes() {
    let mut ledger = ledger();
    let machine = ledger.machine.id.simple();
    let mut plan = |query: &str| -> String {
        let sql = format!("EXPLAIN QUERY PLAN SELECT id FROM machine_process WHERE {query}");
        #[derive(QueryableByName)]
        struct Step {
            #[diesel(sql_type = sql_types::Text)]
            detail: String,
        }
        let steps: Vec<Step> = sql_query(sql).load(&mut ledger.other).unwrap();
        steps.into_iter().map(|step| step.detail).collect()
    };
    for (query, index) in [
        (format!("status = 'running' AND machine_id = '{machine}' AND pid = 7 ORDER BY +created_at, id"), "running_idx"),
        ("status = 'running' ORDER BY +created_at, id".to_owned(), "running_idx"),
        ("status = 'queued' ORDER BY +created_at DESC, id DESC LIMIT 9".to_owned(), "queued_idx"),
        (format!("status = 'queued' AND machine_id = '{machine}' AND retry_at <= 'x' ORDER BY retry_at, created_at, id LIMIT 32"), "queued_idx"),
        ("parent_id IN ('x', 'y')".to_owned(), "parent_idx"),
        (format!("status = 'queued' AND machine_id = '{machine}' AND retry_at IS NOT NULL AND owner IS NOT 'x' ORDER BY retry_at, created_at, id LIMIT 1"), "queued_idx"),
        (format!("machine_id = '{machine}' AND owner IS NOT NULL AND +status = 'queued' AND retry_at > 'x' ORDER BY +created_at, id"), "owner_idx"),
        (format!("machine_id = '{machine}' AND owner = 'x' AND +status <> 'exited' ORDER BY +created_at, id"), "owner_idx"),
        (format!("machine_id = '{machine}' AND owner IS NOT NULL AND status <> 'exited'"), "owner_idx"),
        (format!("status = 'running' AND machine_id = '{machine}' AND +process_type = 'worker' ORDER BY +created_at, id"), "running_idx"),
        ("status = 'running' AND +worker_type = 'crawl' AND parent_id IS 'x' AND name IS 'x' AND +created_at >= 'x' ORDER BY +created_at, id".to_owned(), "running_idx"),
        ("parent_id = 'x' ORDER BY +created_at DESC, id DESC LIMIT 9".to_owned(), "parent_idx"),
        ("secret_batch = 'x' AND status <> 'exited'".to_owned(), "secret_batch_idx"),
        ("name = 'x' ORDER BY created_at DESC, id DESC LIMIT 9".to_owned(), "name_idx"),
        ("exit_code = -1".to_owned(), "found_gone_idx"),
        ("binary_id = 'x' AND exit_code <> 0".to_owned(), "binary_idx"),
        ("process_type = 'hook' AND process_type <> 'cli' ORDER BY created_at DESC, id DESC LIMIT 9".to_owned(), "type_idx"),
        ("worker_type = 'crawl' AND worker_type <> '' ORDER BY created_at, id".to_owned(), "worker_type_idx"),
        ("1 ORDER BY created_at DESC, id DESC LIMIT 9".to_owned(), "created_at_idx"),
        ("created_at >= 'x' AND (created_at > 'x' OR id > 'y') ORDER BY created_at, id LIMIT 9".to_owned(), "created_at_idx"),
    ] {
        let plan = plan(&query);
        assert!(plan.contains(&format!("machine_process_{index}")), "{query}: {plan}");
        let sorted_by_index = query.contains("ORDER BY retry_at");
        assert!(!(sorted_by_index && plan.contains("TEMP B-TREE")), "{query}: {plan}");
    }
}
