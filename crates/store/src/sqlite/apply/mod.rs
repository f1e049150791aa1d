//! Carrying out changes, inside the writer's transaction.

mod delete;
mod machine;
mod network;
mod steps;
mod uses;

pub(super) use steps::{Ran, Step, steps};
pub(super) use uses::Uses;

use diesel::prelude::*;
use hostledger_model::{BinaryChange, Outcome, Process, ProcessChange, Timestamp};

use super::binary;
use super::failure::{Failed, Failures};
use super::owner;
use super::process;
use super::schema;
use crate::change::Change;
use crate::record_id::RecordId;
use crate::table::{BinaryRow, InterfaceRow, MachineRow, ProcessRow, QueuedRow};

/// Carries a step out and adds what it wrote to `written`; false when the row did not allow it.
pub(super) fn step(
    connection: &mut SqliteConnection,
    failures: &Failures,
    step: &Step<'_>,
    now: Timestamp,
    written: &mut Vec<RecordId>,
) -> Result<bool, Failed> {
    match step {
        Step::Change(it) => change(connection, failures, it, now, written),
        Step::Count { of, .. } => {
            written.push((*of).into());
            Ok(true)
        }
        Step::Ran(ran) => {
            let record = RecordId::from(ran.id);
            let applied = process::ran(connection, ran, now);
            let applied = applied.map_err(|error| failures.of_change(record, error))?;
            if applied {
                written.extend([record; 2]);
            }
            Ok(applied)
        }
    }
}

fn change(
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

/// Whether all that a submission writes by itself is a single statement at most.
pub(super) fn is_one_statement(changes: &[Change]) -> bool {
    let mut own = steps(changes).filter(|(_, step)| !matches!(step, Step::Count { .. }));
    let is_short = match own.next() {
        None | Some((_, Step::Ran(_) | Step::Count { .. })) => true,
        Some((_, Step::Change(change))) => is_one(change),
    };
    is_short && own.next().is_none()
}

fn is_one(change: &Change) -> bool {
    match change {
        Change::InsertMachine(_)
        | Change::SaveMachineFacts { .. }
        | Change::SaveMachineConfig { .. }
        | Change::InsertInterface(_)
        | Change::SaveInterface(_)
        | Change::InsertBinary(_)
        | Change::UpdateBinary(_)
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
        Change::CountUse { .. }
        | Change::InsertProcesses(_)
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
        Change::InsertProcess(process) => {
            insert_process(connection, process)?;
            true
        }
        // Steps of their own, or made above.
        Change::CountUse { .. }
        | Change::InsertProcesses(_)
        | Change::PruneProcesses(_)
        | Change::Owner(_) => false,
        Change::ChangeProcess { id, change, owner } => {
            process::change(connection, *id, change, *owner, now)?
        }
        Change::DeleteProcess(id) => delete::process(connection, *id)?,
    };
    Ok(change.record().filter(|_| applied))
}
