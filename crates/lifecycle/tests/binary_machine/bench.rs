//! A binary in some state, and the events it can meet.

use chrono::TimeDelta;
use hostledger_lifecycle::binary::{Context, Effect, Event, handle};
use hostledger_model::{
    Binary, BinaryChange, BinaryStatus, InstalledFile, MachineId, OwnerId, ProviderReason,
    ReasonKind, Timestamp,
};

pub(crate) struct Bench {
    pub(crate) binary: Binary,
    pub(crate) providers: Vec<String>,
    pub(crate) now: Timestamp,
    /// Whether the file of the row is what it was.
    pub(crate) is_intact: bool,
}

impl Bench {
    /// A binary that three providers may install, and nobody has tried yet.
    pub(crate) fn new(status: BinaryStatus) -> Self {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut binary = Binary::request(MachineId::generate(), "tool", now).unwrap();
        binary.status = status;
        binary.owner = Some(OwnerId::generate());
        Self {
            binary,
            providers: ["env", "pip", "apt"].map(str::to_owned).to_vec(),
            now,
            is_intact: false,
        }
    }

    pub(crate) fn handle(&self, event: &Event) -> (BinaryStatus, Vec<Effect>) {
        let context = Context::new(&self.binary, &self.providers, self.now);
        let mut context = context.with_file(self.is_intact);
        let status = handle(event, &mut context);
        (status, context.into_effects())
    }

    /// Handles an event and makes the changes to the row, as its driver does.
    pub(crate) fn feed(&mut self, event: &Event) -> Vec<Effect> {
        let (status, effects) = self.handle(event);
        for effect in &effects {
            if let Effect::Save(change) = effect {
                change.apply(&mut self.binary, self.now);
            }
        }
        assert_eq!(self.binary.status, status, "saved as decided: {event:?}");
        effects
    }

    pub(crate) fn after(&self, seconds: i64) -> Timestamp {
        self.now.saturating_add(TimeDelta::seconds(seconds))
    }

    /// What is done to have a provider run, once others have given up.
    pub(crate) fn run(&self, reasons: &[ProviderReason]) -> Vec<Effect> {
        vec![
            Effect::Save(BinaryChange::Trying {
                reasons: reasons.to_vec(),
                lease_until: self.after(660),
            }),
            Effect::Run {
                provider: reasons.len(),
            },
        ]
    }
}

pub(crate) fn failed(provider: &str) -> ProviderReason {
    ProviderReason {
        provider: provider.to_owned(),
        outcome: ReasonKind::Failed,
        reason: "no such package".to_owned(),
        process_id: None,
    }
}

pub(crate) fn skipped(provider: &str) -> ProviderReason {
    ProviderReason {
        outcome: ReasonKind::Skipped,
        ..failed(provider)
    }
}

pub(crate) fn file() -> InstalledFile {
    InstalledFile {
        abspath: "/lib/tool".to_owned(),
        version: "1.0".to_owned(),
        sha256: Some("00".to_owned()),
        binprovider: Some("pip".to_owned()),
    }
}

pub(crate) fn every_event() -> Vec<Event> {
    vec![
        Event::Tick,
        Event::Refused(failed("")),
        Event::Succeeded(file()),
        Event::Unsuccessful(skipped("env")),
        Event::Lost,
        Event::Linked(file()),
        Event::LinkFailed(failed("link")),
        Event::Interrupted,
    ]
}
