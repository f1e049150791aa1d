//! What a provider is asked for.

use std::path::PathBuf;

use hostledger_model::Binary;

use crate::Place;

/// A program that is asked for, and where it may be looked for and put.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The record of the request; its name and overrides are checked.
    pub binary: &'a Binary,
    /// Where programs are looked for and put.
    pub place: &'a Place,
}

impl Request<'_> {
    /// The name it is asked for by; of a path, its last part.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = &self.binary.name;
        name.rsplit('/').next().unwrap_or(name)
    }

    /// Where a provider works on this request, and keeps the logs of what it runs:
    /// `<data>/machines/<machine id>/binaries/<name>/<binary id>/<provider>`.
    #[must_use]
    pub fn directory(&self, provider: &str) -> PathBuf {
        let mut directory = self.place.data.join("machines");
        directory.push(self.binary.machine_id.to_string());
        directory.push("binaries");
        directory.push(self.name());
        directory.push(self.binary.id.to_string());
        directory.push(provider);
        directory
    }
}
