//! The port of providers.

use std::path::{Path, PathBuf};

use crate::{Request, RunError, Runner};

/// Finds or installs programs in one way.
///
/// Programs that use this library bring their own as well.
pub trait BinaryProvider: Send + Sync {
    /// The name by which an allow-list allows it.
    fn name(&self) -> &str;

    /// Finds or installs a program, running what that takes, and says where it is.
    ///
    /// Whoever calls has checked the names in the request, and checks afterwards that the program
    /// is there, executable, and of which version and content it is.
    ///
    /// # Errors
    /// Why there is no program, for people; or that nothing could be run at all.
    fn install(&self, request: &Request<'_>, runner: &dyn Runner) -> Result<Found, Unsuccessful>;

    /// Which version its package manager says a program has that it installed, for one that does
    /// not say by itself; none when it does not know.
    ///
    /// # Errors
    /// Nothing could be run.
    fn version(
        &self,
        _request: &Request<'_>,
        _program: &Path,
        _runner: &dyn Runner,
    ) -> Result<Option<String>, RunError> {
        Ok(None)
    }
}

/// A program that a provider has found or installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is; absolute.
    pub abspath: PathBuf,
    /// Which version, when the provider knows for certain: the program is not asked then.
    pub version: Option<String>,
    /// The SHA-256 that the provider says it has, when it says: another one is a failure.
    pub sha256: Option<String>,
    /// Who installed it, when it is not the provider itself.
    pub binprovider: Option<String>,
}

impl Found {
    /// A program of which nothing more is known.
    #[must_use]
    pub fn at(abspath: impl Into<PathBuf>) -> Self {
        Self {
            abspath: abspath.into(),
            version: None,
            sha256: None,
            binprovider: None,
        }
    }
}

/// Why a provider did not come up with a program.
#[derive(Debug, thiserror::Error)]
pub enum Unsuccessful {
    /// It is not for it to do: its own tool is absent, it has no permission, or it was not told
    /// how.
    #[error("{reason}")]
    Skipped {
        /// Why, for people.
        reason: String,
    },
    /// It tried, and failed.
    #[error("{reason}")]
    Failed {
        /// Why, for people.
        reason: String,
    },
    /// A program could not be run and recorded; no other provider's could either.
    #[error(transparent)]
    NotRun(#[from] RunError),
}

impl Unsuccessful {
    /// Skipped for a reason.
    pub fn skipped(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Skipped { reason }
    }

    /// Failed for a reason.
    pub fn failed(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Failed { reason }
    }
}
