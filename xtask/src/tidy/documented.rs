//! A reader finds out what each crate is for: in its manifest, at the top of its code, and in the
//! architecture's description.

use anyhow::Result;

use super::finding::Finding;
use super::tree::{Package, Tree};

const ARCHITECTURE: &str = "docs/architecture.md";

/// Every crate has a description, documentation at its root, and a paragraph.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let architecture = tree.text(ARCHITECTURE);
    if architecture.is_none() {
        let message = "is missing: a paragraph for each crate, what it owns and must never know";
        findings.push(Finding::error(ARCHITECTURE, 1, message));
    }
    for package in &tree.packages {
        if package.description.trim().is_empty() {
            let message = format!(
                "{} has no description: say in a line what it is",
                package.name
            );
            findings.push(Finding::error(&package.manifest, 1, message));
        }
        findings.extend(undocumented_roots(tree, package));
        if architecture.is_some_and(|text| !names(text, &package.name)) {
            let message = format!("{} is not described: add a paragraph", package.name);
            findings.push(Finding::error(ARCHITECTURE, 1, message));
        }
    }
    Ok(findings)
}

fn undocumented_roots(tree: &Tree, package: &Package) -> impl Iterator<Item = Finding> {
    package
        .roots
        .iter()
        .filter(|root| !tree.text(root).is_some_and(|text| text.starts_with("//!")))
        .map(|root| {
            Finding::error(
                root,
                1,
                "must begin with `//!`: one plain sentence on what this is",
            )
        })
}

/// Whether the text has the name as a word of its own: `hostledger-store` is no `hostledger`.
fn names(text: &str, name: &str) -> bool {
    let part = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    text.match_indices(name).any(|(start, _)| {
        !text[..start].ends_with(part) && !text[start + name.len()..].starts_with(part)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture;
    use super::*;

    fn found(root: &str, description: &str, architecture: &str) -> Vec<String> {
        let mut tree = fixture::files(&[("a/src/lib.rs", root), (ARCHITECTURE, architecture)]);
        tree.packages.push(Package {
            name: "hostledger".to_owned(),
            manifest: "a/Cargo.toml".to_owned(),
            roots: vec!["a/src/lib.rs".to_owned()],
            description: description.to_owned(),
            ..Package::default()
        });
        check(&tree)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    const ROOT: &str = "//! A ledger.\n";

    #[test]
    fn a_documented_crate_is_fine() {
        assert!(found(ROOT, "A ledger", "- `hostledger`: the facade").is_empty());
    }

    #[test]
    fn each_thing_missing_is_found_in_its_place() {
        assert!(found("mod a;\n", "A ledger", "hostledger")[0].starts_with("a/src/lib.rs:1: "));
        assert!(found(ROOT, " ", "hostledger")[0].starts_with("a/Cargo.toml:1: "));
        assert!(found(ROOT, "A ledger", "")[0].starts_with("docs/architecture.md:1: "));
    }

    #[test]
    fn a_longer_name_does_not_stand_for_a_shorter_one() {
        assert_eq!(
            found(ROOT, "A ledger", "hostledger-store is the store").len(),
            1
        );
    }

    #[test]
    fn a_missing_document_is_found_once() {
        let findings = check(&fixture::files(&[])).unwrap();
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.starts_with("is missing"));
    }
}
