//! Migrations can be applied in one order only, and each can be taken back.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::finding::Finding;
use super::tree::Tree;

/// Every `migrations/<engine>/<version>_<name>/` has its two files; all versions of an engine are
/// numbers of the same length, so that their names sort as they apply, and no two are the same.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (engine, migrations) in engines(tree) {
        let mut versions: BTreeMap<String, &str> = BTreeMap::new();
        let mut length = None;
        for (name, files) in &migrations {
            let mut report = |file: &str, message: String| {
                findings.push(Finding::error(
                    &format!("{engine}/{name}/{file}"),
                    1,
                    message,
                ));
            };
            for wanted in ["up.sql", "down.sql"] {
                if !files.contains(wanted) {
                    report(
                        wanted,
                        "is missing: a migration has up.sql and down.sql".to_owned(),
                    );
                }
            }
            let Some(version) = version(name) else {
                let message = "the directory must be called <digits>_<name>".to_owned();
                report("up.sql", message);
                continue;
            };
            if *length.get_or_insert(version.len()) != version.len() {
                let message = format!("version {version} has another length than those before it");
                report("up.sql", message);
            }
            if let Some(other) = versions.insert(version.clone(), name) {
                report(
                    "up.sql",
                    format!("{other} has the same version: number this one anew"),
                );
            }
        }
    }
    Ok(findings)
}

/// By engine's directory and migration, the names of its files.
type Engines<'t> = BTreeMap<&'t str, BTreeMap<&'t str, BTreeSet<&'t str>>>;

fn engines(tree: &Tree) -> Engines<'_> {
    let mut engines = Engines::new();
    for file in &tree.files {
        let mut parts = file.path.rsplitn(3, '/');
        let (Some(name), Some(migration), Some(engine)) =
            (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let mut above = engine.rsplit('/').skip(1);
        if above.next() == Some("migrations") {
            engines
                .entry(engine)
                .or_default()
                .entry(migration)
                .or_default()
                .insert(name);
        }
    }
    engines
}

/// What diesel orders by: everything before the first `_`, without dashes.
fn version(name: &str) -> Option<String> {
    let (version, rest) = name.split_once('_')?;
    let version = version.replace('-', "");
    let digits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !rest.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture;
    use super::*;

    fn found(migrations: &[&str]) -> Vec<String> {
        let paths: Vec<String> = migrations
            .iter()
            .flat_map(|name| ["up", "down"].map(|it| format!("migrations/sqlite/{name}/{it}.sql")))
            .collect();
        let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
        check(&fixture::files(&files))
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn migrations_in_order_are_fine() {
        assert!(found(&["2026-01-02-000000_first", "2026-01-03-000000_second"]).is_empty());
        assert!(found(&["0001_first", "0002_second"]).is_empty());
    }

    #[test]
    fn a_migration_that_cannot_be_taken_back_is_found() {
        let tree = fixture::files(&[("crates/store/migrations/sqlite/0001_a/up.sql", "")]);
        let findings = check(&tree).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].path,
            "crates/store/migrations/sqlite/0001_a/down.sql"
        );
    }

    #[test]
    fn versions_that_clash_or_do_not_sort_are_found() {
        assert!(found(&["0001_a", "0001_b"])[0].contains("0001_a has the same version"));
        assert!(found(&["0001_a", "002_b"])[0].contains("another length"));
        assert!(found(&["first"])[0].contains("<digits>_<name>"));
    }
}
