//! The driver of one binary.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hostledger_install::{
    Allowed, Digests, PROVIDER_TIMEOUT, Place, Providers, Request, RunError, Runner, Unsuccessful,
    attempt, check_name, check_overrides, is_program, link,
};
use hostledger_lifecycle::binary::{Context, Effect, Event, LEASE, handle};
use hostledger_model::{
    Binary, BinaryChange, BinaryStatus, InstalledFile, OwnerId, ProviderReason, ReasonKind,
    Timestamp, with_causes,
};
use hostledger_store::{Change, Commit, Used};

use super::allowance::Allowance;
use super::{InstallError, InstallNews, leftovers};
use crate::bystander::Bystander;
use crate::bystander::Standing;

/// Everything that is needed to drive binaries.
#[derive(Clone)]
pub struct Installer {
    /// The rows, and who may be at work on them.
    pub bystander: Bystander,
    /// Who takes binaries on.
    pub owner: OwnerId,
    /// Who may install them.
    pub providers: Arc<Providers>,
    /// Where programs are looked for and put.
    pub place: Place,
    /// Hashes of files.
    pub digests: Arc<Digests>,
    /// How long a provider has for all that it runs: [`PROVIDER_TIMEOUT`], or less.
    pub time: Duration,
}

impl Installer {
    /// Takes a binary on, if it is due or whoever has taken it on is dead; none when somebody else
    /// is at work on it, when it is due later, or when it is final.
    ///
    /// # Errors
    /// The row cannot be written, or the lock of its owner not be asked for.
    pub fn claim(&self, binary: &Binary) -> Result<Option<Binary>, InstallError> {
        let now = Timestamp::now();
        let dead = match binary.owner {
            Some(owner) if self.bystander.standing(owner)? == Standing::Dead => Some(owner),
            _ => None,
        };
        let claim = BinaryChange::Claimed {
            owner: self.owner,
            lease_until: now.saturating_add(LEASE),
            dead,
        };
        let change = Change::ChangeBinary {
            id: binary.id,
            change: claim,
            owner: None,
        };
        let commit = self.bystander.store.submit(now, vec![change]).wait()?;
        match commit {
            Commit::Applied(_) => Ok(self.bystander.store.binary(binary.id)?),
            Commit::Refused { .. } => Ok(None),
        }
    }

    /// Takes back what somebody had asked for who has died at work on it, and ends what that has
    /// left running: it is nobody's request then. Says whether it was so.
    ///
    /// # Errors
    /// The row cannot be written, or what runs not be ended.
    pub fn take_back(&self, binary: &Binary) -> Result<bool, InstallError> {
        if binary.owner.is_none() || self.is_at_work(binary)? {
            return Ok(false);
        }
        let Some(claimed) = self.claim(binary)? else {
            return Ok(false);
        };
        let request = Request {
            binary: &claimed,
            place: &self.place,
        };
        leftovers::end(&self.bystander, &request)?;
        let now = Timestamp::now();
        let change = Change::ChangeBinary {
            id: claimed.id,
            change: BinaryChange::Deferred { retry_at: now },
            owner: Some(self.owner),
        };
        let commit = self.bystander.store.submit(now, vec![change]).wait()?;
        Ok(commit.is_applied())
    }

    /// Whether the file that a row tells of is still what it was when it was installed.
    fn is_intact(&self, binary: &Binary) -> bool {
        let path = Path::new(&binary.abspath);
        !binary.abspath.is_empty()
            && !binary.version.is_empty()
            && is_program(path)
            && (binary.sha256.is_empty()
                || self
                    .digests
                    .sha256(path)
                    .is_ok_and(|sum| sum == binary.sha256))
    }

    /// Whether somebody is at work on a binary, and alive as far as we can tell.
    ///
    /// # Errors
    /// The lock of its owner cannot be asked for.
    pub fn is_at_work(&self, binary: &Binary) -> Result<bool, InstallError> {
        Ok(self.bystander.is_held(binary.owner, binary.retry_at)?)
    }

    /// Drives a binary that we have taken on: provider after provider, until it is installed, has
    /// failed, or is due again later. Returns its row as it is then.
    ///
    /// `interrupted` is asked after each provider: when it says so, no other is tried.
    ///
    /// # Errors
    /// The row cannot be written, or belongs to somebody else by now; or nothing can be run. It is
    /// left for whoever comes next then.
    pub fn drive(
        &self,
        binary: Binary,
        runner: &dyn Runner,
        interrupted: &dyn Fn() -> bool,
        news: &mut dyn FnMut(InstallNews<'_>),
    ) -> Result<Binary, InstallError> {
        let allow_list = binary.binproviders.clone();
        let allowed = self.providers.allowed(&allow_list);
        let names = allowed.iter().map(|it| it.name().to_owned()).collect();
        let mut drive = Drive {
            installer: self,
            allowed,
            names,
            binary,
            runner,
            interrupted,
            news,
        };
        drive.run()?;
        Ok(drive.binary)
    }
}

/// A binary being driven.
struct Drive<'a> {
    installer: &'a Installer,
    allowed: Vec<Allowed<'a>>,
    names: Vec<String>,
    binary: Binary,
    runner: &'a dyn Runner,
    interrupted: &'a dyn Fn() -> bool,
    news: &'a mut dyn FnMut(InstallNews<'_>),
}

