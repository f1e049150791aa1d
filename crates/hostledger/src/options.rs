//! How a ledger is opened.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use hostledger_host::{Offline, Resolver};
use hostledger_model::SecretWords;

use crate::{Ledger, LedgerError};

/// How a ledger is opened; what is not said is the usual.
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) database: Option<OsString>,
    pub(crate) application_id: String,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) secret_words: SecretWords,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            data_dir: None,
            database: None,
            application_id: "archivebox".to_owned(),
            resolver: Arc::new(Offline),
            secret_words: SecretWords::default(),
        }
    }
}

impl LedgerOptions {
    /// The ledger's directory instead of `$XDG_DATA_HOME/hostledger`; made when it is missing.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Another database than the directory's own: `sqlite:PATH`.
    #[must_use]
    pub fn database(mut self, url: impl Into<OsString>) -> Self {
        self.database = Some(url.into());
        self
    }

    /// The message a machine's guid is derived from (`archivebox` unless you say otherwise, so
    /// that a host has the same guid here as there).
    #[must_use]
    pub fn application_id(mut self, id: impl Into<String>) -> Self {
        self.application_id = id.into();
        self
    }

    /// Who is asked how the host looks from the internet; nobody unless you say so.
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self
    }

    /// Which environment variables are secret: their values are never stored.
    #[must_use]
    pub fn secret_words(mut self, words: SecretWords) -> Self {
        self.secret_words = words;
        self
    }

    /// Opens the ledger. Nothing is started, signalled or sent by that.
    ///
    /// # Errors
    /// The directory or the database cannot be used.
    pub fn open(self) -> Result<Ledger, LedgerError> {
        Ledger::from_options(self)
    }
}
