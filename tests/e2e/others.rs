//! Rows that change as if another program had written them, on a file and on a server.

use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use hostledger_tests::Ledger;
use hostledger_tests::postgres::{Database, available};

/// Changes rows of a file as others would have; says how many.
pub(crate) fn others(ledger: &Ledger, change: &str) -> usize {
    let path = ledger.database();
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    diesel::sql_query("PRAGMA busy_timeout = 20000")
        .execute(&mut other)
        .unwrap();
    diesel::sql_query(change).execute(&mut other).unwrap()
}

/// Changes rows as others would have; says how many.
pub(crate) type Others<'a> = &'a dyn Fn(&str) -> usize;

pub(crate) fn on_a_file(proves: fn(&Ledger, Others<'_>)) {
    let ledger = Ledger::new();
    proves(&ledger, &|change| others(&ledger, change));
}

pub(crate) fn on_a_server(proves: fn(&Ledger, Others<'_>)) {
    if !available() {
        return;
    }
    let database = Database::shared();
    let ledger = Ledger::at(database.url());
    proves(&ledger, &|change| {
        let changed = database.run(&format!("{change} RETURNING 'changed'"));
        changed.matches("changed").count()
    });
}
