//! What a provider is asked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hostledger_model::{Binary, ProcessType};
use serde_json::Map;

use crate::{Order, Overrides, PROVIDER_TIMEOUT, Place};

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

    /// What the request wants done differently by a provider.
    #[must_use]
    pub fn overrides(&self, provider: &str) -> Overrides {
        Overrides::of(self.binary, provider)
    }

    /// What a provider's package manager is given: the overrides' packages, or the name.
    #[must_use]
    pub fn packages(&self, provider: &str) -> Vec<String> {
        let packages = self.overrides(provider).packages;
        if packages.is_empty() {
            vec![self.name().to_owned()]
        } else {
            packages
        }
    }

    /// Where everything of this request is kept:
    /// `<data>/machines/<machine id>/binaries/<name>/<binary id>`.
    #[must_use]
    pub fn own_directory(&self) -> PathBuf {
        let mut directory = self.place.data.join("machines");
        directory.push(self.binary.machine_id.to_string());
        directory.push("binaries");
        directory.push(self.name());
        directory.push(self.binary.id.to_string());
        directory
    }

    /// Where a provider works on this request, and keeps the logs of what it runs.
    #[must_use]
    pub fn directory(&self, provider: &str) -> PathBuf {
        self.own_directory().join(provider)
    }

    /// A program to be run for a provider, in its directory and with all the time it has.
    #[must_use]
    pub fn order(&self, provider: &str, program: &Path) -> Order {
        let directory = self.directory(provider);
        Order {
            command: vec![program.to_owned().into()],
            env: Map::new(),
            secret_env: Map::new(),
            working_directory: directory.clone(),
            log_directory: directory,
            timeout: PROVIDER_TIMEOUT,
            process_type: ProcessType::Binary,
            name: format!("install {}: {provider}", self.name()),
        }
    }
}

impl Order {
    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Gives it a variable.
    #[must_use]
    pub fn variable(mut self, key: &str, value: &str) -> Self {
        self.env.insert(key.to_owned(), value.into());
        self
    }
}
