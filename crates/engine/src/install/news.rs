//! What happens while a binary is installed.

use hostledger_model::{InstalledFile, ProviderReason};

/// What happens while a binary is installed, for those who watch.
#[derive(Debug, Clone, Copy)]
pub enum InstallNews<'a> {
    /// A provider is to find or install it.
    Trying {
        /// Which.
        provider: &'a str,
    },
    /// A provider did not come up with it.
    GaveUp(&'a ProviderReason),
    /// A provider came up with it.
    Found(&'a InstalledFile),
}
