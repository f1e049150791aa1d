//! Deleting records with what belongs to them.
//!
//! Attempts go with their process, by the key of our own table.

use std::collections::HashSet;

use diesel::QueryResult;
use diesel::sql_types::Text;
use hostledger_model::{BinaryId, MachineId, ProcessId};

use uuid::Uuid;

use crate::postgres::session::Session;
use crate::postgres::sql::{Parameter, Sql, sql};

fn run(connection: &mut Session, text: &'static str, id: &str) -> QueryResult<usize> {
    let places = text.matches('?').count();
    let parameters = (0..places).map(|_| Parameter::text(id)).collect();
    sql::<()>(text, parameters).execute(connection)
}

pub(super) fn process(connection: &mut Session, id: ProcessId) -> QueryResult<bool> {
    let id = id.simple();
    run(
        connection,
        "UPDATE machine_process SET parent_id = NULL WHERE parent_id = ?::uuid",
        &id,
    )?;
    let rows = run(
        connection,
        "DELETE FROM machine_process WHERE id = ?::uuid",
        &id,
    )?;
    Ok(rows > 0)
}

/// Deletes those of these processes that have ended: which, in their order.
pub(super) fn ended(connection: &mut Session, ids: &[ProcessId]) -> QueryResult<Vec<ProcessId>> {
    let texts = |ids: &[ProcessId]| Parameter::texts(ids.iter().map(|id| Some(id.simple())));
    let query: Sql<Text> = sql(
        "SELECT id::text FROM machine_process
         WHERE id = ANY(?::uuid[]) AND status = 'exited' FOR UPDATE",
        vec![texts(ids)],
    );
    let ended: Vec<String> = query.load(connection)?;
    let ended: HashSet<Uuid> = ended.iter().filter_map(|id| id.parse().ok()).collect();
    let ended: Vec<_> = ids
        .iter()
        .filter(|id| ended.contains(&id.uuid()))
        .copied()
        .collect();
    for text in [
        "UPDATE machine_process SET parent_id = NULL WHERE parent_id = ANY(?::uuid[])",
        "DELETE FROM machine_process WHERE id = ANY(?::uuid[])",
    ] {
        sql::<()>(text, vec![texts(&ended)]).execute(connection)?;
    }
    Ok(ended)
}

pub(super) fn binary(connection: &mut Session, id: BinaryId) -> QueryResult<bool> {
    let id = id.simple();
    run(
        connection,
        "UPDATE machine_process SET binary_id = NULL WHERE binary_id = ?::uuid",
        &id,
    )?;
    let rows = run(
        connection,
        "DELETE FROM machine_binary WHERE id = ?::uuid",
        &id,
    )?;
    Ok(rows > 0)
}

/// Deletes a machine, its interfaces, binaries and processes; what other machines' processes
/// say of them becomes unknown.
pub(super) fn machine(connection: &mut Session, id: MachineId) -> QueryResult<bool> {
    let id = id.simple();
    for text in [
        "UPDATE machine_process SET parent_id = NULL WHERE machine_id <> ?::uuid
         AND parent_id IN (SELECT id FROM machine_process WHERE machine_id = ?::uuid)",
        "UPDATE machine_process SET binary_id = NULL WHERE machine_id <> ?::uuid
         AND binary_id IN (SELECT id FROM machine_binary WHERE machine_id = ?::uuid)",
        "UPDATE machine_process SET iface_id = NULL WHERE machine_id <> ?::uuid
         AND iface_id IN (SELECT id FROM machine_networkinterface WHERE machine_id = ?::uuid)",
        "DELETE FROM machine_process WHERE machine_id = ?::uuid",
        "DELETE FROM machine_binary WHERE machine_id = ?::uuid",
        "DELETE FROM machine_networkinterface WHERE machine_id = ?::uuid",
    ] {
        run(connection, text, &id)?;
    }
    let rows = run(
        connection,
        "DELETE FROM machine_machine WHERE id = ?::uuid",
        &id,
    )?;
    Ok(rows > 0)
}
