//! Where the measuring happens: a directory for ledgers, made anew for each round.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use anyhow::{Context, Result};

use crate::program::Program;
use crate::workspace::Workspace;

/// A directory below the one for temporary files; it goes when this is dropped.
pub(crate) struct Place<'w> {
    workspace: &'w Workspace,
    directory: PathBuf,
}

impl<'w> Place<'w> {
    pub(super) fn make(workspace: &'w Workspace) -> Result<Self> {
        let directory = env::temp_dir().join(format!("hostledger-bench-{}", process::id()));
        fs::create_dir(&directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
        Ok(Self {
            workspace,
            directory,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.directory
    }

    /// The directory of a ledger that does not exist yet.
    pub(super) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let ledger = self.directory.join(name);
        if ledger.exists() {
            fs::remove_dir_all(&ledger)
                .with_context(|| format!("{} cannot be removed", ledger.display()))?;
        }
        Ok(ledger)
    }

    /// Our program as it is released, on a ledger.
    pub(super) fn hostledger(&self, ledger: &Path) -> Program {
        self.program(&self.released())
            .arg("--data")
            .arg(ledger)
            // An empty one is none.
            .env("HOSTLEDGER_DATABASE", "")
    }

    pub(super) fn released(&self) -> String {
        self.workspace.target.join("release/hostledger").into()
    }

    pub(super) fn program(&self, program: &str) -> Program {
        Program::new(self.workspace, program)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("    {} stays: {error}", self.directory.display());
        }
    }
}
