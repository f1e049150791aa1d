//! Text ends each line without blanks, and the last one with a newline. Recorded files (fixtures,
//! snapshots) stay as they were recorded.

use anyhow::Result;

use super::finding::Finding;
use super::tree::{File, Tree};

/// Directories whose files are recordings.
const RECORDED: &[&str] = &["fixtures", "snapshots"];

/// Every text file that somebody wrote.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !is_recorded(file)) {
        for (line, text) in file.lines() {
            if text.ends_with(|letter: char| letter.is_whitespace()) {
                findings.push(Finding::error(
                    &file.path,
                    line,
                    "blanks at the end: remove them",
                ));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            let line = file.lines().count();
            findings.push(Finding::error(
                &file.path,
                line,
                "no newline at the end: add one",
            ));
        }
        if file.text.ends_with("\n\n") {
            let line = file.lines().count();
            findings.push(Finding::error(
                &file.path,
                line,
                "empty line at the end: remove it",
            ));
        }
    }
    Ok(findings)
}

fn is_recorded(file: &File) -> bool {
    file.path.split('/').any(|part| RECORDED.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture;
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let findings = check(&fixture::files(&[(path, text)])).unwrap();
        findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn blanks_and_bad_ends_are_found_on_their_line() {
        assert_eq!(lines("a.md", "x\ny \nz\t\n"), [2, 3]);
        assert_eq!(lines("a.md", "x\r\n"), [1]);
        assert_eq!(lines("a.md", "x\ny"), [2]);
        assert_eq!(lines("a.md", "x\n\n"), [2]);
        assert!(lines("a.md", "x\n\ny\n").is_empty());
        assert!(lines("a.md", "").is_empty());
    }

    #[test]
    fn recordings_stay_as_they_are() {
        assert!(lines("crates/host/tests/fixtures/kvm/proc/cpuinfo", "x \ny").is_empty());
        assert!(lines("crates/cli/tests/snapshots/a.snap", "x \n").is_empty());
    }
}
