//! Finding programs that are recorded.

use hostledger_install::{Env, Request};
use hostledger_model::{Binary, ProviderReason, ReasonKind};
use hostledger_store::{RecordId, Records};

use super::verify::Drift;
use crate::{Ledger, LedgerError};

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

    /// A program that is on this host, recorded: one that is installed and unchanged, else one that
    /// a variable names, that is linked or on `PATH`. Nothing is installed.
    ///
    /// # Errors
    /// [`LedgerError::NotInstalled`] when there is none; nothing is recorded then.
    pub fn find_program(&self, name: &str) -> Result<Binary, LedgerError> {
        if let Some(known) = self.intact_binary(name)? {
            return Ok(known);
        }
        let builder = self.install(name).providers(Env::NAME);
        let binary = builder.request()?;
        let place = self.place()?;
        let request = Request {
            binary: &binary,
            place: &place,
        };
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
