//! Installing a program.

use std::sync::Arc;
use std::time::Duration;

use hostledger_engine::install::InstallNews;
use hostledger_install::{
    InvalidName, PROVIDER_TIMEOUT, Providers, check_name, check_overrides, compare_versions, hooks,
    problems_of,
};
use hostledger_model::{Binary, Timestamp, binary_limits};
use serde_json::{Map, Value};

use super::asking::Asking;
use super::verify::Drift;
use crate::{Interruption, Ledger, LedgerError};

/// A program to be found or installed; made by [`Ledger::install`].
#[must_use = "nothing is installed before run is called"]
pub struct InstallBuilder<'a> {
    ledger: &'a Ledger,
    name: String,
    binproviders: String,
    overrides: Map<String, Value>,
    min_version: Option<String>,
    max_attempts: Option<u32>,
    providers: Providers,
    provider_time: Duration,
    interruption: Interruption,
}

impl Ledger {
    /// A program to be found on this host or installed, by any provider: by its name, or by an
    /// absolute path. One attempt is made.
    pub fn install(&self, name: impl Into<String>) -> InstallBuilder<'_> {
        InstallBuilder {
            ledger: self,
            name: name.into(),
            binproviders: String::new(),
            overrides: Map::new(),
            min_version: None,
            max_attempts: Some(1),
            providers: Providers::built_in(),
            provider_time: PROVIDER_TIMEOUT,
            interruption: Interruption::default(),
        }
    }
}

impl InstallBuilder<'_> {
    /// Allows only these providers, comma-separated, and tries them in this order.
    pub fn providers(mut self, allow_list: impl Into<String>) -> Self {
        self.binproviders = allow_list.into();
        self
    }

    /// Has a provider do something differently: `packages` or `install_args` (a list, or one text),
    /// `abspath`, `version`, `install` (a command).
    pub fn overriding(mut self, provider: impl Into<String>, with: impl Into<Value>) -> Self {
        self.overrides.insert(provider.into(), with.into());
        self
    }

    /// Takes no older version than this.
    pub fn min_version(mut self, version: impl Into<String>) -> Self {
        self.min_version = Some(version.into());
        self
    }

    /// Has these providers instead of the built-in ones.
    pub fn among(mut self, providers: Providers) -> Self {
        self.providers = providers;
        self
    }

    /// Says how long each provider has, with all that it runs and starts: 600 seconds unless you
    /// say less.
    pub fn provider_time(mut self, time: Duration) -> Self {
        self.provider_time = time;
        self
    }

    /// What ends it from another thread.
    #[must_use]
    pub fn interruption(&self) -> Interruption {
        self.interruption.clone()
    }

    /// What of the overrides has no meaning and is ignored, in words.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        problems_of(&Value::Object(self.overrides.clone()))
    }

    /// Installs it, unless it is installed and unchanged, as this request wants it; waits for as
    /// long as that takes. Whoever asks for the same name meanwhile waits for the same.
    ///
    /// # Errors
    /// [`LedgerError::NotInstalled`] has every provider's reason. Names and arguments that no
    /// provider is given are refused before anything is recorded or run.
    pub fn run(self, mut news: impl FnMut(InstallNews<'_>)) -> Result<Binary, LedgerError> {
        let request = self.request()?;
        let ledger = self.ledger;
        let mut installer = ledger.installer(Arc::new(self.providers))?;
        installer.time = self.provider_time;
        let asking = Asking {
            ledger,
            request,
            installer,
            interruption: self.interruption,
        };
        asking.see_through(&mut news)
    }

    pub(super) fn request(&self) -> Result<Binary, LedgerError> {
        check_name(&self.name)?;
        let machine = self.ledger.current_machine()?.id;
        let limits = |error| LedgerError::Draft(hostledger_model::DraftError::Limit(error));
        let mut request = Binary::request(machine, &self.name, Timestamp::now()).map_err(limits)?;
        request.binproviders.clone_from(&self.binproviders);
        request.overrides = Value::Object(self.overrides.clone());
        request.min_version.clone_from(&self.min_version);
        request.max_attempts = self.max_attempts;
        let version = self.min_version.as_deref().unwrap_or_default();
        for (limit, text) in [
            (binary_limits::BINPROVIDERS, self.binproviders.as_str()),
            (binary_limits::MIN_VERSION, version),
        ] {
            limit.check(text).map_err(limits)?;
        }
        check_overrides(&request)?;
        Ok(request)
    }
}

/// Whether a binary is installed as a request wants it, and has not changed.
pub(crate) fn is_as_wanted(ledger: &Ledger, known: &Binary, request: &Binary) -> bool {
    let overrides = request.overrides.as_object();
    let no_overrides = overrides.is_none_or(serde_json::Map::is_empty);
    let is_new_enough = |least: &String| compare_versions(&known.version, least).is_ge();
    known.is_valid()
        && hooks::allows(&request.binproviders, &known.binprovider)
        && (no_overrides || request.overrides == known.overrides)
        && request.min_version.as_ref().is_none_or(is_new_enough)
        && ledger.file_drift(known) == Drift::None
}

impl From<InvalidName> for LedgerError {
    fn from(refusal: InvalidName) -> Self {
        Self::BinaryName(refusal)
    }
}
