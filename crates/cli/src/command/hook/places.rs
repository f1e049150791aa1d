//! Where plugins are, as the command line and the environment say.

use std::env;
use std::path::PathBuf;

use hostledger::model::with_causes;
use hostledger::{Ledger, LedgerError, Plugins};

use crate::args::variable;
use crate::error;

/// Where plugins are looked for.
#[derive(Debug, clap::Args)]
pub(crate) struct PluginPlaces {
    /// Look for plugins in this directory too; repeatable [env: HOSTLEDGER_PLUGINS, by colons]
    #[arg(long = "plugins", value_name = "DIR")]
    directories: Vec<PathBuf>,
}

impl PluginPlaces {
    /// Finds the plugins; says on stderr what was passed over.
    pub(crate) fn find(&self, ledger: &Ledger) -> Result<Plugins, LedgerError> {
        let listed = variable("HOSTLEDGER_PLUGINS").unwrap_or_default();
        let listed = env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty());
        let mut builder = ledger
            .plugins()
            .directories(self.directories.iter().cloned().chain(listed));
        if let Some(python) = variable("HOSTLEDGER_PYTHON") {
            builder = builder.python(python.to_string_lossy());
        }
        let plugins = builder.find()?;
        for problem in plugins.problems() {
            error::warn(&with_causes(problem));
        }
        Ok(plugins)
    }
}
