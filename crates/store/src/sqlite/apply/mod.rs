//! Carrying out changes, inside the writer's transaction.

mod delete;
mod machine;
mod network;

use diesel::prelude::*;
use hostledger_model::{BinaryChange, Outcome, Process, ProcessChange, Timestamp};

use super::binary;
use super::failure::{Failed, Failures};
use super::owner;
use super::process;
use super::schema;
use super::update::update;
use crate::change::{Change, Used};
use crate::record_id::RecordId;
use crate::table::{BinaryRow, InterfaceRow, MachineRow, ProcessRow, QueuedRow};

/// Carries a change out and adds what it wrote to `written`; false when the row did not allow it.
pub(super) fn change(
    connection: &mut SqliteConnection,
    failures: &Failures,
    change: &Change,
    now: Timestamp,
    written: &mut Vec<RecordId>,
) -> Result<bool, Failed> {
    match change {
        Change::InsertProcesses(processes) => {
            for process in &**processes {
                let inserted = insert_process(connection, process);
                inserted.map_err(|error| failures.of_change(process.id.into(), error))?;
                written.push(process.id.into());
            }
            return Ok(true);
        }
        Change::PruneProcesses(ids) => {
            let deleted = delete::ended(connection, ids)?;
            written.extend(deleted.into_iter().map(RecordId::from));
            return Ok(true);
        }
        Change::Owner(change) => {
            owner::change(connection, change)?;
            return Ok(true);
        }
        _ => {}
    }
    let record = carry_out(connection, change, now);
    let record = record.map_err(|failed| match (failed, change.record()) {
        (Failed::Query(error), Some(record)) => failures.of_change(record, error),
        (failed, _) => failed,
    })?;
    written.extend(record);
    Ok(record.is_some())
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
        | Change::Owner(_)
        | Change::InsertProcess(_) => true,
        Change::ChangeProcess { change, .. } => match change {
            ProcessChange::Requeued(_) => false,
            ProcessChange::Ended(ended) => ended.outcome != Outcome::Lost,
            _ => true,
        },
        Change::ChangeBinary { change, .. } => !matches!(change, BinaryChange::Installed(_)),
        // Looks first, and nobody may take the row on in between.
        Change::RequestBinary(_) => false,
        Change::InsertProcesses(_)
        | Change::PruneProcesses(_)
        | Change::DeleteMachine(_)
        | Change::DeleteBinary(_)
        | Change::DeleteProcess(_) => false,
    }
}

fn insert_process(connection: &mut SqliteConnection, process: &Process) -> QueryResult<usize> {
    let insert = diesel::insert_into(schema::process::table);
    match QueuedRow::of(process) {
        Some(row) => insert.values(row).execute(connection),
        None => insert.values(ProcessRow::from(process)).execute(connection),
    }
}

/// The record that a change of one record wrote, or none when the row did not allow it.
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
        Change::UpdateBinary(binary) => binary::replace(connection, binary, now)?,
        Change::RequestBinary(request) => {
            return binary::request(connection, request, now).map(Some);
        }
        Change::ChangeBinary { id, change, owner } => {
            binary::change(connection, *id, change, *owner, now)?
        }
        Change::DeleteBinary(id) => delete::binary(connection, *id)?,
        Change::CountUse { of, succeeded } => {
            count_use(connection, *of, *succeeded)?;
            true
        }
        Change::InsertProcess(process) => {
            insert_process(connection, process)?;
            true
        }
        Change::InsertProcesses(_) | Change::PruneProcesses(_) | Change::Owner(_) => false,
        Change::ChangeProcess { id, change, owner } => {
            process::change(connection, *id, change, *owner, now)?
        }
        Change::DeleteProcess(id) => delete::process(connection, *id)?,
    };
    Ok(change.record().filter(|_| applied))
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
