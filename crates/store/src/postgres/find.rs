//! Finding machines, interfaces, binaries and attempts; records by the beginning of their id.

use diesel::sql_types::Text;
use diesel::{OptionalExtension, QueryResult};
use hostledger_model::{BinaryId, BinaryStatus, InterfaceId, MachineId, NetworkFacts, ProcessId};
use uuid::Uuid;

use super::projection::{ATTEMPT, BINARY, Columns, INTERFACE, MACHINE};
use super::session::Session;
use super::sql::{Parameter, Sql, sql};
use crate::record_id::{CANDIDATES, Found, IdPrefix, RecordId};
use crate::rows::PageKey;
use crate::table::row::{Read, Together};
use crate::table::{AttemptRow, BinaryRow, InterfaceRow, MachineRow};

/// A query for rows of a table, called `r`.
pub(super) fn select(
    columns: &Columns,
    table: &str,
    rest: &str,
    parameters: Vec<Parameter>,
) -> Sql<Together> {
    let selection = &columns.selection;
    sql(
        format!("SELECT {selection} FROM {table} r {rest}"),
        parameters,
    )
}

pub(super) fn machine_by_id(
    connection: &mut Session,
    id: MachineId,
) -> QueryResult<Option<Read<MachineRow>>> {
    let id = Parameter::text(&id.simple());
    select(
        &MACHINE,
        "machine_machine",
        "WHERE r.id = ?::uuid",
        vec![id],
    )
    .get_result(connection)
    .optional()
}

pub(super) fn machine_by_guid(
    connection: &mut Session,
    guid: &str,
) -> QueryResult<Option<Read<MachineRow>>> {
    let guid = Parameter::text(guid);
    select(&MACHINE, "machine_machine", "WHERE r.guid = ?", vec![guid])
        .get_result(connection)
        .optional()
}

pub(super) fn interface_by_id(
    connection: &mut Session,
    id: InterfaceId,
) -> QueryResult<Option<Read<InterfaceRow>>> {
    let id = Parameter::text(&id.simple());
    let rest = "WHERE r.id = ?::uuid";
    select(&INTERFACE, "machine_networkinterface", rest, vec![id])
        .get_result(connection)
        .optional()
}

pub(super) fn interface_by_fingerprint(
    connection: &mut Session,
    machine: MachineId,
    facts: &NetworkFacts,
) -> QueryResult<Option<Read<InterfaceRow>>> {
    let rest = "WHERE r.machine_id = ?::uuid AND r.ip_public = ? AND r.ip_local = ?
                AND r.mac_address = ? AND r.dns_server = ?";
    let parameters = [
        &machine.simple(),
        &facts.ip_public,
        &facts.ip_local,
        &facts.mac_address,
        &facts.dns_server,
    ];
    let parameters = parameters.map(|text| Parameter::text(text)).into();
    select(&INTERFACE, "machine_networkinterface", rest, parameters)
        .get_result(connection)
        .optional()
}

pub(super) fn interfaces_of(
    connection: &mut Session,
    machine: MachineId,
) -> QueryResult<Vec<Read<InterfaceRow>>> {
    let rest = "WHERE r.machine_id = ?::uuid ORDER BY r.created_at, r.id";
    let machine = Parameter::text(&machine.simple());
    select(&INTERFACE, "machine_networkinterface", rest, vec![machine]).load(connection)
}

pub(super) fn binary_by_id(
    connection: &mut Session,
    id: BinaryId,
) -> QueryResult<Option<Read<BinaryRow>>> {
    let id = Parameter::text(&id.simple());
    select(&BINARY, "machine_binary", "WHERE r.id = ?::uuid", vec![id])
        .get_result(connection)
        .optional()
}

/// Installed rows of older writers say `succeeded`.
pub(super) fn valid_binary(
    connection: &mut Session,
    machine: MachineId,
    name: &str,
) -> QueryResult<Option<Read<BinaryRow>>> {
    let rest = "WHERE lower(r.name COLLATE \"C\") = ? AND r.machine_id = ?::uuid
                AND r.abspath <> '' AND r.status IN (?, 'succeeded')
                ORDER BY r.modified_at DESC, r.id DESC LIMIT 1";
    let parameters = vec![
        Parameter::text(&name.to_ascii_lowercase()),
        Parameter::text(&machine.simple()),
        Parameter::text(BinaryStatus::Installed.as_str()),
    ];
    select(&BINARY, "machine_binary", rest, parameters)
        .get_result(connection)
        .optional()
}

pub(super) fn valid_binary_at(
    connection: &mut Session,
    machine: MachineId,
    abspath: &str,
) -> QueryResult<Option<Read<BinaryRow>>> {
    let rest = "WHERE r.abspath = ? AND r.abspath <> '' AND r.machine_id = ?::uuid
                AND r.status IN (?, 'succeeded')
                ORDER BY r.modified_at DESC, r.id DESC LIMIT 1";
    let parameters = vec![
        Parameter::text(abspath),
        Parameter::text(&machine.simple()),
        Parameter::text(BinaryStatus::Installed.as_str()),
    ];
    select(&BINARY, "machine_binary", rest, parameters)
        .get_result(connection)
        .optional()
}

