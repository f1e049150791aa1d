//! Carrying out changes, inside the writer's transaction.

mod delete;
mod machine;
mod network;

use diesel::prelude::*;
use hostledger_model::{Outcome, ProcessChange, Timestamp};

use super::binary::{BinaryContentRow, BinaryRow};
use super::encoding;
use super::failure::{Failed, Failures};
use super::interface::InterfaceRow;
use super::machine::MachineRow;
use super::process::{self, ProcessRow};
use super::schema;
use super::update::update;
use crate::change::{Change, Used};
use crate::record_id::RecordId;

/// Carries a change out: the record it wrote, or none when the row did not allow it.
pub(super) fn change(
    connection: &mut SqliteConnection,
    failures: &Failures,
    change: &Change,
    now: Timestamp,
) -> Result<Option<RecordId>, Failed> {
    let record = change.record();
    carry_out(connection, change, now).map_err(|failed| match failed {
        Failed::Query(error) => failures.of_change(record, error),
        known @ Failed::Store(_) => known,
    })
}

/// Whether a change writes with a single statement at most.
pub(super) fn is_one_statement(change: &Change) -> bool {
    match change {
        Change::InsertMachine(_)
        | Change::SaveMachineFacts { .. }
        | Change::SaveMachineConfig { .. }
        | Change::InsertInterface(_)
        | Change::SaveInterface(_)
        | Change::InsertBinary(_)
        | Change::UpdateBinary(_)
        | Change::CountUse { .. }
        | Change::InsertProcess(_) => true,
        Change::ChangeProcess { change, .. } => match change {
            ProcessChange::Requeued(_) => false,
            ProcessChange::Ended(ended) => ended.outcome != Outcome::Lost,
            _ => true,
        },
        Change::DeleteMachine(_) | Change::DeleteProcess(_) => false,
    }
}

fn carry_out(
    connection: &mut SqliteConnection,
    change: &Change,
    now: Timestamp,
) -> Result<Option<RecordId>, Failed> {
    let applied = match change {
        Change::InsertMachine(machine) => {
            diesel::insert_into(schema::machine::table)
                .values(MachineRow::from(&**machine))
                .execute(connection)?;
            true
        }
        Change::SaveMachineFacts { id, facts } => machine::save_facts(connection, *id, facts, now)?,
        Change::SaveMachineConfig { id, read, config } => {
            machine::save_config(connection, *id, read.as_ref(), config, now)?
        }
        Change::DeleteMachine(id) => delete::machine(connection, *id)?,
        Change::InsertInterface(interface) => {
            diesel::insert_into(schema::interface::table)
                .values(InterfaceRow::from(&**interface))
                .execute(connection)?;
            true
        }
        Change::SaveInterface(interface) => {
            return network::save(connection, interface, now).map(Some);
        }
        Change::InsertBinary(binary) => {
            diesel::insert_into(schema::binary::table)
                .values(BinaryRow::from(&**binary))
                .execute(connection)?;
            true
        }
        Change::UpdateBinary(binary) => {
            let it = schema::binary::id.eq(binary.id.simple());
            let modified = schema::binary::modified_at.eq(encoding::time(now));
            let set = (BinaryContentRow::from(&**binary), modified);
            update(&schema::binary::table, it, set).execute(connection)? > 0
        }
        Change::CountUse { of, succeeded } => {
            count_use(connection, *of, *succeeded)?;
            true
        }
        Change::InsertProcess(process) => {
            diesel::insert_into(schema::process::table)
                .values(ProcessRow::from(&**process))
                .execute(connection)?;
            true
        }
        Change::ChangeProcess { id, change, owner } => {
            process::change(connection, *id, change, *owner, now)?
        }
        Change::DeleteProcess(id) => delete::process(connection, *id)?,
    };
    Ok(applied.then(|| change.record()))
}

/// Counts in the database itself, so that no count is lost between writers.
///
/// The time of modification stays: it says when the thing was last looked at.
fn count_use(connection: &mut SqliteConnection, of: Used, succeeded: bool) -> QueryResult<usize> {
    macro_rules! count {
        ($table:ident, $id:expr) => {{
            use schema::$table::{num_uses_failed, num_uses_succeeded, table};
            let it = schema::$table::id.eq($id.simple());
            if succeeded {
                let set = num_uses_succeeded.eq(num_uses_succeeded + 1);
                update(&table, it, set).execute(connection)
            } else {
                let set = num_uses_failed.eq(num_uses_failed + 1);
                update(&table, it, set).execute(connection)
            }
        }};
    }
    match of {
        Used::Machine(id) => count!(machine, id),
        Used::Interface(id) => count!(interface, id),
        Used::Binary(id) => count!(binary, id),
    }
}
