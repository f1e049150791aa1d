//! `cargo xtask test`: all tests by nextest, and which of them could not run here.

use std::io::ErrorKind;

use anyhow::{Context, Result};

use crate::program::Program;
use crate::tools::{self, NEXTEST};
use crate::workspace::Workspace;

/// Where nextest leaves what the tests have written, as .config/nextest.toml says.
const REPORT: &str = "target/nextest/ci/junit.xml";

/// Runs the tests. One that cannot run on this host (no root, an old kernel) passes and says
/// `SKIPPED:`; nextest hides what passing tests say, so it is repeated at the end.
///
/// # Errors
/// A test fails, or the report is not there.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let report = workspace.root.join(REPORT);
    match std::fs::remove_file(&report) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{report} cannot be removed"));
        }
        _ => {}
    }
    let outcome = Program::new(workspace, tools::path(workspace, &NEXTEST)?)
        .args("nextest run --workspace --profile ci")
        .run();
    match std::fs::read_to_string(&report) {
        Ok(written) => {
            for skipped in skipped(&written) {
                eprintln!("    {skipped}");
            }
        }
        // No report: nothing was run, and the outcome says why.
        Err(_) if outcome.is_err() => {}
        Err(error) => return Err(error).with_context(|| format!("{report} cannot be read")),
    }
    outcome
}

/// Each line that says so, after the name of its test.
fn skipped(report: &str) -> Vec<String> {
    let mut test = "";
    let mut found = Vec::new();
    for line in report.lines() {
        if let Some((_, rest)) = line.split_once("<testcase name=\"") {
            test = rest.split('"').next().unwrap_or_default();
        }
        if let Some(start) = line.find("SKIPPED:") {
            let said = &line[start..];
            found.push(format!(
                "{test} {}",
                said.split("</").next().unwrap_or(said)
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_could_not_run_is_named_with_its_reason() {
        let report = "<testsuite name=\"a\">\n\
                      \x20 <testcase name=\"runs\" classname=\"a\">\n\
                      \x20   <system-out>running 1 test</system-out>\n\
                      \x20 <testcase name=\"tests::needs_root\" classname=\"a\">\n\
                      \x20   <system-err>SKIPPED: not root</system-err>\n\
                      \x20 <testcase name=\"needs_pidfs\" classname=\"a\">\n\
                      \x20   <system-out>running 1 test\nSKIPPED: no pidfs\ntest ok\n";
        assert_eq!(
            skipped(report),
            [
                "tests::needs_root SKIPPED: not root",
                "needs_pidfs SKIPPED: no pidfs"
            ]
        );
    }
}
