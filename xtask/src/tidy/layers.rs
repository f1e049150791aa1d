//! Which of our crates may know which: arrows point down only, and those in the middle do not know
//! one another. The reasons are in docs/architecture.md.

use std::collections::BTreeSet;

use anyhow::Result;

use super::finding::Finding;
use super::manifest::Manifest;
use super::tree::Tree;

/// The chores may name what they need.
const FREE: &str = "xtask";

/// What any crate's tests may name: it knows nothing of what is tested.
const FOR_TESTS: &str = "hostledger-test-postgres";

/// A crate, and those it may use. From top to bottom.
const LAYERS: &[(&str, &[&str])] = &[
    // End-to-end tests drive the built program and nothing else.
    ("hostledger-tests", &[FOR_TESTS]),
    ("hostledger-cli", &["hostledger"]),
    (
        "hostledger",
        &[
            "hostledger-engine",
            "hostledger-lifecycle",
            "hostledger-store",
            "hostledger-process",
            "hostledger-install",
            "hostledger-host",
            "hostledger-keeper",
            "hostledger-sys",
            "hostledger-model",
        ],
    ),
    (
        "hostledger-engine",
        &[
            "hostledger-lifecycle",
            "hostledger-store",
            "hostledger-process",
            "hostledger-install",
            "hostledger-host",
            "hostledger-keeper",
            "hostledger-sys",
            "hostledger-model",
        ],
    ),
    ("hostledger-lifecycle", &["hostledger-model"]),
    ("hostledger-store", &["hostledger-sys", "hostledger-model"]),
    (
        "hostledger-process",
        &["hostledger-keeper", "hostledger-sys", "hostledger-model"],
    ),
    ("hostledger-keeper", &["hostledger-sys", "hostledger-model"]),
    (
        "hostledger-install",
        &["hostledger-sys", "hostledger-model"],
    ),
    ("hostledger-host", &["hostledger-sys", "hostledger-model"]),
    ("hostledger-sys", &["hostledger-model"]),
    ("hostledger-model", &[]),
    (FOR_TESTS, &[]),
];

/// Each package uses only crates of lower layers that [`LAYERS`] grants it; its tests may use
/// every lower layer, and what is for tests.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in tree.packages.iter().filter(|package| package.name != FREE) {
        let Some(direct) = granted(&package.name) else {
            let message = format!(
                "{} has no layer: give it one in xtask/src/tidy/layers.rs and a paragraph in \
                 docs/architecture.md",
                package.name
            );
            findings.push(Finding::error(&package.manifest, 1, message));
            continue;
        };
        let manifest = Manifest::parse(&package.manifest, tree.manifest(package)?)?;
        let all = below(&package.name);
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let ours = name == FREE || granted(name).is_some();
            let allowed = if dependency.dev {
                all.contains(name) || name == FOR_TESTS
            } else {
                direct.contains(&name)
            };
            if ours && !allowed {
                let may = match direct {
                    [] => "none of our crates".to_owned(),
                    some => some.join(", "),
                };
                let message = format!(
                    "{} may not depend on {name}, only on {may}: move the code to the layer it \
                     belongs to, or take it as a trait that a higher layer passes in",
                    package.name
                );
                let line = manifest.line_of_dependency(name);
                findings.push(Finding::error(&package.manifest, line, message));
            }
        }
    }
    Ok(findings)
}

fn granted(name: &str) -> Option<&'static [&'static str]> {
    LAYERS
        .iter()
        .find(|(layer, _)| *layer == name)
        .map(|(_, granted)| *granted)
}

/// All layers that can be reached from this one.
fn below(name: &str) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    for lower in granted(name).unwrap_or_default() {
        reached.insert(*lower);
        reached.append(&mut below(lower));
    }
    reached
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
    fn arrows_that_point_down_are_fine() {
        assert!(found("hostledger-cli", &["hostledger", "clap"], &["insta"]).is_empty());
        assert!(
            found(
                "hostledger-host",
                &["hostledger-sys", "hostledger-model"],
                &[]
            )
            .is_empty()
        );
        assert!(found("xtask", &["hostledger"], &[]).is_empty());
    }

    #[test]
    fn an_arrow_up_or_sideways_is_found_on_its_line() {
        for (from, to) in [
            ("hostledger-model", "hostledger-sys"),
            ("hostledger-store", "hostledger-process"),
            ("hostledger-cli", "hostledger-store"),
            ("hostledger-tests", "hostledger-model"),
            ("hostledger", "xtask"),
        ] {
            let found = found(from, &["libc", to], &[]);
            assert_eq!(found.len(), 1, "{from} -> {to}");
            assert!(found[0].starts_with(&format!("crates/{from}/Cargo.toml:5: error: ")));
            assert!(found[0].contains(&format!("may not depend on {to}")));
        }
    }

    #[test]
    fn tests_may_use_every_lower_layer_but_none_above_or_beside() {
        assert!(found("hostledger-cli", &[], &["hostledger-store"]).is_empty());
        assert!(found("hostledger-engine", &[], &["hostledger-model"]).is_empty());
        assert_eq!(
            found("hostledger-lifecycle", &[], &["hostledger-sys"]).len(),
            1
        );
        assert_eq!(
            found("hostledger-store", &[], &["hostledger-engine"]).len(),
            1
        );
        assert_eq!(
            found("hostledger-tests", &[], &["hostledger-model"]).len(),
            1
        );
    }

    #[test]
    fn a_new_crate_needs_a_layer() {
        assert!(found("hostledger-new", &[], &[])[0].contains("has no layer"));
    }
}
