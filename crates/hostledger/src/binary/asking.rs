//! Asking for a program, and seeing it through, whoever else asks for the same.

use hostledger_engine::install::{InstallError, InstallNews, Installer};
use hostledger_install::{Env, Request, link};
use hostledger_model::{Binary, BinaryId, BinaryStatus, Timestamp};
use hostledger_store::{Change, Commit, RecordId};

use super::find::is_named_elsewhere;
use super::is_as_wanted;
use super::run::Recorded;
use super::waiting::Waiting;
use crate::{Interruption, Ledger, LedgerError};

/// A request on its way.
pub(super) struct Asking<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) request: Binary,
    pub(super) installer: Installer,
    pub(super) interruption: Interruption,
}

impl Asking<'_> {
    /// Installs what is asked for, or waits until somebody has who is at work on it.
    pub(super) fn see_through(
        self,
        news: &mut dyn FnMut(InstallNews<'_>),
    ) -> Result<Binary, LedgerError> {
        // From before the first look on, so that nothing is missed.
        let mut waiting = None;
        loop {
            if let Some(known) = self.known()?.filter(|it| self.is_there(it)) {
                self.put_link(&known)?;
                return Ok(known);
            }
            let row = self.ledger.binary(self.ask()?)?;
            // What somebody asked for who is dead is not what we ask for.
            if self.installer.take_back(&row)? {
                continue;
            }
            if self.is_ours(&row)
                && let Some(claimed) = self.installer.claim(&row)?
            {
                return match self.drive(claimed, news) {
                    // Somebody has written to the row: what stands there now may do.
                    Err(LedgerError::Install(InstallError::TakenOver { .. }))
                        if !self.is_interrupted() =>
                    {
                        continue;
                    }
                    driven => driven,
                };
            }
            if self.is_interrupted() {
                return Err(not_installed(row));
            }
            let Some(waiting) = &mut waiting else {
                waiting = Some(Waiting::begin(
                    self.ledger,
                    &self.installer,
                    &self.interruption,
                )?);
                continue;
            };
            if let Some(answered) = self.wait(row.id, waiting)? {
                return Err(not_installed(answered));
            }
        }
    }

    /// Waits until nobody is at work on a binary any more. Its row, if who was has had the same
    /// request and has given up: then we need not try that again.
    fn wait(&self, id: BinaryId, waiting: &mut Waiting<'_>) -> Result<Option<Binary>, LedgerError> {
        loop {
            let row = match self.ledger.binary(id) {
                Ok(row) => row,
                // It was one with another, or was deleted: ask anew.
                Err(LedgerError::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            if self.is_interrupted() {
                return Ok(Some(row));
            }
            match row.status {
                BinaryStatus::Installed => return Ok(None),
                BinaryStatus::Failed => return Ok(Some(row).filter(|it| self.is_ours(it))),
                BinaryStatus::Queued | BinaryStatus::Started => {}
            }
            if !self.installer.is_at_work(&row)? {
                let gave_up = row.owner.is_none() && row.retry_at > Some(Timestamp::now());
                return Ok(Some(row).filter(|it| gave_up && self.is_ours(it)));
            }
            waiting.wait(row.retry_at)?;
        }
    }

    fn drive(
        &self,
        claimed: Binary,
        news: &mut dyn FnMut(InstallNews<'_>),
    ) -> Result<Binary, LedgerError> {
        let runner = Recorded {
            ledger: self.ledger,
            interruption: &self.interruption,
        };
        let interrupted = || self.is_interrupted();
        let driven = self.installer.drive(claimed, &runner, &interrupted, news)?;
        // One that has failed may go on telling of what was there before.
        if driven.is_valid() && self.is_wanted(&driven) {
            Ok(driven)
        } else {
            Err(not_installed(driven))
        }
    }

    fn is_interrupted(&self) -> bool {
        self.interruption.signal().is_some()
    }

    fn known(&self) -> Result<Option<Binary>, LedgerError> {
        let Binary {
            machine_id, name, ..
        } = &self.request;
        Ok(self.ledger.store().binary_by_name(*machine_id, name)?)
    }

    /// Whether what is recorded does, so that nobody need be asked.
    fn is_there(&self, known: &Binary) -> bool {
        let request = Request {
            binary: &self.request,
            place: &self.installer.place,
        };
        // What a variable names goes before what is recorded, where it is asked for first.
        let allowed = self.installer.providers.allowed(&self.request.binproviders);
        let asks_env = allowed.first().is_some_and(|it| it.name() == Env::NAME);
        self.is_wanted(known) && !(asks_env && is_named_elsewhere(known, &request))
    }

    fn is_wanted(&self, binary: &Binary) -> bool {
        is_as_wanted(self.ledger, binary, &self.request)
    }

    /// Whether a row asks for the same as we do, so that what comes of it answers us.
    fn is_ours(&self, row: &Binary) -> bool {
        let asked = |it: &Binary| {
            (
                it.binproviders.clone(),
                it.overrides.clone(),
                it.min_version.clone(),
            )
        };
        asked(row) == asked(&self.request)
    }

    /// Puts the request into the ledger: which row it is. One that somebody is at work on stays as
    /// it is.
    fn ask(&self) -> Result<BinaryId, LedgerError> {
        let now = Timestamp::now();
        let mut request = self.request.clone();
        request.retry_at = Some(now);
        let id = request.id;
        let change = Change::RequestBinary(Box::new(request));
        let commit = self.ledger.store().submit(now, vec![change]).wait()?;
        Ok(match commit {
            Commit::Applied(written) => match written.first() {
                Some(RecordId::Binary(id)) => *id,
                _ => id,
            },
            Commit::Refused { .. } => id,
        })
    }

    fn put_link(&self, binary: &Binary) -> Result<(), LedgerError> {
        let place = &self.installer.place;
        let request = Request { binary, place };
        Ok(link(&place.data, request.name(), binary.abspath.as_ref())?)
    }
}

fn not_installed(binary: Binary) -> LedgerError {
    LedgerError::NotInstalled {
        binary: Box::new(binary),
    }
}
