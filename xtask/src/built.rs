//! Programs of this work tree.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::extent::Extent;
use crate::program::Program;
use crate::workspace::Workspace;

/// Builds a program and says where it is: as the tests are for the short extent, which is quick,
/// else as it is released. `what` are the arguments of cargo that choose it.
///
/// # Errors
/// It does not build.
pub(crate) fn build(
    workspace: &Workspace,
    extent: Extent,
    what: &str,
    name: &str,
) -> Result<PathBuf> {
    let messages = Program::cargo(workspace)
        .args("build --quiet --message-format json-render-diagnostics")
        .args(extent.of("", "--release"))
        .args(what)
        .output()?;
    let messages = String::from_utf8(messages).context("cargo's messages are no text")?;
    let found = messages.lines().find_map(|line| executable(line, name));
    found.with_context(|| format!("cargo does not say where {name} is"))
}

/// The program with this name that a message of cargo's tells of.
fn executable(message: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let of_target = message["target"]["name"] == name;
    let path = message["executable"].as_str().filter(|_| of_target)?;
    Some(path.into())
}