impl Drive<'_> {
    fn run(&mut self) -> Result<(), InstallError> {
        if self.binary.status == BinaryStatus::Started {
            leftovers::end(&self.installer.bystander, &self.request())?;
        }
        let mut next = Some(self.first_event());
        while let Some(event) = next {
            let now = Timestamp::now();
            let mut context = Context::new(&self.binary, &self.names, now);
            // Asked only where it matters: it may be a large file.
            if event.is_setback() {
                context = context.with_file(self.installer.is_intact(&self.binary));
            }
            let status = handle(&event, &mut context);
            let effects = context.into_effects();
            tracing::debug!(id = %self.binary.id, event = event.name(), %status, "decided");
            next = self.carry_out(effects, now)?;
        }
        Ok(())
    }

    /// Names are looked at before anything else is done with them.
    fn first_event(&self) -> Event {
        if self.binary.name.trim().is_empty() {
            return Event::Tick;
        }
        let checked = check_name(&self.binary.name).and_then(|()| check_overrides(&self.binary));
        match checked {
            Ok(()) => Event::Tick,
            Err(refusal) => {
                let failed = Unsuccessful::failed(refusal.to_string());
                Event::Refused(reason("", &failed))
            }
        }
    }

    fn request(&self) -> Request<'_> {
        Request {
            binary: &self.binary,
            place: &self.installer.place,
        }
    }

    /// Does what was decided; what comes of it is the next event.
    fn carry_out(
        &mut self,
        effects: Vec<Effect>,
        now: Timestamp,
    ) -> Result<Option<Event>, InstallError> {
        let mut changes = Vec::new();
        for effect in effects {
            match effect {
                Effect::Save(change) => {
                    change.apply(&mut self.binary, now);
                    changes.push(Change::ChangeBinary {
                        id: self.binary.id,
                        change,
                        owner: Some(self.installer.owner),
                    });
                }
                Effect::CountUse { succeeded } => changes.push(Change::CountUse {
                    of: Used::Binary(self.binary.id),
                    succeeded,
                }),
                // Only once it is written that they are under way.
                Effect::Run { provider } => {
                    self.write(std::mem::take(&mut changes), now)?;
                    return self.try_provider(provider).map(Some);
                }
                Effect::Link(file) => {
                    self.write(std::mem::take(&mut changes), now)?;
                    return Ok(Some(self.link(file)));
                }
            }
        }
        self.write(changes, now)?;
        Ok(None)
    }

    fn write(&self, changes: Vec<Change>, now: Timestamp) -> Result<(), InstallError> {
        if changes.is_empty() {
            return Ok(());
        }
        let commit = self.installer.bystander.store.submit(now, changes).wait()?;
        if commit.is_applied() {
            Ok(())
        } else {
            Err(InstallError::TakenOver { id: self.binary.id })
        }
    }

    fn try_provider(&mut self, index: usize) -> Result<Event, InstallError> {
        if (self.interrupted)() {
            return Ok(Event::Interrupted);
        }
        let Some(allowed) = self.allowed.get(index).copied() else {
            return Ok(Event::Lost);
        };
        let name = allowed.name();
        (self.news)(InstallNews::Trying { provider: name });
        let time = self.installer.time.min(PROVIDER_TIMEOUT);
        let runner = Allowance::new(self.runner, time);
        let came_of_it = match allowed {
            Allowed::Unknown(name) => {
                let reason = format!("there is no provider {name}");
                Err(Unsuccessful::skipped(reason))
            }
            Allowed::Provider(provider) => {
                let digests = &self.installer.digests;
                attempt(provider, &self.request(), &runner, digests)
            }
        };
        match came_of_it {
            Ok(file) => {
                (self.news)(InstallNews::Found(&file));
                Ok(Event::Succeeded(file))
            }
            Err(Unsuccessful::NotRun(error)) => self.not_run(error),
            Err(_) if (self.interrupted)() => Ok(Event::Interrupted),
            Err(unsuccessful) => {
                let mut reason = reason(name, &unsuccessful);
                reason.process_id = runner.last();
                (self.news)(InstallNews::GaveUp(&reason));
                Ok(Event::Unsuccessful(reason))
            }
        }
    }

    fn not_run(&self, error: RunError) -> Result<Event, InstallError> {
        if (self.interrupted)() {
            return Ok(Event::Interrupted);
        }
        Err(error.into())
    }

    fn link(&mut self, file: InstalledFile) -> Event {
        let request = self.request();
        let linked = link(&request.place.data, request.name(), file.abspath.as_ref());
        match linked {
            Ok(()) => Event::Linked(file),
            Err(error) => {
                let provider = file.binprovider.as_deref().unwrap_or_default();
                let failed = Unsuccessful::failed(with_causes(&error));
                let reason = reason(provider, &failed);
                (self.news)(InstallNews::GaveUp(&reason));
                Event::LinkFailed(reason)
            }
        }
    }
}

fn reason(provider: &str, unsuccessful: &Unsuccessful) -> ProviderReason {
    let outcome = match unsuccessful {
        Unsuccessful::Skipped { .. } => ReasonKind::Skipped,
        Unsuccessful::Failed { .. } | Unsuccessful::NotRun(_) => ReasonKind::Failed,
    };
    ProviderReason {
        provider: provider.to_owned(),
        outcome,
        reason: unsuccessful.to_string(),
        process_id: None,
    }
}
