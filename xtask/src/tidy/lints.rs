//! Every crate takes the lints of the workspace. Only the crate that holds all unsafe code cannot
//! (what is forbidden there cannot be lifted) and states its own.

use anyhow::Result;

use super::finding::Finding;
use super::manifest::Manifest;
use super::tree::Tree;
use super::unsafe_code::UNSAFE_CRATE;

/// `[lints] workspace = true` everywhere but in one crate.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in &tree.packages {
        let manifest = Manifest::parse(&package.manifest, tree.manifest(package)?)?;
        let wrong = if package.name == UNSAFE_CRATE {
            (!manifest.has_own_lints()).then_some(
                "must have [lints.rust] of its own: those of the workspace without the ban on \
                 unsafe code",
            )
        } else {
            (!manifest.inherits_lints()).then_some(
                "does not take the lints of the workspace: add `workspace = true` under [lints]",
            )
        };
        findings.extend(wrong.map(|message| Finding::error(&package.manifest, 1, message)));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::tree::{Package, fixture};
    use super::*;

    fn found(name: &str, manifest: &str) -> usize {
        let mut tree = fixture::files(&[("x/Cargo.toml", manifest)]);
        tree.packages.push(Package {
            name: name.to_owned(),
            manifest: "x/Cargo.toml".to_owned(),
            ..Package::default()
        });
        check(&tree).unwrap().len()
    }

    #[test]
    fn a_crate_takes_the_lints_of_the_workspace() {
        assert_eq!(found("hostledger-model", "[lints]\nworkspace = true\n"), 0);
        assert_eq!(found("hostledger-model", "lints.workspace = true\n"), 0);
        assert_eq!(found("hostledger-model", "[package]\n"), 1);
        assert_eq!(
            found(
                "hostledger-model",
                "[lints.rust]\nunsafe_code = \"allow\"\n"
            ),
            1
        );
    }

    #[test]
    fn the_unsafe_crate_states_its_own() {
        assert_eq!(
            found(UNSAFE_CRATE, "[lints.rust]\nunsafe_code = \"warn\"\n"),
            0
        );
        assert_eq!(found(UNSAFE_CRATE, "[package]\n"), 1);
        assert_eq!(found(UNSAFE_CRATE, "[lints]\nworkspace = true\n"), 1);
    }
}
