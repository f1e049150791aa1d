//! docs/guarantees.md names the test or the proof that holds each promise. This keeps the names
//! true.

use std::ffi::OsString;

use anyhow::Result;

use super::finding::Finding;
use super::tokens::{self, places};
use super::tree::{File, Tree};
use crate::arguments;

const DOCUMENT: &str = "docs/guarantees.md";

/// What stands before the words of a chore.
const CHORE: &str = "cargo xtask ";

/// Each `path/to/file.rs::name` in code quotes is a function in that file, and each
/// `cargo xtask …` one that would be run.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let Some(document) = tree.files.iter().find(|file| file.path == DOCUMENT) else {
        let message = "is missing: what is promised, and the test that holds it";
        return Ok(vec![Finding::error(DOCUMENT, 1, message)]);
    };
    let mut findings = Vec::new();
    for (line, name) in quoted(document) {
        if let Some(words) = name.strip_prefix(CHORE) {
            let words = words.split(' ').map(OsString::from);
            if let Err(error) = arguments::parse(words) {
                let message = format!("`{name}` is no chore: {error:#}");
                findings.push(Finding::error(DOCUMENT, line, message));
            }
            continue;
        }
        let Some((path, function)) = name.split_once("::") else {
            continue;
        };
        if !path.ends_with(".rs") {
            continue;
        }
        let message = match tree.files.iter().find(|file| file.path == path) {
            None => format!("{path} is not there: name the test that holds this now"),
            Some(file) if !has_function(file, function)? => {
                format!("{path} has no {function}: name the test that holds this now")
            }
            Some(_) => continue,
        };
        findings.push(Finding::error(DOCUMENT, line, message));
    }
    Ok(findings)
}

/// What stands between back-ticks, with its line.
fn quoted(document: &File) -> impl Iterator<Item = (usize, &str)> {
    document
        .lines()
        .flat_map(|(line, text)| text.split('`').skip(1).step_by(2).map(move |it| (line, it)))
}

fn has_function(file: &File, name: &str) -> Result<bool> {
    let tokens = tokens::of(file)?;
    Ok(places(&tokens, &["fn", name]).next().is_some())
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture;
    use super::*;

    fn found(document: &str) -> Vec<String> {
        let test = "#[test]\nfn it_holds() {}\n// fn it_is_a_comment() {}\n";
        let tree = fixture::files(&[("tests/e2e/a.rs", test), (DOCUMENT, document)]);
        check(&tree)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_test_that_is_there_is_fine_and_other_code_is_not_looked_at() {
        assert!(found("`tests/e2e/a.rs::it_holds`, `hostledger run`, `Ledger::open`\n").is_empty());
    }

    #[test]
    fn a_test_or_file_that_is_gone_is_found_on_its_line() {
        let gone = found("# x\n`tests/e2e/a.rs::it_is_a_comment` `tests/e2e/b.rs::it_holds`\n");
        assert_eq!(gone.len(), 2);
        assert!(
            gone.iter()
                .all(|it| it.starts_with("docs/guarantees.md:2: error: "))
        );
        assert!(gone.iter().any(|it| it.contains("no it_is_a_comment")));
        assert!(
            gone.iter()
                .any(|it| it.contains("tests/e2e/b.rs is not there"))
        );
    }

    #[test]
    fn a_proof_or_chore_that_is_gone_is_found() {
        let there =
            "`cargo xtask torture exits`, `cargo xtask torture --short`, `cargo xtask bench`";
        assert!(found(there).is_empty());
        for gone in ["torture exit", "bench nothing", "tortur exits"] {
            let gone = found(&format!("`cargo xtask {gone}`"));
            assert_eq!(gone.len(), 1, "{gone:?}");
            assert!(gone[0].contains("is no chore"), "{gone:?}");
        }
    }

    #[test]
    fn a_missing_document_is_found() {
        assert_eq!(check(&fixture::files(&[])).unwrap().len(), 1);
    }
}
