//! Who has taken something on, and whether they live.

use std::collections::{BTreeMap, BTreeSet};

use hostledger_engine::{Bystander, Standing};
use hostledger_model::{OwnerId, OwnerRecord};

use super::leftovers::CLEANUP;
use super::{Check, unusable};
use crate::{Ledger, LedgerError};

const NAME: &str = "owners";

pub(super) fn check(ledger: &Ledger) -> Check {
    looked_at(ledger).unwrap_or_else(|error| unusable(NAME, &error))
}

fn looked_at(ledger: &Ledger) -> Result<Check, LedgerError> {
    let machine = ledger.current_machine()?.id;
    let bystander: Bystander = ledger.bystander()?;
    let records = bystander.store.owners_of(machine)?;
    let records: BTreeMap<OwnerId, OwnerRecord> =
        records.into_iter().map(|it| (it.id, it)).collect();
    let mut owners: BTreeSet<OwnerId> = records.keys().copied().collect();
    owners.extend(bystander.store.owners(machine)?);
    let (mut alive, mut dead, mut unknown) = (0, 0, Vec::new());
    for owner in owners {
        match bystander.standing(owner)? {
            Standing::Alive => alive += 1,
            Standing::Dead => dead += 1,
            Standing::Unknown => unknown.push(told(owner, records.get(&owner))),
        }
    }
    let found = format!("{alive} alive, {dead} dead");
    Ok(match (dead, unknown.as_slice()) {
        (0, []) => Check::good(NAME, found),
        (_, []) => Check::reduced(NAME, found, CLEANUP),
        (_, unknown) => Check::reduced(
            NAME,
            format!("{found}, out of reach: {}", unknown.join("; ")),
            "what they have taken on is theirs until its lease is over; look at it with \
             --data on their directory, if it is on this host",
        ),
    })
}

fn told(owner: OwnerId, record: Option<&OwnerRecord>) -> String {
    let Some(record) = record else {
        return format!("{owner}, of which nothing is known");
    };
    let place = record.place.as_ref();
    let place = place.map_or_else(String::new, |it| format!(" of {}", it.data_dir.display()));
    format!("{owner}{place}, last seen {}", record.seen_at)
}
