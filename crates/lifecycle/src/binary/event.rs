//! What can happen to a binary.

use hostledger_model::{InstalledFile, ProviderReason};

/// Something that happened to a binary that somebody has taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is due; or it was taken over from somebody who died at work on it.
    Tick,
    /// Its request can never be met, whoever tries: a name that is a path, for example.
    Refused(ProviderReason),
    /// The provider at work has found or installed it.
    Succeeded(InstalledFile),
    /// The provider at work was passed over, or failed.
    Unsuccessful(ProviderReason),
    /// Nobody can tell any more what came of the provider at work.
    Lost,
    /// It is linked under its name.
    Linked(InstalledFile),
    /// It could not be linked: no other provider could help that.
    LinkFailed(ProviderReason),
    /// Whoever is at work on it has to stop.
    Interrupted,
}

impl Event {
    /// Whether there may be no program in the end for it.
    #[must_use]
    pub fn is_setback(&self) -> bool {
        match self {
            Self::Tick | Self::Succeeded(_) | Self::Linked(_) => false,
            Self::Refused(_)
            | Self::Unsuccessful(_)
            | Self::Lost
            | Self::LinkFailed(_)
            | Self::Interrupted => true,
        }
    }

    /// What happened in a word, for logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Refused(_) => "refused",
            Self::Succeeded(_) => "succeeded",
            Self::Unsuccessful(_) => "unsuccessful",
            Self::Lost => "lost",
            Self::Linked(_) => "linked",
            Self::LinkFailed(_) => "link_failed",
            Self::Interrupted => "interrupted",
        }
    }
}
