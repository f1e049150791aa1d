//! Finding programs that are recorded.

use std::path::Path;

use hostledger_install::{Env, Request};
use hostledger_model::{Binary, ProviderReason, ReasonKind};
use hostledger_store::{RecordId, Records};

use super::used::is_same;
use super::verify::Drift;
use crate::{Ledger, LedgerError};

/// Whether a variable names another program for a request than the one that is recorded.
pub(super) fn is_named_elsewhere(known: &Binary, request: &Request<'_>) -> bool {
    // Who asks for a path means that.
    !request.binary.name.starts_with('/')
        && Env::named(request).is_some_and(|named| !is_same(&named, Path::new(&known.abspath)))
}

impl Ledger {
    /// The installed binary of this machine that has this name, whatever the case of its letters:
    /// the one modified last; none when there is none.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn installed_binary(&self, name: &str) -> Result<Option<Binary>, LedgerError> {
        let machine = self.current_machine()?.id;
        Ok(self.store().valid_binary(machine, name)?)
    }

    /// The same, if its file has not changed since it was installed.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn intact_binary(&self, name: &str) -> Result<Option<Binary>, LedgerError> {
        let known = self.installed_binary(name)?;
        Ok(known.filter(|binary| self.file_drift(binary) == Drift::None))
    }

    /// A program that is on this host, recorded: one that a variable names, else one that is
    /// installed and unchanged, that is linked or on `PATH`. Nothing is installed.
    ///
    /// # Errors
    /// [`LedgerError::NotInstalled`] when there is none; nothing is recorded then.
    pub fn find_program(&self, name: &str) -> Result<Binary, LedgerError> {
        let builder = self.install(name).providers(Env::NAME);
        let binary = builder.request()?;
        let place = self.place()?;
        let request = Request {
            binary: &binary,
            place: &place,
        };
        let known = self.intact_binary(name)?;
        if let Some(known) = known.filter(|it| !is_named_elsewhere(it, &request)) {
            return Ok(known);
        }
        match Env::locate(&request) {
            Ok(_) => builder.run(|_| ()),
            Err(reason) => Err(LedgerError::NotInstalled {
                binary: Box::new(Binary {
                    reasons: vec![ProviderReason {
                        provider: Env::NAME.to_owned(),
                        outcome: ReasonKind::Failed,
                        reason: reason.to_string(),
                        process_id: None,
                    }],
                    ..binary
                }),
            }),
        }
    }

    /// A binary of this machine by its name, or any by its id or the beginning of that.
    ///
    /// # Errors
    /// There is none, several ids begin so, or the database cannot be read.
    pub fn find_binary(&self, name: &str) -> Result<Binary, LedgerError> {
        if let Some(binary) = self.named_binary(name)? {
            return Ok(binary);
        }
        let none = || LedgerError::NoSuchBinary {
            name: name.to_owned(),
        };
        match self.find(name) {
            Ok(RecordId::Binary(id)) => self.binary(id),
            Ok(_) | Err(LedgerError::NotFound { .. } | LedgerError::Prefix(_)) => Err(none()),
            Err(error) => Err(error),
        }
    }

    /// By its name: an installed one before others.
    fn named_binary(&self, name: &str) -> Result<Option<Binary>, LedgerError> {
        if let Some(binary) = self.installed_binary(name)? {
            return Ok(Some(binary));
        }
        let machine = self.current_machine()?.id;
        Ok(self.store().binary_by_name(machine, name)?)
    }

    /// The binaries of this machine, in the order of their making.
    ///
    /// # Errors
    /// The machine is not known.
    pub fn binaries(
        &self,
    ) -> Result<impl Iterator<Item = Result<Binary, LedgerError>> + '_, LedgerError> {
        let machine = self.current_machine()?.id;
        let here = move |binary: &Result<Binary, _>| {
            binary
                .as_ref()
                .map_or(true, |it: &Binary| it.machine_id == machine)
        };
        Ok(Records::binaries(self.store())
            .filter(here)
            .map(|binary| Ok(binary?)))
    }
}
