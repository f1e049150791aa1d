//! Installing a program.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hostledger_engine::install::{InstallNews, Installer};
use hostledger_install::{
    InvalidName, Providers, Request, check_name, check_overrides, compare_versions, hooks, link,
    problems_of,
};
use hostledger_model::{Binary, BinaryId, BinaryStatus, Timestamp, binary_limits};
use hostledger_store::{Change, Commit, RecordId};
use serde_json::{Map, Value};

use super::run::Recorded;
use super::verify::Drift;
use crate::{Interruption, Ledger, LedgerError};

/// How often somebody else's installation is looked at, which nothing announces.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

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
        let ledger = self.ledger;
        let request = self.request()?;
        let installer = ledger.installer(Arc::new(self.providers))?;
        if let Some(known) = as_wanted(ledger, &request)? {
            put_link(&installer, &known)?;
            return Ok(known);
        }
        let id = ask(ledger, &request)?;
        let runner = Recorded {
            ledger,
            interruption: &self.interruption,
        };
        let interrupted = || self.interruption.signal().is_some();
        loop {
            let row = ledger.binary(id)?;
            match row.status {
                BinaryStatus::Installed => return Ok(row),
                BinaryStatus::Failed => return Err(not_installed(row)),
                BinaryStatus::Queued | BinaryStatus::Started => {}
            }
            if let Some(claimed) = installer.claim(&row)? {
                let driven = installer.drive(claimed, &runner, &interrupted, &mut news)?;
                // Whatever was asked for while somebody else was at work is not asked for anew.
                match driven.status {
                    BinaryStatus::Installed => return Ok(driven),
                    _ => return Err(not_installed(driven)),
                }
            }
            if interrupted() {
                return Err(not_installed(row));
            }
            // Whoever was at work has given up, and will try again later.
            if !installer.is_at_work(&row)? && row.retry_at > Some(Timestamp::now()) {
                return Err(not_installed(row));
            }
            thread::sleep(LOOK_AGAIN);
        }
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

/// The installed binary of the name, when it is as a request wants it and has not changed.
fn as_wanted(ledger: &Ledger, request: &Binary) -> Result<Option<Binary>, LedgerError> {
    let (machine, name) = (request.machine_id, &request.name);
    let Some(known) = ledger.store().binary_by_name(machine, name)? else {
        return Ok(None);
    };
    let no_overrides = request
        .overrides
        .as_object()
        .is_none_or(serde_json::Map::is_empty);
    let wanted = known.is_valid()
        && hooks::allows(&request.binproviders, &known.binprovider)
        && (no_overrides || request.overrides == known.overrides)
        && request
            .min_version
            .as_ref()
            .is_none_or(|least| compare_versions(&known.version, least).is_ge());
    let unchanged = wanted && ledger.file_drift(&known) == Drift::None;
    Ok(Some(known).filter(|_| unchanged))
}

/// Puts the request into the ledger: which row it is.
fn ask(ledger: &Ledger, request: &Binary) -> Result<BinaryId, LedgerError> {
    let change = Change::RequestBinary(Box::new(request.clone()));
    let commit = ledger
        .store()
        .submit(request.created_at, vec![change])
        .wait()?;
    Ok(match commit {
        Commit::Applied(written) => match written.first() {
            Some(RecordId::Binary(id)) => *id,
            _ => request.id,
        },
        Commit::Refused { .. } => request.id,
    })
}

fn put_link(installer: &Installer, binary: &Binary) -> Result<(), LedgerError> {
    let request = Request {
        binary,
        place: &installer.place,
    };
    let target = binary.abspath.as_ref();
    Ok(link(&installer.place.data, request.name(), target)?)
}

fn not_installed(binary: Binary) -> LedgerError {
    LedgerError::NotInstalled {
        binary: Box::new(binary),
    }
}

impl From<InvalidName> for LedgerError {
    fn from(refusal: InvalidName) -> Self {
        Self::BinaryName(refusal)
    }
}
