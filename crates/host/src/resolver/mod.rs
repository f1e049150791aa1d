//! How the host looks from the internet.

#[cfg(feature = "http")]
mod answer;
#[cfg(feature = "http")]
mod http;

use std::fmt;
use std::net::IpAddr;

#[cfg(feature = "http")]
pub use http::{Endpoints, Http};

/// Tells how this host looks from outside: the one part of detection that may ask others.
///
/// Part of the contract is that it ends in bounded time, and that it leaves out what it could not
/// learn or does not believe.
pub trait Resolver: fmt::Debug + Send + Sync {
    /// Asks once; nothing is cached here.
    fn resolve(&self) -> PublicNetwork;
}

/// How a host looks from the internet; `None` is what nobody told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicNetwork {
    /// The address that others see.
    pub ip: Option<IpAddr>,
    /// The provider or organisation that the address belongs to.
    pub isp: Option<String>,
    /// Where that address is said to be; so the two that follow.
    pub city: Option<String>,
    /// State, province or canton.
    pub region: Option<String>,
    /// The country's name, not its code.
    pub country: Option<String>,
}

/// Asks nobody: no packet leaves the host. The one to use unless somebody opted for another.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offline;

impl Resolver for Offline {
    fn resolve(&self) -> PublicNetwork {
        PublicNetwork::default()
    }
}

/// Answers what it was given: for tests, and for hosts whose operator knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fixed(pub PublicNetwork);

impl Resolver for Fixed {
    fn resolve(&self) -> PublicNetwork {
        self.0.clone()
    }
}