pub(super) fn valid_binaries(
    connection: &mut Session,
    machine: MachineId,
) -> QueryResult<Vec<Read<BinaryRow>>> {
    let rest = "WHERE r.machine_id = ?::uuid AND r.abspath <> '' AND r.status IN (?, 'succeeded')
                ORDER BY r.modified_at DESC, r.id DESC";
    let parameters = vec![
        Parameter::text(&machine.simple()),
        Parameter::text(BinaryStatus::Installed.as_str()),
    ];
    select(&BINARY, "machine_binary", rest, parameters).load(connection)
}

pub(super) fn binary_by_name(
    connection: &mut Session,
    machine: MachineId,
    name: &str,
) -> QueryResult<Option<Read<BinaryRow>>> {
    named(machine, name, "").get_result(connection).optional()
}

/// The same with the row locked, until the transaction ends.
pub(super) fn binary_to_update(
    connection: &mut Session,
    machine: MachineId,
    name: &str,
) -> QueryResult<Option<Read<BinaryRow>>> {
    named(machine, name, " FOR UPDATE")
        .get_result(connection)
        .optional()
}

fn named(machine: MachineId, name: &str, lock: &str) -> Sql<Together> {
    let rest = format!(
        "WHERE lower(r.name COLLATE \"C\") = ? AND r.name = ? AND r.machine_id = ?::uuid
         ORDER BY r.modified_at DESC, r.id DESC LIMIT 1{lock}"
    );
    let parameters = vec![
        Parameter::text(&name.to_ascii_lowercase()),
        Parameter::text(name),
        Parameter::text(&machine.simple()),
    ];
    select(&BINARY, "machine_binary", &rest, parameters)
}

/// Those that are not final, in the order in which they are due.
pub(super) fn pending_binaries(
    connection: &mut Session,
    machine: MachineId,
) -> QueryResult<Vec<Read<BinaryRow>>> {
    let rest = "WHERE r.status IN ('queued', 'started') AND r.machine_id = ?::uuid
                ORDER BY r.retry_at NULLS FIRST, r.created_at, r.id";
    let machine = Parameter::text(&machine.simple());
    select(&BINARY, "machine_binary", rest, vec![machine]).load(connection)
}

pub(super) fn attempts(
    connection: &mut Session,
    process: ProcessId,
) -> QueryResult<Vec<Read<AttemptRow>>> {
    let rest = "WHERE r.process_id = ?::uuid ORDER BY r.number";
    let process = Parameter::text(&process.simple());
    select(&ATTEMPT, "hostledger_attempt", rest, vec![process]).load(connection)
}

/// A page of a table, in the order of creation time and id.
pub(super) fn page<R>(
    connection: &mut Session,
    columns: &Columns,
    table: &str,
    after: Option<&PageKey>,
    limit: u32,
) -> QueryResult<Vec<Read<R>>>
where
    Read<R>: diesel::deserialize::FromSqlRow<Together, diesel::pg::Pg> + 'static,
{
    let limit = Parameter::Integer(limit.into());
    let order = "ORDER BY r.created_at, r.id LIMIT ?";
    let query = match after {
        None => select(columns, table, order, vec![limit]),
        Some(key) => {
            let rest = format!("WHERE (r.created_at, r.id) > (?::timestamptz, ?::uuid) {order}");
            let parameters = vec![
                Parameter::text(&key.created_at),
                Parameter::text(&key.id),
                limit,
            ];
            select(columns, table, &rest, parameters)
        }
    };
    query.load(connection)
}

/// By the first and the last id that begin so.
pub(super) fn by_prefix(connection: &mut Session, prefix: &IdPrefix) -> QueryResult<Found> {
    let bound = |filler: &str| {
        let missing = 32 - prefix.as_str().len();
        Parameter::text(&format!("{}{}", prefix.as_str(), filler.repeat(missing)))
    };
    let mut found = Vec::new();
    let mut look = |table: &str, record: fn(Uuid) -> RecordId| -> QueryResult<()> {
        let query: Sql<Text> = sql(
            format!(
                "SELECT r.id::text FROM {table} r WHERE r.id BETWEEN ?::uuid AND ?::uuid
                 ORDER BY r.id LIMIT {CANDIDATES}"
            ),
            vec![bound("0"), bound("f")],
        );
        let ids: Vec<String> = query.load(connection)?;
        let ids = ids.iter().filter_map(|id| id.parse().ok());
        found.extend(ids.map(record));
        Ok(())
    };
    look("machine_process", |id| ProcessId::from(id).into())?;
    look("machine_binary", |id| BinaryId::from(id).into())?;
    look("machine_networkinterface", |id| {
        InterfaceId::from(id).into()
    })?;
    look("machine_machine", |id| MachineId::from(id).into())?;
    Ok(found.into())
}
