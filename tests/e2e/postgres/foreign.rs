//! Another program's database on a server: read, shown, exported, and left as it is.

use hostledger_tests::Ledger;
use hostledger_tests::postgres::{Database, available};

const TABLES: &str = include_str!("../../../crates/store/tests/store/postgres/archivebox.sql");

const HOOK: &str = "06b023a702797eff";

#[test]
fn it_is_shown_listed_and_exported_and_never_written() {
    if !available() {
        return;
    }
    let database = Database::shared();
    database.run(TABLES);
    let ledger = Ledger::at(database.url());
    let tables = "SELECT count(*)
        FROM information_schema.tables WHERE table_schema = 'public'";
    let before = database.run(tables);

    let shown = &ledger.json(["show", HOOK])[0];
    assert_eq!(shown["exit_code"], 3);
    let list = ledger.run(["ps", "--all"]).expect_code(0);
    assert!(list.stdout_text().contains("wget"), "{}", list.report());
    assert_eq!(ledger.export().len(), 6);
    ledger.run(["doctor"]).expect_code(0);

    let foreign = ["another program"];
    let run = ledger.run(["run", "--", "touch", "ran"]);
    run.expect_refusal(125, &foreign);
    for command in [
        &["submit", "--", "true"][..],
        &["work", "--once"],
        &["cleanup"],
        &["machine", "--refresh"],
    ] {
        ledger.run(command).expect_refusal(1, &foreign);
    }
    assert!(!ledger.path("ran").exists());
    assert!(!ledger.data().exists(), "a data directory was made");
    assert_eq!(database.run(tables), before);
}
