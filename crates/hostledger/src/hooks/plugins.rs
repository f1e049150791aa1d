//! The plugins that a ledger can use, with the settings they have here and now.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostledger_install::hooks::{
    Disabled, Discovered, EventName, Hook, Problem, RequiredBinary, Settings, Sources,
    Surroundings, Variables, discover, required_binaries, variables,
};
use serde_json::{Map, Value};

use crate::{Ledger, LedgerError};

/// What interprets hooks that are written in Python unless another one is named.
const PYTHON: &str = "python3";
/// The plugins that a ledger brings itself, below its directory.
const OWN_PLUGINS: &str = "plugins";

/// Where plugins are looked for; made by [`Ledger::plugins`].
#[must_use = "nothing is looked for before find is called"]
pub struct PluginsBuilder<'a> {
    ledger: &'a Ledger,
    directories: Vec<PathBuf>,
    python: String,
}

/// The plugins that were found, and their settings: the launcher's environment, the machine's
/// configuration and the plugins' own defaults as they were then.
#[derive(Debug)]
pub struct Plugins {
    found: Discovered,
    settings: Settings,
    environment: BTreeMap<String, String>,
    machine: Map<String, Value>,
    machine_id: String,
    data_dir: PathBuf,
    python: String,
}

impl Ledger {
    /// Plugins, to be looked for in directories and in `plugins` of the ledger's own.
    pub fn plugins(&self) -> PluginsBuilder<'_> {
        PluginsBuilder {
            ledger: self,
            directories: Vec::new(),
            python: PYTHON.to_owned(),
        }
    }
}

impl PluginsBuilder<'_> {
    /// Looks in these directories as well, before the ledger's own. Of two plugins of one name,
    /// the settings are those of the first.
    pub fn directories(mut self, directories: impl IntoIterator<Item = PathBuf>) -> Self {
        self.directories.extend(directories);
        self
    }

    /// Has hooks in Python interpreted by this program instead of `python3`.
    pub fn python(mut self, python: impl Into<String>) -> Self {
        self.python = python.into();
        self
    }

    /// Looks for them. What cannot be used is passed over; [`Plugins::problems`] tells.
    ///
    /// # Errors
    /// The machine is not known, or the ledger is only read.
    pub fn find(self) -> Result<Plugins, LedgerError> {
        let data_dir = self.ledger.writable_data_dir()?.path().to_owned();
        let mut directories = self.directories;
        directories.extend(Some(data_dir.join(OWN_PLUGINS)).filter(|path| path.exists()));
        let machine = self.ledger.current_machine()?;
        let environment = launcher();
        let found = discover(&directories);
        let configuration = machine.config_object();
        let sources = Sources {
            environment: &environment,
            machine: &configuration,
        };
        Ok(Plugins {
            settings: Settings::resolve(&found, sources),
            found,
            machine: configuration,
            machine_id: machine.id.to_string(),
            environment,
            data_dir,
            python: self.python,
        })
    }
}

impl Plugins {
    /// All hooks, in the order in which they run.
    #[must_use]
    pub fn hooks(&self) -> &[Hook] {
        &self.found.hooks
    }

    /// The hooks of an event, in the order in which they run.
    pub fn hooks_of(&self, event: &EventName) -> impl Iterator<Item = &Hook> {
        self.found.of(event)
    }

    /// What was passed over, and why.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.found.problems.iter().chain(&self.settings.problems)
    }

    /// Why a hook does not run at its event; none when it does.
    ///
    /// Installers run when the allow-list of what is asked for names them, and are never off
    /// otherwise.
    #[must_use]
    pub fn disabled(&self, hook: &Hook) -> Option<&Disabled> {
        let installer = hook.event == EventName::binary_request();
        self.settings.disabled(hook).filter(|_| !installer)
    }

    /// How long a hook may take, with all that it starts.
    #[must_use]
    pub fn timeout(&self, hook: &Hook) -> Duration {
        if hook.event == EventName::binary_request() {
            return hostledger_install::PROVIDER_TIMEOUT;
        }
        self.settings.timeout(&hook.plugin)
    }

    /// The programs that plugins need which are on, each once.
    #[must_use]
    pub fn required_binaries(&self) -> Vec<RequiredBinary> {
        let lib = self.data_dir.join("lib");
        required_binaries(&self.found, &self.settings, &lib.to_string_lossy())
    }

    /// What a hook finds in its environment besides what we have.
    pub(crate) fn variables(
        &self,
        hook: &Hook,
        directories: Vec<(&'static str, PathBuf)>,
    ) -> Variables {
        let surroundings = Surroundings {
            data_dir: self.data_dir.clone(),
            machine_id: self.machine_id.clone(),
            directories,
        };
        variables(
            &surroundings,
            &self.environment,
            &self.machine,
            &self.settings,
            &hook.plugin,
        )
    }

    /// What interprets hooks in Python.
    pub(crate) fn python(&self) -> &str {
        &self.python
    }

    /// The command of a hook with arguments.
    pub(crate) fn command(
        &self,
        script: &Path,
        arguments: &Map<String, Value>,
    ) -> Result<Vec<std::ffi::OsString>, LedgerError> {
        let command = hostledger_install::hooks::command(script, &self.python, arguments)?;
        Ok(command)
    }
}

/// Our own environment, as far as it is text.
fn launcher() -> BTreeMap<String, String> {
    let text = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((key.into_string().ok()?, value.into_string().ok()?))
    };
    env::vars_os().filter_map(text).collect()
}
