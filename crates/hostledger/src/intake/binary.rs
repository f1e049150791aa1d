//! A record of a binary: what it changes.

use hostledger_model::json::{BinaryCase, BinaryInput};
use hostledger_model::{Binary, BinaryChange, BinaryStatus, InstalledFile, MachineId, Timestamp};
use hostledger_store::Change;

use crate::binary::is_as_wanted;
use crate::{Ledger, LedgerError};

/// The changes that a record of a binary means.
///
/// A request is queued, due now; for a program that is there as it is asked for, nothing changes. A
/// program that is there is installed: in the row of its name, if
/// there is one, whatever that said before.
pub(super) fn changes(
    ledger: &Ledger,
    machine: MachineId,
    input: BinaryInput,
    now: Timestamp,
) -> Result<Vec<Change>, LedgerError> {
    let known = ledger.store().binary_by_name(machine, &input.name)?;
    let asked = asked(known.as_ref(), machine, &input, now)?;
    Ok(match input.case {
        BinaryCase::Request { .. } => match known {
            Some(known) if is_as_wanted(ledger, &known, &asked) => Vec::new(),
            _ => vec![Change::RequestBinary(Box::new(asked))],
        },
        BinaryCase::Installed { file, .. } | BinaryCase::HookResult { file } => {
            installed(known.is_some(), asked, file)
        }
    })
}

/// The row as a request, with what the record does not say as it is.
fn asked(
    known: Option<&Binary>,
    machine: MachineId,
    input: &BinaryInput,
    now: Timestamp,
) -> Result<Binary, LedgerError> {
    let new = || Binary::request(machine, &input.name, now);
    let mut binary = known.cloned().map_or_else(new, Ok)?;
    let binproviders = match &input.case {
        BinaryCase::Installed { binproviders, .. } => Some(binproviders),
        BinaryCase::Request { binproviders } => binproviders.as_ref(),
        BinaryCase::HookResult { .. } => None,
    };
    if let Some(binproviders) = binproviders {
        binary.binproviders.clone_from(binproviders);
    }
    if let Some(overrides) = &input.overrides {
        binary.overrides.clone_from(overrides);
    }
    if input.min_version.is_some() {
        binary.min_version.clone_from(&input.min_version);
    }
    // What another asked for, who may have made do with one attempt, says nothing about this one.
    binary.max_attempts = input.max_attempts;
    binary.status = BinaryStatus::Queued;
    binary.retry_at = Some(now);
    binary.owner = None;
    binary.attempt = 1;
    binary.reasons.clear();
    Ok(binary)
}

/// Written as a request first, which the second change fulfils in the same transaction: only that
/// makes one of rows that turn out to be the same.
fn installed(is_known: bool, asked: Binary, file: InstalledFile) -> Vec<Change> {
    let id = asked.id;
    let asked = Box::new(asked);
    let first = if is_known {
        Change::UpdateBinary(asked)
    } else {
        Change::InsertBinary(asked)
    };
    let second = Change::ChangeBinary {
        id,
        change: BinaryChange::Installed(file),
        owner: None,
    };
    vec![first, second]
}
