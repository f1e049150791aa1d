//! The programs that are measured, and those that measure from within.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Subject;
use crate::built::build;
use crate::extent::Extent;
use crate::workspace::Workspace;

/// A program, by its name and what chooses it for cargo.
type Source = (&'static str, &'static str);

const HOSTLEDGER: Source = ("hostledger", "--package hostledger-cli");

impl Subject {
    /// What is needed for it, besides our program.
    fn sources(self) -> &'static [Source] {
        match self {
            Self::Run => &[],
            Self::Thousand => &[
                ("launch_many", "--package hostledger --example launch_many"),
                ("time_ends", "--package hostledger --example time_ends"),
            ],
            Self::Tree => &[(
                "end_trees",
                "--package hostledger-process --example end_trees",
            )],
            Self::Queue => &[(
                "spawn_bare",
                "--package hostledger-process --example spawn_bare",
            )],
            Self::Growth => &[(
                "growth",
                "--package hostledger-store --features postgres --example growth",
            )],
            Self::Claims => &[(
                "settle",
                "--package hostledger-store --features postgres --example settle",
            )],
        }
    }
}

/// Where they are.
pub(super) struct Programs {
    /// The command line.
    pub(super) hostledger: PathBuf,
    examples: HashMap<&'static str, PathBuf>,
}

impl Programs {
    /// Builds those that are needed.
    ///
    /// # Errors
    /// One does not build.
    pub(super) fn build(
        workspace: &Workspace,
        extent: Extent,
        subjects: &[Subject],
    ) -> Result<Self> {
        let build = |(name, what): Source| build(workspace, extent, what, name);
        let sources = subjects.iter().flat_map(|subject| subject.sources());
        let examples = sources.map(|source| Ok((source.0, build(*source)?)));
        Ok(Self {
            hostledger: build(HOSTLEDGER)?,
            examples: examples.collect::<Result<_>>()?,
        })
    }

    /// An example by its name.
    ///
    /// # Errors
    /// It was not built for this subject.
    pub(super) fn example(&self, name: &str) -> Result<&Path> {
        let path = self.examples.get(name).map(PathBuf::as_path);
        path.with_context(|| format!("{name} was not built"))
    }
}
