//! Who may name which library: one crate wraps it, the others see only what that crate makes of
//! it, so that it can be replaced in one place.

use anyhow::Result;

use super::finding::Finding;
use super::manifest::Manifest;
use super::tree::Tree;

/// A library, and the crates that may name it outside of tests. A `*` at the end stands for a
/// family of names.
const OWNERS: &[(&str, &[&str])] = &[
    ("anyhow", &["hostledger-cli", "xtask"]),
    ("clap*", &["hostledger-cli"]),
    ("diesel", &["hostledger-store"]),
    ("diesel_migrations", &["hostledger-store"]),
    ("libc", &["hostledger-process", "hostledger-sys"]),
    ("libsqlite3-sys", &["hostledger-store"]),
    ("procfs", &["hostledger-process"]),
    ("statig", &["hostledger-lifecycle"]),
    ("ureq", &["hostledger-host"]),
];

/// A library with owners is named by them only.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in &tree.packages {
        let manifest = Manifest::parse(&package.manifest, tree.manifest(package)?)?;
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| !dependency.dev)
        {
            let Some(owners) = owners(&dependency.name) else {
                continue;
            };
            if !owners.contains(&package.name.as_str()) {
                let message = format!(
                    "{} may not name {}, only {}: use what that crate offers, or extend it",
                    package.name,
                    dependency.name,
                    owners.join(" and ")
                );
                let line = manifest.line_of_dependency(&dependency.name);
                findings.push(Finding::error(&package.manifest, line, message));
            }
        }
    }
    Ok(findings)
}

fn owners(library: &str) -> Option<&'static [&'static str]> {
    OWNERS
        .iter()
        .find(|(pattern, _)| match pattern.strip_suffix('*') {
            Some(family) => library.starts_with(family),
            None => library == *pattern,
        })
        .map(|(_, owners)| *owners)
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture;
    use super::*;

    fn found(name: &str, normal: &[&str], dev: &[&str]) -> Vec<String> {
        let tree = fixture::package(name, normal, dev);
        check(&tree)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn owners_and_tests_may_name_a_library() {
        assert!(
            found(
                "hostledger-store",
                &["diesel", "libsqlite3-sys", "serde"],
                &[]
            )
            .is_empty()
        );
        assert!(found("hostledger-cli", &["clap", "clap_complete", "anyhow"], &[]).is_empty());
        assert!(found("hostledger-engine", &["tracing"], &["libc"]).is_empty());
    }

    #[test]
    fn anybody_else_is_found_on_the_line_and_told_who_may() {
        for (package, library, owner) in [
            ("hostledger-engine", "diesel", "hostledger-store"),
            ("hostledger", "anyhow", "hostledger-cli and xtask"),
            ("xtask", "clap_mangen", "hostledger-cli"),
            (
                "hostledger-host",
                "libc",
                "hostledger-process and hostledger-sys",
            ),
        ] {
            let found = found(package, &["serde", library], &[]);
            assert_eq!(found.len(), 1, "{package} names {library}");
            assert!(found[0].starts_with(&format!("crates/{package}/Cargo.toml:5: error: ")));
            assert!(found[0].contains(&format!("only {owner}:")), "{}", found[0]);
        }
    }
}
