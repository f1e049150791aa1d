//! What a hook has printed: told, and taken into the ledger.

use hostledger_install::hooks::{EventName, Hook, HookOutput, PassedOver, tag};
use hostledger_model::json::{BinaryCase, Line, Record, Refusal, interpret};
use serde_json::{Map, Value};

use super::HookNews;
use crate::{Intake, Ledger, LedgerError, Taken};

/// Goes through the records of hooks.
pub(super) struct RecordReader {
    intake: Intake,
    /// The program that installers are asked for.
    asked_for: Option<String>,
}

/// What was found in the output of a hook.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FoundRecords {
    pub(super) records: u64,
    pub(super) refused: u64,
    /// Objects that do not say what they are: no records.
    untyped: u64,
    pub(super) passed_over: PassedOver,
    /// Whether one of them says that the program is there that was asked for.
    pub(super) has_answer: bool,
}

impl RecordReader {
    pub(super) fn new(
        ledger: &Ledger,
        arguments: &Map<String, Value>,
    ) -> Result<Self, LedgerError> {
        let name = arguments.get("name").and_then(Value::as_str);
        Ok(Self {
            intake: ledger.intake()?,
            asked_for: name.map(|name| name.trim().to_owned()),
        })
    }

    /// Takes the records in that are ours, and tells all of them. That something is installed is
    /// not believed of a hook that has failed.
    pub(super) fn read<E: From<LedgerError>>(
        &mut self,
        hook: &Hook,
        mut output: HookOutput<impl std::io::BufRead>,
        has_failed: bool,
        news: &mut impl FnMut(HookNews<'_>) -> Result<(), E>,
    ) -> Result<FoundRecords, E> {
        let mut found = FoundRecords::default();
        for record in output.by_ref() {
            let mut record = record.map_err(|source| LedgerError::HookOutput {
                hook: hook.name.clone(),
                source,
            })?;
            found.has_answer |= self.is_answer(&record);
            let taken = self.take(&record, has_failed)?;
            if matches!(taken, Err(Refusal::NoType)) {
                found.untyped += 1;
                continue;
            }
            found.records += 1;
            match taken {
                Ok(taken) => {
                    tag(&mut record, hook);
                    news(HookNews::Record {
                        hook,
                        record,
                        taken,
                    })?;
                }
                Err(reason) => {
                    found.refused += 1;
                    news(HookNews::Refused { hook, reason })?;
                }
            }
        }
        self.intake.finish()?;
        found.passed_over = output.passed_over();
        found.passed_over.text += found.untyped;
        Ok(found)
    }

    /// Whether it was taken in; or why it is no record though it says so.
    fn take(
        &mut self,
        record: &Map<String, Value>,
        has_failed: bool,
    ) -> Result<Result<bool, Refusal>, LedgerError> {
        let record = match interpret(record.clone()) {
            Line::Record(record) => record,
            Line::Refused { reason } => return Ok(Err(reason)),
            Line::Blank | Line::NotAnObject(_) | Line::Unknown { .. } => return Ok(Ok(false)),
        };
        if has_failed && is_installed(&record) {
            return Ok(Ok(false));
        }
        Ok(Ok(self.intake.take(record)? == Taken::Written))
    }

    fn is_answer(&self, record: &Map<String, Value>) -> bool {
        let text = |key: &str| record.get(key).and_then(Value::as_str);
        text("type") == Some("Binary")
            && text("abspath").is_some_and(|path| !path.is_empty())
            && text("name") == self.asked_for.as_deref()
    }
}

fn is_installed(record: &Record) -> bool {
    matches!(record, Record::Binary(input) if !matches!(input.case, BinaryCase::Request { .. }))
}

/// Whether hooks of an event are installers, which have to answer.
pub(super) fn has_to_answer(event: &EventName) -> bool {
    *event == EventName::binary_request()
}
