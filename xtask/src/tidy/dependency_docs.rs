//! docs/dependencies.md tells why each library is here and who uses it. This keeps it true.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::finding::Finding;
use super::manifest::Manifest;
use super::tree::{File, Tree};

const DOCUMENT: &str = "docs/dependencies.md";
const MANIFEST: &str = "Cargo.toml";

/// A row of the table: | `name` | who, who | why |
struct Row<'a> {
    name: &'a str,
    line: usize,
    users: &'a str,
}

/// One row for each library of the workspace, none for what is gone, and the right users.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let text = tree
        .text(MANIFEST)
        .context("the workspace has no Cargo.toml at its root")?;
    let named = Manifest::parse(MANIFEST, text)?.foreign_workspace_dependencies();
    let Some(document) = tree.files.iter().find(|file| file.path == DOCUMENT) else {
        let message = "is missing: a table of `name`, used by, why, one row per library";
        return Ok(vec![Finding::error(DOCUMENT, 1, message)]);
    };
    let rows = rows(document);
    let mut findings = Vec::new();
    for (name, line) in &named {
        if !rows.iter().any(|row| row.name == name) {
            let message = format!("{name} has no row in {DOCUMENT}: say why it is here");
            findings.push(Finding::error(MANIFEST, *line, message));
        }
    }
    let users = users(tree);
    for row in rows {
        let wrong = if !named.iter().any(|(name, _)| name == row.name) {
            Some(format!(
                "{} is not in [workspace.dependencies]: remove its row",
                row.name
            ))
        } else {
            match users.get(row.name).map(|users| users.join(", ")) {
                None => Some(format!(
                    "no crate uses {}: remove its row, and its line in {MANIFEST}",
                    row.name
                )),
                Some(users) if users != row.users => Some(format!(
                    "{} is used by: {users}; the row says: {}",
                    row.name, row.users
                )),
                Some(_) => None,
            }
        };
        findings.extend(wrong.map(|message| Finding::error(DOCUMENT, row.line, message)));
    }
    Ok(findings)
}

fn rows(document: &File) -> Vec<Row<'_>> {
    document
        .lines()
        .filter_map(|(line, text)| row(line, text))
        .collect()
}

fn row(line: usize, text: &str) -> Option<Row<'_>> {
    let mut cells = text.strip_prefix('|')?.split('|').map(str::trim);
    let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    Some(Row {
        name,
        line,
        users: cells.next()?,
    })
}

/// The short names of the packages that name a library, its tests included.
fn users(tree: &Tree) -> BTreeMap<&str, Vec<&str>> {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &tree.packages {
        for dependency in &package.dependencies {
            users
                .entry(&dependency.name)
                .or_default()
                .push(package.short_name());
        }
    }
    for names in users.values_mut() {
        names.sort_unstable();
        names.dedup();
    }
    users
}

#[cfg(test)]
mod tests {
    use super::super::tree::{Dependency, Package, fixture};
    use super::*;

    fn found(document: &str) -> Vec<String> {
        let manifest = "[workspace.dependencies]\nlibc = \"0.2\"\nserde = \"1\"\n";
        let mut tree = fixture::files(&[(MANIFEST, manifest), (DOCUMENT, document)]);
        for name in ["hostledger-sys", "hostledger-process"] {
            let dependencies = ["libc", "serde"]
                .map(|name| Dependency {
                    name: name.to_owned(),
                    dev: false,
                })
                .to_vec();
            tree.packages.push(Package {
                name: name.to_owned(),
                dependencies,
                ..Package::default()
            });
        }
        check(&tree)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    const LIBC: &str = "| `libc` | process, sys | system calls |\n";
    const SERDE: &str = "| `serde` | process, sys | JSON |\n";

    #[test]
    fn a_row_for_each_library_is_fine() {
        let text = format!("# Dependencies\n\n| library | used by | why |\n| --- |\n{LIBC}{SERDE}");
        assert!(found(&text).is_empty());
    }

    #[test]
    fn a_library_without_a_row_is_found_where_it_is_declared() {
        assert_eq!(
            found(LIBC),
            ["Cargo.toml:3: error: serde has no row in docs/dependencies.md: say why it is here"]
        );
    }

    #[test]
    fn a_row_of_a_library_that_is_gone_is_found() {
        let found = found(&format!("{LIBC}{SERDE}| `gone` | sys | x |\n"));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("docs/dependencies.md:3: error: gone is not in"));
    }

    #[test]
    fn a_row_with_the_wrong_users_is_told_the_right_ones() {
        let found = found(&format!("| `libc` | sys | system calls |\n{SERDE}"));
        assert_eq!(
            found,
            ["docs/dependencies.md:1: error: libc is used by: process, sys; the row says: sys"]
        );
    }

    #[test]
    fn a_missing_document_is_found() {
        let tree = fixture::files(&[(MANIFEST, "[workspace]\n")]);
        assert!(check(&tree).unwrap()[0].message.starts_with("is missing"));
    }
}
