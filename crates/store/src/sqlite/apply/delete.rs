//! Deleting records with what belongs to them.
//!
//! By statements of our own: the tables that Django makes declare their keys without any
//! action. Attempts go with their process, by the key of our own table.

use diesel::prelude::*;
use hostledger_model::{BinaryId, MachineId, ProcessId, ProcessStatus};

use crate::sqlite::any_of::any_of;
use crate::sqlite::literal::status;
use crate::sqlite::schema::{binary, interface, machine, process};

/// Processes deleted with one statement at most.
const IDS: usize = 1000;

diesel::alias!(process as parents: Parents);

pub(super) fn process(connection: &mut SqliteConnection, id: ProcessId) -> QueryResult<bool> {
    let id = id.simple();
    diesel::update(process::table.filter(process::parent_id.eq(&id)))
        .set(process::parent_id.eq(None::<&str>))
        .execute(connection)?;
    let rows = diesel::delete(process::table.find(&id)).execute(connection)?;
    Ok(rows > 0)
}

/// Deletes those of these processes that have ended: which.
pub(super) fn ended(
    connection: &mut SqliteConnection,
    ids: &[ProcessId],
) -> QueryResult<Vec<ProcessId>> {
    let mut deleted = Vec::new();
    for ids in ids.chunks(IDS) {
        let texts: Vec<String> = ids.iter().map(|id| id.simple()).collect();
        let ended: Vec<String> = process::table
            .filter(any_of(process::id, &texts))
            .filter(process::status.eq(status(ProcessStatus::Exited)))
            .select(process::id)
            .load(connection)?;
        if ended.is_empty() {
            continue;
        }
        diesel::update(process::table.filter(process::parent_id.eq_any(&ended)))
            .set(process::parent_id.eq(None::<&str>))
            .execute(connection)?;
        diesel::delete(process::table.filter(any_of(process::id, &ended))).execute(connection)?;
        let ids = ids.iter().zip(&texts);
        deleted.extend(
            ids.filter(|(_, text)| ended.contains(text))
                .map(|(id, _)| *id),
        );
    }
    Ok(deleted)
}

pub(super) fn binary(connection: &mut SqliteConnection, id: BinaryId) -> QueryResult<bool> {
    let id = id.simple();
    diesel::update(process::table.filter(process::binary_id.eq(&id)))
        .set(process::binary_id.eq(None::<&str>))
        .execute(connection)?;
    let rows = diesel::delete(binary::table.find(&id)).execute(connection)?;
    Ok(rows > 0)
}

/// Deletes a machine, its interfaces, binaries and processes; what other machines' processes
/// say of them becomes unknown.
pub(super) fn machine(connection: &mut SqliteConnection, id: MachineId) -> QueryResult<bool> {
    let id = id.simple();
    let others = || diesel::update(process::table).filter(process::machine_id.ne(&id));
    let its_processes = parents
        .filter(parents.field(process::machine_id).eq(&id))
        .select(parents.field(process::id).nullable());
    let its_binaries = binary::table
        .filter(binary::machine_id.eq(&id))
        .select(binary::id.nullable());
    let its_interfaces = interface::table
        .filter(interface::machine_id.eq(&id))
        .select(interface::id.nullable());
    others()
        .filter(process::parent_id.eq_any(its_processes))
        .set(process::parent_id.eq(None::<&str>))
        .execute(connection)?;
    others()
        .filter(process::binary_id.eq_any(its_binaries))
        .set(process::binary_id.eq(None::<&str>))
        .execute(connection)?;
    others()
        .filter(process::iface_id.eq_any(its_interfaces))
        .set(process::iface_id.eq(None::<&str>))
        .execute(connection)?;
    diesel::delete(process::table.filter(process::machine_id.eq(&id))).execute(connection)?;
    diesel::delete(binary::table.filter(binary::machine_id.eq(&id))).execute(connection)?;
    diesel::delete(interface::table.filter(interface::machine_id.eq(&id))).execute(connection)?;
    let rows = diesel::delete(machine::table.find(&id)).execute(connection)?;
    Ok(rows > 0)
}
