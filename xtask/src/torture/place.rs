//! Where one thing is tried: a directory with a ledger, and what its processes hold on to.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, process};

use anyhow::{Context, Result};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::Bench;
use super::living::{self, Living};
use super::programs::Programs;
use crate::program::Program;
use crate::waiting::{LONG, within};
use crate::workspace::Workspace;

static PLACES: AtomicUsize = AtomicUsize::new(0);

/// A directory below the one for temporary files. When it is dropped, all that still lives in it
/// ends, and it goes.
pub(crate) struct Place<'b> {
    workspace: &'b Workspace,
    programs: &'b Programs,
    directory: PathBuf,
    /// Processes stay as long as this is open.
    hold: Option<File>,
    /// Ways of the ledger that are switched off.
    without: Option<&'static str>,
    /// The URL of its database, when that is a server's.
    database: Option<String>,
}

impl<'b> Place<'b> {
    pub(super) fn make(bench: &'b Bench<'_>) -> Result<Self> {
        Self::of(bench.workspace, &bench.programs)
    }

    pub(crate) fn of(workspace: &'b Workspace, programs: &'b Programs) -> Result<Self> {
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let name = format!("hostledger-torture-{}-{number}", process::id());
        let directory = env::temp_dir().join(name);
        let made = |what: &Path| format!("{} cannot be made", what.display());
        fs::create_dir(&directory).with_context(|| made(&directory))?;
        let hold = directory.join("hold");
        mknodat(CWD, &hold, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .with_context(|| made(&hold))?;
        for file in ["alive", "there"] {
            let file = directory.join(file);
            File::create(&file).with_context(|| made(&file))?;
        }
        let mut options = File::options();
        // Not only for writing, which would wait for a reader.
        let hold = options.read(true).write(true).open(&hold)?;
        Ok(Self {
            workspace,
            programs,
            directory,
            hold: Some(hold),
            without: None,
            database: None,
        })
    }

    /// Has the ledger do without some of its ways (`HOSTLEDGER_DISABLE`).
    pub(crate) fn without(mut self, ways: Option<&'static str>) -> Self {
        self.without = ways;
        self
    }

    /// Has the ledger keep its records on a server.
    pub(crate) fn at(mut self, url: String) -> Self {
        self.database = Some(url);
        self
    }

    /// What the ledger does without.
    pub(crate) fn disabled(&self) -> Option<&'static str> {
        self.without
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The ledger's directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// hostledger, on this place's ledger.
    pub(crate) fn hostledger(&self) -> Program {
        self.ledgers(&self.programs.hostledger)
    }

    /// The program that links the library, on this place's ledger.
    pub(crate) fn launch_many(&self) -> Program {
        self.ledgers(&self.programs.launch_many)
    }

    /// Any other program.
    pub(crate) fn program(&self, program: &str) -> Program {
        Program::new(self.workspace, program)
    }

    fn ledgers(&self, program: &Path) -> Program {
        let program = Program::new(self.workspace, program)
            .arg("--data")
            .arg(self.data())
            // An empty one is none.
            .env(
                "HOSTLEDGER_DATABASE",
                self.database.as_deref().unwrap_or(""),
            );
        match self.without {
            Some(ways) => program.env("HOSTLEDGER_DISABLE", ways),
            None => program,
        }
    }

    /// The command line of an offspring in this place.
    pub(crate) fn offspring(&self, role: &[&str]) -> Vec<String> {
        let program = self.programs.offspring.display().to_string();
        let place = self.directory.display().to_string();
        let role = role.iter().map(|word| (*word).to_owned());
        [program, place].into_iter().chain(role).collect()
    }

    /// The words that call hostledger on this place's ledger.
    pub(crate) fn ledger_words(&self) -> Vec<String> {
        let program = self.programs.hostledger.display().to_string();
        let data = self.data().display().to_string();
        vec![program, "--data".to_owned(), data]
    }

    /// How many have come to stay here.
    pub(crate) fn there(&self) -> usize {
        fs::read_to_string(self.path("there")).map_or(0, |there| there.lines().count())
    }

    /// Waits until so many have come to stay.
    ///
    /// # Errors
    /// They do not.
    pub(crate) fn wait_there(&self, count: usize) -> Result<()> {
        if within(LONG, || self.there() >= count) {
            return Ok(());
        }
        anyhow::bail!("{} of {count} processes have come", self.there())
    }

    /// Who lives here.
    ///
    /// # Errors
    /// /proc or the lock cannot be read.
    pub(crate) fn living(&self) -> Result<Vec<Living>> {
        let ledgers = [&self.programs.hostledger, &self.programs.launch_many];
        living::look(&self.directory, &ledgers.map(PathBuf::as_path))
    }

    /// Whether none but those of the ledger are left.
    ///
    /// # Errors
    /// As for [`Place::living`].
    pub(crate) fn is_quiet(&self) -> Result<bool> {
        Ok(self.living()?.iter().all(|living| living.is_ledger))
    }

    /// Lets all who stay go, and waits until they have; gives those who do not go.
    ///
    /// # Errors
    /// As for [`Place::living`].
    pub(crate) fn let_go(&mut self) -> Result<Vec<Living>> {
        drop(self.hold.take());
        let mut left = Ok(Vec::new());
        within(LONG, || {
            left = self.living();
            left.as_ref().is_ok_and(Vec::is_empty)
        });
        left
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        match self.let_go() {
            Ok(left) => {
                for living in left {
                    eprintln!("    killed, as it does not go: {living}");
                    living.kill();
                }
            }
            Err(error) => eprintln!("    {}: {error:#}", self.directory.display()),
        }
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("    {} stays: {error}", self.directory.display());
        }
    }
}
