//! Hooks of plugins, by ArchiveBox's contract.

mod background;
mod environment;
mod install;
mod interruption;
mod list;
mod order;
mod output;
mod records;
mod timeout;
mod verdict;

use std::fs;

use hostledger_tests::{Invocation, Ledger, Output, json_lines};
use serde_json::Value;

/// Writes a file of a plugin into `plugins`, where [`hook`] looks.
fn plugin_file(ledger: &Ledger, path: &str, text: &str) {
    let path = ledger.path("plugins").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// `hostledger hook …` with these plugins.
fn hook(ledger: &Ledger, arguments: &[&str]) -> Invocation {
    ledger
        .command(["hook"])
        .args(arguments)
        .args(["--plugins", "plugins"])
}

/// The records and processes that `hook run X --json` prints.
struct Ran {
    output: Output,
    lines: Vec<Value>,
}

impl Ran {
    #[track_caller]
    fn of(invocation: Invocation) -> Self {
        let output = invocation.args(["--json"]).output();
        let lines = json_lines(&output.stdout);
        Self { output, lines }
    }

    /// The rows of the hooks, in the order in which they were told.
    fn processes(&self) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(|line| is_row(line))
    }

    /// What the hooks printed.
    fn records(&self) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(|line| !is_row(line))
    }

    /// The row of a hook by the name of its file.
    #[track_caller]
    fn process(&self, name: &str) -> &Value {
        let found = self.processes().find(|row| row["hook_name"] == name);
        found.ok_or_else(|| self.output.report()).expect(name)
    }
}

/// A hook may print a record of a process as well, which has no verdict.
fn is_row(line: &Value) -> bool {
    line["verdict"].is_string()
}

/// `hook run X`, to its end.
#[track_caller]
fn run(ledger: &Ledger) -> Ran {
    Ran::of(hook(ledger, &["run", "X"]))
}
