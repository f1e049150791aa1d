//! The recorded program that a process runs.

use std::ffi::{OsStr, OsString};
use std::fs::metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hostledger_install::is_program;
use hostledger_model::{Binary, BinaryId, MachineId, Process, ProcessType};
use hostledger_process::program_files;
use hostledger_store::Store;
use serde_json::Map;

use super::candidates::{candidates, hook_of};
use crate::LedgerError;
use crate::command::environment_from;

/// Where recorded programs are looked up: those of this machine that are installed.
pub(crate) trait InstalledPrograms {
    fn by_id(&self, id: BinaryId) -> Result<Option<Arc<Binary>>, LedgerError>;

    /// The one at this path that was modified last.
    fn at(&self, abspath: &str) -> Result<Option<Arc<Binary>>, LedgerError>;

    /// The one of this name, whatever its case, that was modified last.
    fn named(&self, name: &str) -> Result<Option<Arc<Binary>>, LedgerError>;
}

/// In the database.
pub(super) struct Recorded<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) machine: MachineId,
}

impl InstalledPrograms for Recorded<'_> {
    fn by_id(&self, id: BinaryId) -> Result<Option<Arc<Binary>>, LedgerError> {
        let binary = self.store.binary(id)?;
        let installed = binary.filter(|it| it.is_valid() && it.machine_id == self.machine);
        Ok(installed.map(Arc::new))
    }

    fn at(&self, abspath: &str) -> Result<Option<Arc<Binary>>, LedgerError> {
        let found = self.store.valid_binary_at(self.machine, abspath)?;
        Ok(found.map(Arc::new))
    }

    fn named(&self, name: &str) -> Result<Option<Arc<Binary>>, LedgerError> {
        let found = self.store.valid_binary(self.machine, name)?;
        Ok(found.map(Arc::new))
    }
}

/// A process that is to be started, with all the variables that its program will have.
pub(crate) struct Launching<'a> {
    pub(crate) process: &'a Process,
    pub(crate) environment: &'a [(OsString, OsString)],
    /// Where installed programs are linked.
    pub(crate) lib_bin: &'a Path,
}

/// What a process runs of what is recorded.
pub(crate) enum Used {
    Nothing,
    Program(Arc<Binary>),
    /// Nothing, as its name leads to another file than the one that is recorded under it.
    Another {
        binary: Arc<Binary>,
        found: PathBuf,
        /// Whether it is our link that leads there.
        by_link: bool,
    },
}

impl Launching<'_> {
    /// Which recorded program it runs.
    pub(crate) fn uses(&self, installed: &dyn InstalledPrograms) -> Result<Used, LedgerError> {
        let process = self.process;
        // What providers run is not a use of the program that they install.
        if process.process_type == ProcessType::Binary {
            return Ok(Used::Nothing);
        }
        if let Some(id) = process.binary_id {
            return Ok(match installed.by_id(id)? {
                Some(binary) => self.given(binary),
                None => Used::Nothing,
            });
        }
        for text in candidates(process, self.environment) {
            if text.contains('/')
                && let Some(binary) = installed.at(&text)?
            {
                return Ok(Used::Program(binary));
            }
            if let Some(binary) = installed.named(&text)?
                && let Some(used) = self.leads_to(&text, binary)
            {
                return Ok(used);
            }
        }
        Ok(Used::Nothing)
    }

    /// Somebody has said so, and knows what that has to do with the command; unless the command is
    /// its name.
    fn given(&self, binary: Arc<Binary>) -> Used {
        let command = self.process.cmd.first().map(String::as_str);
        match command.filter(|it| it.eq_ignore_ascii_case(&binary.name)) {
            Some(name) => self.leads_to(name, binary).unwrap_or(Used::Nothing),
            None => Used::Program(binary),
        }
    }

    /// Whether a name leads to a recorded file where the program will look; none when that is
    /// nobody's doing but the caller's, or there is no program of the name at all.
    fn leads_to(&self, name: &str, binary: Arc<Binary>) -> Option<Used> {
        let files = program_files(OsStr::new(name), self.environment);
        let directory = Path::new(OsStr::from_bytes(self.process.working_directory()));
        let mut files = files.iter().map(|file| directory.join(file));
        let mut is_before_links = true;
        let found = files.find(|file| {
            let is_link = file.parent() == Some(self.lib_bin);
            is_before_links &= !is_link;
            is_program(file)
        })?;
        if is_same(&found, Path::new(&binary.abspath)) {
            return Some(Used::Program(binary));
        }
        let by_link = found.parent() == Some(self.lib_bin);
        // Whoever gives a path or a `PATH`, or a variable that goes before our links, means that.
        let path_is_ours = !self.process.launch.clear_env && !self.process.env.contains_key("PATH");
        let is_named = is_before_links && self.lib_bin.is_dir();
        let chosen = name.contains('/') || !path_is_ours || is_named;
        (by_link || !chosen).then_some(Used::Another {
            binary,
            found,
            by_link,
        })
    }
}

/// The recorded programs that a process may run, by its row and `ours`, the variables of its
/// launcher: no file is looked at.
pub(crate) fn may_use(
    process: &Process,
    ours: &[(OsString, OsString)],
    installed: &dyn InstalledPrograms,
) -> Result<Vec<Arc<Binary>>, LedgerError> {
    if let Some(id) = process.binary_id {
        return Ok(installed.by_id(id)?.into_iter().collect());
    }
    // Only what a hook runs is told by variables.
    let environment = match hook_of(process) {
        Some(_) => environment_from(ours, process, &Map::new(), None),
        None => Vec::new(),
    };
    let mut programs = Vec::new();
    for text in candidates(process, &environment) {
        programs.extend(installed.at(&text)?);
        programs.extend(installed.named(&text)?);
    }
    Ok(programs)
}

/// Whether two paths lead to the same file.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| metadata(path).map(|it| (it.dev(), it.ino())).ok();
    file(one).is_some_and(|one| file(other) == Some(one))
}
