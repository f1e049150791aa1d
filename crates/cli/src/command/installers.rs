//! Who installs programs, as the command line says.

use hostledger::install::Providers;
use hostledger::{Ledger, LedgerError};

use super::hook::places::PluginPlaces;

/// Who installs programs: the built-in providers, then the hooks of plugins.
#[derive(Debug, clap::Args)]
pub(crate) struct Installers {
    #[command(flatten)]
    plugins: PluginPlaces,
    /// Ask the hooks of plugins alone for programs, and none of the built-in providers
    #[arg(long, conflicts_with = "no_hooks")]
    hooks_only: bool,
    /// Ask the built-in providers alone for programs
    #[arg(long, conflicts_with = "directories")]
    no_hooks: bool,
}

impl Installers {
    /// Finds them; says on stderr which plugins were passed over.
    pub(crate) fn providers(&self, ledger: &Ledger) -> Result<Providers, LedgerError> {
        let mut providers = if self.hooks_only {
            Providers::none()
        } else {
            Providers::built_in()
        };
        if !self.no_hooks {
            for hook in self.plugins.find(ledger)?.installers(ledger) {
                providers.add_last(hook);
            }
        }
        Ok(providers)
    }
}
