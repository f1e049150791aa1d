//! How a ledger is opened.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use hostledger_host::{Offline, Resolver};
use hostledger_model::SecretWords;
use hostledger_process::Means;
use hostledger_store::Durability;

use crate::{Ledger, LedgerError};

/// How a ledger is opened; what is not said is the usual.
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) database: Option<OsString>,
    pub(crate) application_id: String,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) secret_words: SecretWords,
    pub(crate) keeper: KeeperChoice,
    pub(crate) subreaper: bool,
    pub(crate) means: Option<Means>,
    pub(crate) durability: Durability,
    pub(crate) strict: bool,
}

/// Which program stays the parent of what is launched, and outlives us.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeeperChoice {
    /// The image of this very program, executed again. It needs no doing of yours: a constructor
    /// in it takes over before `main`. Where that is not possible, as in a library that a Python
    /// interpreter has loaded, there is none.
    #[default]
    OwnImage,
    /// Another program that links this library, such as `hostledger` itself.
    Program(PathBuf),
    /// None: programs are children of ours. When we die before them, how they end can be learnt
    /// on Linux 6.15 and later only, and by those who wait at that moment; their timeouts are
    /// enforced, and their logs bounded, by nobody.
    None,
}

impl KeeperChoice {
    /// What is executed as the keeper; none when there is to be none, or can be none.
    pub(crate) fn program(&self) -> Option<hostledger_keeper::Program> {
        match self {
            Self::OwnImage => {
                hostledger_keeper::available().then_some(hostledger_keeper::Program::Own)
            }
            Self::Program(path) => Some(hostledger_keeper::Program::File(path.clone())),
            Self::None => None,
        }
    }
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            data_dir: None,
            database: None,
            application_id: "archivebox".to_owned(),
            resolver: Arc::new(Offline),
            secret_words: SecretWords::default(),
            keeper: KeeperChoice::default(),
            subreaper: false,
            means: None,
            durability: Durability::default(),
            strict: false,
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

    /// Another database than the directory's own: `sqlite:PATH`, or with the feature `postgres`
    /// the URL of a PostgreSQL database.
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

    /// Which program keeps what is launched; this one's own image unless you say so.
    #[must_use]
    pub fn keeper(mut self, keeper: KeeperChoice) -> Self {
        self.keeper = keeper;
        self
    }

    /// Makes this program a child subreaper (prctl(2)) at its first launch. Then a death of the
    /// keeper loses nothing on any kernel: what it had started becomes ours. It is for you to
    /// say, as every orphan among your descendants comes to you then.
    #[must_use]
    pub fn subreaper(mut self, subreaper: bool) -> Self {
        self.subreaper = subreaper;
        self
    }

    /// What may be used beyond what every supported kernel has; instead of what
    /// `HOSTLEDGER_DISABLE` leaves.
    #[must_use]
    pub fn means(mut self, means: Means) -> Self {
        self.means = Some(means);
        self
    }

    /// Says what a commit survives; the loss of power only when you ask for that.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Refuses to launch recorded programs that have changed since they were installed, instead of
    /// only telling that they have.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
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
