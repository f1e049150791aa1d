//! Where the measuring happens: a directory for ledgers, made anew for each round.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use anyhow::{Context, Result};

use super::Bench;
use super::programs::Programs;
use crate::program::Program;
use crate::workspace::Workspace;

static PLACES: AtomicUsize = AtomicUsize::new(0);

/// A directory below the one for temporary files; it goes when this is dropped.
pub(crate) struct Place<'w> {
    workspace: &'w Workspace,
    programs: &'w Programs,
    directory: PathBuf,
}

impl<'w> Place<'w> {
    pub(super) fn make(bench: &'w Bench<'_>) -> Result<Self> {
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let name = format!("hostledger-bench-{}-{number}", process::id());
        let directory = env::temp_dir().join(name);
        fs::create_dir(&directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
        Ok(Self {
            workspace: bench.workspace,
            programs: &bench.programs,
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

    /// Our program, on a ledger.
    pub(super) fn hostledger(&self, ledger: &Path) -> Program {
        self.on_ledger(&self.programs.hostledger, ledger)
    }

    /// A program that takes a ledger as ours does.
    pub(super) fn on_ledger(&self, program: &Path, ledger: &Path) -> Program {
        Program::new(self.workspace, program)
            .arg("--data")
            .arg(ledger)
            // An empty one is none.
            .env("HOSTLEDGER_DATABASE", "")
    }

    /// Where our program is.
    pub(super) fn built(&self) -> &Path {
        &self.programs.hostledger
    }

    pub(super) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Program {
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
