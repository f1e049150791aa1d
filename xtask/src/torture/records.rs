//! What the ledger says.

use anyhow::{Context, Result};
use serde_json::Value;

use super::place::Place;

/// One record of a process.
#[derive(Debug, Clone)]
pub(crate) struct Record(pub(crate) Value);

impl Record {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> &str {
        self.text("id")
    }

    pub(crate) fn pid(&self) -> Option<i32> {
        self.0["pid"].as_i64()?.try_into().ok()
    }

    pub(crate) fn exit_code(&self) -> Option<i64> {
        self.0["exit_code"].as_i64()
    }

    /// Its arguments.
    pub(crate) fn command(&self) -> Vec<&str> {
        let words = self.0["cmd"].as_array().into_iter().flatten();
        words.filter_map(Value::as_str).collect()
    }
}

impl Place<'_> {
    /// All records of processes, oldest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub(crate) fn records(&self) -> Result<Vec<Record>> {
        self.listed("ps --all --limit 0 --json")
    }

    /// Those that run, as far as the ledger knows.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub(crate) fn running(&self) -> Result<Vec<Record>> {
        self.listed("ps --limit 0 --json")
    }

    /// Those of a status.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub(crate) fn of_status(&self, status: &str) -> Result<Vec<Record>> {
        self.listed(&format!("ps --limit 0 --json --status {status}"))
    }

    fn listed(&self, list: &str) -> Result<Vec<Record>> {
        let listed = self.hostledger().args(list).output()?;
        let listed = String::from_utf8(listed).context("the list is no text")?;
        let record = |line: &str| -> Result<Record> {
            let record = serde_json::from_str(line);
            Ok(Record(record.with_context(|| format!("no JSON: {line}"))?))
        };
        listed.lines().map(record).collect()
    }
}
