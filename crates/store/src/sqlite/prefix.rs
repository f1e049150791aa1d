//! Finding records by the beginning of their id.

use std::str::FromStr;

use diesel::prelude::*;

use super::schema::{binary, interface, machine, process};
use crate::record_id::{CANDIDATES, Found, IdPrefix, RecordId};

/// An id that is none of ours to read is passed over: no prefix that people type means it.
pub(super) fn find(connection: &mut SqliteConnection, prefix: &IdPrefix) -> QueryResult<Found> {
    let mut found: Vec<RecordId> = Vec::new();
    let first = prefix.as_str();
    // Beyond every id that begins so: 'g' comes after the last hex digit.
    let end = format!("{first}g");
    macro_rules! look {
        ($table:ident) => {{
            let ids: Vec<String> = $table::table
                .filter($table::id.ge(first))
                .filter($table::id.lt(&end))
                .order($table::id)
                .limit(CANDIDATES)
                .select($table::id)
                .load(connection)?;
            ids
        }};
    }
    fn read<T: FromStr + Into<RecordId>>(ids: Vec<String>) -> impl Iterator<Item = RecordId> {
        ids.into_iter()
            .filter_map(|id| id.parse::<T>().ok())
            .map(Into::into)
    }
    found.extend(read::<hostledger_model::ProcessId>(look!(process)));
    found.extend(read::<hostledger_model::BinaryId>(look!(binary)));
    found.extend(read::<hostledger_model::InterfaceId>(look!(interface)));
    found.extend(read::<hostledger_model::MachineId>(look!(machine)));
    Ok(found.into())
}
