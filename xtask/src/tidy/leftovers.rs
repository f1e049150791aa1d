//! Nothing is left for later: no stub, no reminder, no test that is switched off, no lint that is
//! silenced without a reason, and no path that leads out of the repository.

use anyhow::Result;

use super::finding::Finding;
use super::tokens::{self, Token, places};
use super::tree::{File, Tree};

/// What may stand in no file, and what to do about it. Put together, so that this file has none.
const WORDS: &[(&str, &str)] = &[
    (concat!("FIX", "ME"), "repair it now, or open an issue"),
    (concat!("TO", "DO"), "do it now, or open an issue"),
    (
        concat!("../", "shared"),
        "leads out of the repository, where a reader has nothing: say it here",
    ),
];

/// What may stand in no code: tokens, and what to do about them.
const CODE: &[(&[&str], &str)] = &[
    (&["todo", "!"], "write it, or leave the function out"),
    (
        &["unimplemented", "!"],
        "write it, or leave the function out",
    ),
    (
        &["#", "[", "ignore"],
        "a test runs or it goes; where the host cannot, it says SKIPPED and why",
    ),
];

/// Looks for [`WORDS`] in every file and for [`CODE`] in Rust.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in &tree.files {
        findings.extend(words(file));
    }
    for file in tree.rust() {
        let tokens = tokens::of(file)?;
        for (pattern, advice) in CODE {
            for place in places(&tokens, pattern) {
                let message = format!("`{}`: {advice}", pattern.concat());
                findings.push(Finding::error(&file.path, place[0].line, message));
            }
        }
        findings.extend(silenced(file, &tokens));
    }
    Ok(findings)
}

fn words(file: &File) -> impl Iterator<Item = Finding> {
    file.lines().flat_map(move |(line, text)| {
        WORDS
            .iter()
            .filter(move |(word, _)| text.contains(word))
            .map(move |(word, advice)| {
                Finding::error(&file.path, line, format!("`{word}`: {advice}"))
            })
    })
}

/// `allow` in an attribute, also inside of `cfg_attr`.
fn silenced(file: &File, tokens: &[Token]) -> Vec<Finding> {
    places(tokens, &["allow", "("])
        .filter(|place| place[0].in_attribute)
        .map(|place| {
            let message = "`allow`: use `#[expect(…, reason = \"…\")]`, which speaks up when it is \
                           no longer needed";
            Finding::error(&file.path, place[0].line, message)
        })
        .collect()
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
    fn words_are_found_in_any_file() {
        for (word, _) in WORDS {
            assert_eq!(
                lines("docs/a.md", &format!("fine\nsee {word}\n")),
                [2],
                "{word}"
            );
        }
    }

    #[test]
    fn stubs_and_switched_off_tests_are_found_in_code() {
        assert_eq!(lines("a.rs", "fn f() {\n    todo!()\n}\n"), [2]);
        assert_eq!(lines("a.rs", "fn f() { unimplemented!(\"x\") }\n"), [1]);
        assert_eq!(
            lines("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn t() {}\n"),
            [2]
        );
        assert!(
            lines(
                "a.rs",
                "/// Not `todo!()`.\nconst A: &str = \"#[ignore]\";\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_silenced_lint_is_found_wherever_the_attribute_stands() {
        assert_eq!(lines("a.rs", "#![allow(dead_code)]\n"), [1]);
        assert_eq!(
            lines("a.rs", "\n#[allow(dead_code, reason = \"x\")]\nfn f() {}\n"),
            [2]
        );
        assert_eq!(
            lines("a.rs", "#[cfg_attr(test, allow(dead_code))]\nfn f() {}\n"),
            [1]
        );
        assert!(lines("a.rs", "#[expect(dead_code, reason = \"x\")]\nfn f() {}\n").is_empty());
        assert!(lines("a.rs", "fn f() { gate.allow(1) }\n").is_empty());
    }
}
