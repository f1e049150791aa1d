//! A row that cannot be read keeps nobody else from anything.

use std::fs;

use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use hostledger_tests::{Ledger, Signal, wait_until};

use crate::background::record;

#[test]
fn what_a_dead_worker_has_left_beside_it_is_settled_with_its_true_code() {
    let ledger = Ledger::new();
    let ids = [5, 6].map(|code| {
        let script = format!("until [ -e go ]; do sleep 0.01; done; exit {code}");
        let queued = ledger.run(["submit", "--", "sh", "-c", &script]);
        queued.expect_code(0).stdout_text().trim_end().to_owned()
    });
    let work = ledger.command(["work", "--jobs", "2"]).start();
    wait_until("both run", || {
        ids.iter()
            .all(|id| record(&ledger, id)["status"] == "running")
    });
    work.signal(Signal::KILL);
    let _killed = work.wait();
    let path = ledger.database();
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let id = ids[0].replace('-', "");
    let garbage = format!("UPDATE machine_process SET started_at = 'garbage' WHERE id = '{id}'");
    assert_eq!(diesel::sql_query(garbage).execute(&mut other).unwrap(), 1);
    fs::write(ledger.path("go"), "").unwrap();
    wait_until("all have gone", || ledger.alive().is_empty());

    ledger.run(["wait", &ids[1]]).expect_code(6);
    ledger.run(["work", "--once"]).expect_code(0);
    // Once it can be read, its end is there as well.
    let mended = format!("UPDATE machine_process SET started_at = modified_at WHERE id = '{id}'");
    assert_eq!(diesel::sql_query(mended).execute(&mut other).unwrap(), 1);
    ledger.run(["wait", &ids[0]]).expect_code(5);
}
