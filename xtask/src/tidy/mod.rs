//! `cargo xtask tidy`: the project's own rules, one file each.
//!
//! A rule is a function from the [`Tree`] to its [`Finding`]s. It reads nothing by itself, so its
//! tests hand it a small tree made up of strings.

mod dependencies;
mod dependency_docs;
mod documented;
mod finding;
mod guarantees;
mod layers;
mod leftovers;
mod lints;
mod manifest;
mod migrations;
mod names;
mod sizes;
mod tokens;
mod tree;
mod unsafe_code;
mod whitespace;

use std::io::Write;

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use finding::{Finding, Severity};
use tree::Tree;

/// Looks at the repository. An error is a file that cannot be read as what it is.
type Rule = fn(&Tree) -> Result<Vec<Finding>>;

const RULES: &[Rule] = &[
    layers::check,
    dependencies::check,
    dependency_docs::check,
    lints::check,
    unsafe_code::check,
    sizes::check,
    names::check,
    documented::check,
    guarantees::check,
    leftovers::check,
    whitespace::check,
    migrations::check,
];

/// Checks every rule and prints what it finds, one line each.
///
/// # Errors
/// At least one finding that is more than a warning, or a file that cannot be read.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tree = Tree::load(workspace)?;
    let mut findings = Vec::new();
    for rule in RULES {
        findings.extend(rule(&tree)?);
    }
    findings.sort();
    let mut out = std::io::stdout().lock();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    let errors = findings
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .count();
    if errors > 0 {
        bail!("{errors} of the project's rules broken, each named above with its place");
    }
    Ok(())
}
