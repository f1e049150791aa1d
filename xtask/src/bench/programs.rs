//! The programs that are measured, and those that measure from within.

use std::path::PathBuf;

use anyhow::Result;

use crate::built::build;
use crate::extent::Extent;
use crate::workspace::Workspace;

/// Where they are.
pub(super) struct Programs {
    /// The command line.
    pub(super) hostledger: PathBuf,
    /// A program that links the library and launches what it reads.
    pub(super) launch_many: PathBuf,
    /// Kills programs and tells when a reader of the ledger sees it.
    pub(super) time_ends: PathBuf,
    /// Makes trees and ends them.
    pub(super) end_trees: PathBuf,
    /// Starts and waits, and records nothing.
    pub(super) spawn_bare: PathBuf,
    /// Fills a database up, and measures the work of a store.
    pub(super) growth: PathBuf,
}

impl Programs {
    /// Builds them.
    ///
    /// # Errors
    /// One does not build.
    pub(super) fn build(workspace: &Workspace, extent: Extent) -> Result<Self> {
        let build = |what, name| build(workspace, extent, what, name);
        Ok(Self {
            growth: build("--package hostledger-store --example growth", "growth")?,
            hostledger: build("--package hostledger-cli", "hostledger")?,
            launch_many: build("--package hostledger --example launch_many", "launch_many")?,
            time_ends: build("--package hostledger --example time_ends", "time_ends")?,
            end_trees: build(
                "--package hostledger-process --example end_trees",
                "end_trees",
            )?,
            spawn_bare: build(
                "--package hostledger-process --example spawn_bare",
                "spawn_bare",
            )?,
        })
    }
}
