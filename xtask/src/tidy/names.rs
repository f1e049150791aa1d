//! A module is named for what it holds. Names that fit anything soon hold everything.

use anyhow::Result;

use super::finding::Finding;
use super::tokens::{self, places};
use super::tree::Tree;

const BANNED: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "misc", "manager", "managers",
];

/// No word of a file's, directory's or module's name is one of [`BANNED`].
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let path = file.path.trim_end_matches(".rs");
        for word in path.split('/').filter_map(banned_word) {
            findings.push(Finding::error(&file.path, 1, advice(word)));
        }
        for place in places(&tokens::of(file)?, &["mod", "*", "{"]) {
            if let Some(word) = banned_word(&place[1].text) {
                findings.push(Finding::error(&file.path, place[1].line, advice(word)));
            }
        }
    }
    Ok(findings)
}

fn banned_word(name: &str) -> Option<&'static str> {
    BANNED
        .iter()
        .copied()
        .find(|banned| name.split(['_', '-', '.']).any(|word| word == *banned))
}

fn advice(word: &str) -> String {
    format!("`{word}` says nothing: name the module for the one thing it holds")
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
    fn empty_names_are_found_in_files_directories_and_modules() {
        assert_eq!(lines("crates/a/src/utils.rs", ""), [1]);
        assert_eq!(lines("crates/a/src/process_manager.rs", ""), [1]);
        assert_eq!(lines("crates/a/tests/common/mod.rs", ""), [1]);
        assert_eq!(lines("crates/a/src/lib.rs", "\nmod helpers {}\n"), [2]);
    }

    #[test]
    fn names_that_only_contain_such_letters_are_fine() {
        assert!(lines("crates/a/src/commons_licence.rs", "mod utilisation {}\n").is_empty());
    }
}
