//! Programs that are found, installed and verified, with scripts in place of package managers.

mod find;
mod hostile;
mod install;
mod launch;
mod once;
mod verify;
mod worker;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use hostledger_tests::{Invocation, Ledger, Output, json_lines};
use serde_json::Value;

/// Writes an executable shell script.
fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // A new file each time: one that is being executed cannot be written.
    let fresh = path.with_extension("new");
    fs::write(&fresh, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&fresh, Permissions::from_mode(0o755)).unwrap();
    fs::rename(fresh, path).unwrap();
}

/// A program on the `PATH` of [`binary`].
fn tool(ledger: &Ledger, name: &str, text: &str) {
    script(&ledger.path("tools").join(name), text);
}

/// Stands for `npm`: puts a program that says this version where npm does.
fn npm(ledger: &Ledger, first: &str, version: &str) {
    let install = format!(
        "{first}\nfor name; do :; done\nbin=$6/node_modules/.bin; /bin/mkdir -p $bin\n\
         printf '#!/bin/sh\\necho {version}\\n' > $bin/$name.new; /bin/chmod 755 $bin/$name.new\n\
         /bin/mv $bin/$name.new $bin/$name; echo x >> {}",
        ledger.path("installed").display()
    );
    tool(ledger, "npm", &install);
}

/// How often [`npm`] has installed something.
fn installs(ledger: &Ledger) -> usize {
    let log = fs::read_to_string(ledger.path("installed")).unwrap_or_default();
    log.lines().count()
}

/// `hostledger binary …` with nothing else on `PATH` than [`tool`]s.
fn binary(ledger: &Ledger, arguments: &[&str]) -> Invocation {
    fs::create_dir_all(ledger.path("tools")).unwrap();
    ledger
        .command(["binary"])
        .args(arguments)
        .env("PATH", ledger.path("tools"))
}

/// The records that `hostledger binary … --json` prints.
#[track_caller]
fn records(output: &Output) -> Vec<Value> {
    json_lines(&output.stdout)
}

/// The only record that a command prints which must succeed.
#[track_caller]
fn record(ledger: &Ledger, arguments: &[&str]) -> Value {
    let output = binary(ledger, arguments).args(["--json"]).output();
    let mut records = records(&output.expect_code(0));
    assert_eq!(records.len(), 1, "{records:#?}");
    records.remove(0)
}

/// The processes that providers have run, oldest first.
fn runs(ledger: &Ledger) -> Vec<Value> {
    ledger.json(["ps", "--all", "--type", "binary"])
}
