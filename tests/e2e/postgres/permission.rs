//! Those who may not write are told so, and do not wait for it.

use hostledger_tests::postgres::{Database, available};
use hostledger_tests::{Ledger, Signal, wait_until};

/// A role of a test's own: the shared server keeps roles, whichever database they were for.
struct Role<'d> {
    database: &'d Database,
    name: String,
}

impl<'d> Role<'d> {
    fn new(database: &'d Database, privileges: &str) -> Self {
        let name = format!("role_{}", database.name());
        database.run(&format!("CREATE ROLE {name} LOGIN"));
        database.run(&format!(
            "GRANT {privileges} ON ALL TABLES IN SCHEMA public TO {name}"
        ));
        Self { database, name }
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        self.database
            .run(&format!("DROP OWNED BY {name}; DROP ROLE {name}"));
    }
}

#[test]
fn work_that_may_not_write_ends_at_once_and_says_what_is_missing() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let owner = Ledger::at(database.url());
    owner.run(["submit", "--", "true"]).expect_code(0);

    let reader = Role::new(&database, "SELECT");
    let ledger = Ledger::at(database.url_of(&reader.name));
    let work = ledger.run(["work", "--once"]);
    let work = work.expect_refusal(
        1,
        &["may not do this", "it has no INSERT on machine_machine"],
    );
    work.expect_hint();
    drop(reader);

    database.run(&format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        database.name()
    ));
    let work = owner.run(["work", "--once"]);
    let work = work.expect_refusal(1, &["cannot be written: its server is read-only"]);
    work.expect_hint();
}

#[test]
fn work_that_may_not_write_any_more_says_so_and_goes_on_when_it_may() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let owner = Ledger::at(database.url());
    owner.run(["submit", "--", "true"]).expect_code(0);
    let role = Role::new(&database, "SELECT, INSERT, UPDATE, DELETE");
    let ledger = Ledger::at(database.url_of(&role.name));
    let work = ledger.command(["work"]).start();
    let count = |status: &str| {
        let query = format!("SELECT count(*) FROM machine_process WHERE status = '{status}'");
        database.run(&query).trim().to_owned()
    };
    wait_until("it works", || count("exited") == "1");
    let name = &role.name;
    database.run(&format!("REVOKE UPDATE ON machine_process FROM {name}"));
    owner.run(["submit", "--", "true"]).expect_code(0);
    wait_until("it says why it does nothing", || {
        work.stderr()
            .contains("warning: what is due cannot be taken on")
    });
    assert!(work.stderr().contains("hint: "), "{}", work.stderr());
    database.run(&format!("GRANT UPDATE ON machine_process TO {name}"));
    wait_until("it goes on", || count("exited") == "2");
    work.signal(Signal::TERM);
    work.wait().expect_code(0);
}
