//! The programs that are driven: ours, built from this work tree.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::request::Extent;
use crate::program::Program;
use crate::workspace::Workspace;

/// Where they are.
pub(crate) struct Programs {
    /// The command line.
    pub(crate) hostledger: PathBuf,
    /// What makes processes that are hard to find.
    pub(crate) offspring: PathBuf,
    /// A program that links the library and launches what it reads.
    pub(crate) launch_many: PathBuf,
}

impl Programs {
    /// Builds them: as the tests are for the short form, which is quick, else as they are released.
    ///
    /// # Errors
    /// One does not build.
    pub(crate) fn build(workspace: &Workspace, extent: Extent) -> Result<Self> {
        let profile = extent.of("", "--release");
        let build = |what: &str, name: &str| -> Result<PathBuf> {
            let messages = Program::cargo(workspace)
                .args("build --quiet --message-format json-render-diagnostics")
                .args(profile)
                .args(what)
                .output()?;
            let messages = String::from_utf8(messages).context("cargo's messages are no text")?;
            let found = messages.lines().find_map(|line| executable(line, name));
            found.with_context(|| format!("cargo does not say where {name} is"))
        };
        Ok(Self {
            hostledger: build("--package hostledger-cli", "hostledger")?,
            offspring: build("--package hostledger-tests --bin offspring", "offspring")?,
            launch_many: build("--package hostledger --example launch_many", "launch_many")?,
        })
    }
}

/// The program with this name that a message of cargo's tells of.
fn executable(message: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let of_target = message["target"]["name"] == name;
    let path = message["executable"].as_str().filter(|_| of_target)?;
    Some(path.into())
}
