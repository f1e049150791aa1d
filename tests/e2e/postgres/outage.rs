//! A server that goes away while a queue is worked off.

use std::fs::{self, File};
use std::thread;
use std::time::Duration;

use hostledger_tests::postgres::{Server, available};
use hostledger_tests::{Ledger, Signal, wait_until};
use serde_json::json;

use crate::work::{append, lines, status, submit, until, wait_asleep, wait_lines, worker};

#[test]
fn a_restart_in_the_middle_of_the_work_loses_nothing() {
    if !available() {
        return;
    }
    let mut server = Server::start();
    let database = server.database();
    let ledger = Ledger::at(database.url());
    let file = ledger.path("ran");
    let script =
        |number: usize| format!("{}; sleep 0.02; exit 5", append(&file, &number.to_string()));
    let scripts: Vec<_> = (0..200).map(script).collect();
    submit(&ledger, &scripts, &json!({}));
    let work = worker(&ledger, &["--once", "--jobs", "4"]);
    for (ran, crashes) in [(20, true), (80, false), (140, true)] {
        wait_lines(&file, ran);
        if crashes {
            server.crash();
        } else {
            server.kill();
        }
        server.start_again();
    }
    work.wait().expect_code(0);
    let mut ran: Vec<usize> = lines(&file).iter().map(|it| it.parse().unwrap()).collect();
    ran.sort_unstable();
    assert_eq!(ran, (0..200).collect::<Vec<_>>(), "each once");
    let processes = ledger.processes();
    assert!(
        processes.iter().all(|it| it["exit_code"] == 5),
        "{processes:#?}"
    );
}

/// Longer than anybody waits for a server: writing fails, and claiming, until it is back.
#[test]
fn a_server_that_is_gone_for_longer_than_anybody_waits_for_it_loses_nothing_either() {
    if !available() {
        return;
    }
    let mut server = Server::start();
    let database = server.database();
    let ledger = Ledger::at(database.url());
    let (go, begun) = (ledger.path("go"), ledger.path("begun"));
    let ids = submit(&ledger, &vec![until(&go, &begun, 7); 6], &json!({}));
    let said = ledger.path("said");
    let work = ledger.command(["-v", "work", "--jobs", "3"]);
    let work = work.stderr(File::create(&said).unwrap()).start();
    wait_lines(&begun, 3);
    wait_until("their starts are recorded", || {
        ids[..3].iter().all(|id| status(&ledger, id) == "running")
    });
    server.kill();
    fs::write(&go, "").unwrap();
    let says = |what: &str| fs::read_to_string(&said).unwrap().contains(what);
    wait_until("an end could not be written", || {
        says("a change was not written")
    });
    server.start_again();
    wait_until("all have ended", || {
        ids.iter().all(|id| status(&ledger, id) == "exited")
    });
    for process in ledger.processes() {
        assert_eq!(process["exit_code"], 7, "{process:#}");
        assert_eq!(process["outcome"], "exited", "{process:#}");
    }
    assert_eq!(lines(&begun).len(), 6, "each once");
    work.signal(Signal::TERM);
    work.wait().expect_code(0);
}

/// Connections stay open, and nothing is answered.
#[test]
fn a_server_that_stands_still_for_a_while_loses_nothing() {
    if !available() {
        return;
    }
    let server = Server::start();
    let database = server.database();
    let ledger = Ledger::at(database.url());
    let file = ledger.path("ran");
    let script = |number: usize| format!("{}; sleep 0.05", append(&file, &number.to_string()));
    let scripts: Vec<_> = (0..120).map(script).collect();
    let workers = [(); 2].map(|()| worker(&ledger, &["--jobs", "2"]));
    for work in &workers {
        wait_asleep(work);
    }
    submit(&ledger, &scripts, &json!({"timeout": "1s"}));
    wait_lines(&file, 20);
    // Longer than locks are waited for, and than the timeout.
    server.stopped(|| thread::sleep(Duration::from_secs(8)));
    wait_until("all are recorded as ended", || {
        ledger.processes().iter().all(|it| it["status"] == "exited")
    });
    let processes = ledger.processes();
    for process in &processes {
        assert_eq!(process["outcome"], "exited", "{process:#}");
        assert_eq!(process["attempt"], 1, "{process:#}");
    }
    let mut ran: Vec<usize> = lines(&file).iter().map(|it| it.parse().unwrap()).collect();
    ran.sort_unstable();
    assert_eq!(ran, (0..120).collect::<Vec<_>>(), "each once");
    for work in workers {
        work.signal(Signal::TERM);
        work.wait().expect_code(0);
    }
}

#[test]
fn what_a_server_says_as_it_stops_is_not_for_our_users() {
    if !available() {
        return;
    }
    let mut server = Server::start();
    let database = server.database();
    let ledger = Ledger::at(database.url());
    let file = ledger.path("ran");
    let work = worker(&ledger, &[]);
    submit(&ledger, &[append(&file, "before")], &json!({}));
    wait_lines(&file, 1);
    // What libpq is told while it connects it prints itself, before we can say what becomes of it.
    wait_asleep(&work);
    // Told to every connection, that of a worker who listens included.
    server.kill();
    server.start_again();
    submit(&ledger, &[append(&file, "after")], &json!({}));
    wait_lines(&file, 2);
    work.signal(Signal::TERM);
    let output = work.wait().expect_code(0);
    assert!(
        !output.stderr_text().contains("WARNING:"),
        "{}",
        output.report()
    );
}
