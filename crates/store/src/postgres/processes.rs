//! Finding processes.

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{OptionalExtension, QueryResult};
use hostledger_model::{
    MachineId, OwnerId, Pid, ProcessId, ProcessStatus, ProcessType, SecretBatchId, Timestamp,
};

use super::find::select;
use super::projection::PROCESS;
use super::session::Session;
use super::sql::{Parameter, Sql, sql};
use crate::filter::ProcessFilter;
use crate::hierarchy::{self, Child};
use crate::rows::PageKey;
use crate::table::row::Read;
use crate::table::{ProcessRow, encoding};

const TABLE: &str = "machine_process";

type Rows = QueryResult<Vec<Read<ProcessRow>>>;

fn load(connection: &mut Session, rest: &str, parameters: Vec<Parameter>) -> Rows {
    select(&PROCESS, TABLE, rest, parameters).load(connection)
}

/// Ids as the parameter of `= ANY(?::text[]::uuid[])`.
fn ids(ids: &[ProcessId]) -> Parameter {
    Parameter::texts(ids.iter().map(|id| Some(id.simple())))
}

pub(super) fn by_id(
    connection: &mut Session,
    id: ProcessId,
) -> QueryResult<Option<Read<ProcessRow>>> {
    let id = Parameter::text(&id.simple());
    Ok(load(connection, "WHERE r.id = ?::uuid", vec![id])?.pop())
}

pub(super) fn by_pid(connection: &mut Session, machine: MachineId, pid: Pid) -> Rows {
    let rest = "WHERE r.status = 'running' AND r.machine_id = ?::uuid AND r.pid = ?
                ORDER BY r.created_at, r.id";
    let machine = Parameter::text(&machine.simple());
    let pid = Parameter::Integer(pid.get().into());
    load(connection, rest, vec![machine, pid])
}

pub(super) fn children(connection: &mut Session, parents: &[ProcessId]) -> Rows {
    let rest = "WHERE r.parent_id = ANY(?::text[]::uuid[]) ORDER BY r.created_at, r.id";
    load(connection, rest, vec![ids(parents)])
}

pub(super) fn by_ids(connection: &mut Session, wanted: &[ProcessId]) -> Rows {
    let rest = "WHERE r.id = ANY(?::text[]::uuid[]) ORDER BY r.created_at, r.id";
    load(connection, rest, vec![ids(wanted)])
}

pub(super) fn claimed(connection: &mut Session, machine: MachineId, now: Timestamp) -> Rows {
    let rest = "WHERE r.machine_id = ?::uuid AND r.owner IS NOT NULL AND r.status = 'queued'
                AND r.retry_at > ?::timestamptz ORDER BY r.created_at, r.id";
    let machine = Parameter::text(&machine.simple());
    let now = Parameter::text(&encoding::time(now));
    load(connection, rest, vec![machine, now])
}

/// Everybody who has taken something on that has not ended.
pub(super) fn owners(connection: &mut Session, machine: MachineId) -> QueryResult<Vec<String>> {
    let query: Sql<Text> = sql(
        "SELECT DISTINCT encode(uuid_send(owner), 'hex') FROM machine_process
         WHERE machine_id = ?::uuid AND owner IS NOT NULL AND status <> 'exited'",
        vec![Parameter::text(&machine.simple())],
    );
    query.load(connection)
}

/// What an owner has taken on and not ended.
pub(super) fn owned(connection: &mut Session, machine: MachineId, owner: OwnerId) -> Rows {
    let rest = "WHERE r.machine_id = ?::uuid AND r.owner = ?::uuid AND r.status <> 'exited'
                ORDER BY r.created_at, r.id";
    let parameters = [machine.simple(), owner.simple()].map(|id| Parameter::text(&id));
    load(connection, rest, parameters.into())
}

pub(super) fn needs_secrets(connection: &mut Session, batch: SecretBatchId) -> QueryResult<bool> {
    let query: Sql<Bool> = sql(
        "SELECT EXISTS (SELECT FROM machine_process
                        WHERE secret_batch = ?::uuid AND status <> 'exited')",
        vec![Parameter::text(&batch.simple())],
    );
    query.get_result(connection)
}

pub(super) fn list(connection: &mut Session, filter: &ProcessFilter) -> Rows {
    let (rest, parameters) = fitting(filter);
    let mut rows = load(connection, &rest, parameters)?;
    if filter.limit.is_some() {
        rows.reverse();
    }
    Ok(rows)
}

pub(super) fn list_ids(
    connection: &mut Session,
    filter: &ProcessFilter,
) -> QueryResult<Vec<String>> {
    let (rest, parameters) = fitting(filter);
    let query: Sql<Text> = sql(
        format!("SELECT encode(uuid_send(r.id), 'hex') FROM {TABLE} r {rest}"),
        parameters,
    );
    let mut ids: Vec<String> = query.load(connection)?;
    if filter.limit.is_some() {
        ids.reverse();
    }
    Ok(ids)
}

pub(super) fn count(connection: &mut Session, filter: &ProcessFilter) -> QueryResult<u64> {
    let (conditions, parameters) = conditions(filter);
    let query: Sql<BigInt> = sql(
        format!("SELECT count(*) FROM {TABLE} r {conditions}"),
        parameters,
    );
    let fitting: i64 = query.get_result(connection)?;
    let fitting = fitting.cast_unsigned();
    Ok(filter
        .limit
        .map_or(fitting, |limit| fitting.min(limit.into())))
}

/// Those that fit, oldest first; with a limit the newest, newest first.
fn fitting(filter: &ProcessFilter) -> (String, Vec<Parameter>) {
    let (conditions, mut parameters) = conditions(filter);
    let order = match filter.limit {
        None => "r.created_at, r.id",
        Some(limit) => {
            parameters.push(Parameter::Integer(limit.into()));
            "r.created_at DESC, r.id DESC LIMIT ?"
        }
    };
    // Where few fit they are sorted: the index of creation times would lead through the whole
    // history. What is below an OFFSET is found by itself.
    let rest = if is_of_few(filter) {
        format!("WHERE r.id IN (SELECT r.id FROM {TABLE} r {conditions} OFFSET 0) ORDER BY {order}")
    } else {
        format!("{conditions} ORDER BY {order}")
    };
    (rest, parameters)
}

/// Whether those that fit are few, however long the history.
fn is_of_few(filter: &ProcessFilter) -> bool {
    filter.parent_id.is_some() || filter.status.is_some_and(|it| it != ProcessStatus::Exited)
}

/// Statuses and types stand in the text, as the partial indexes ask for that.
fn conditions(filter: &ProcessFilter) -> (String, Vec<Parameter>) {
    let mut conditions = Vec::new();
    let mut parameters = Vec::new();
    let mut given = |condition: &str, text: &str| {
        conditions.push(condition.to_owned());
        parameters.push(Parameter::text(text));
    };
    if let Some(machine) = filter.machine_id {
        given("r.machine_id = ?::uuid", &machine.simple());
    }
    if let Some(worker_type) = &filter.worker_type {
        given("r.worker_type = ?", worker_type);
    }
    if let Some(parent) = filter.parent_id {
        given("r.parent_id = ?::uuid", &parent.simple());
    }
    if let Some(name) = &filter.name {
        given("r.name = ?", name);
    }
    if let Some(since) = filter.since {
        given("r.created_at >= ?::timestamptz", &encoding::time(since));
    }
    if let Some(status) = filter.status {
        conditions.push(format!("r.status = '{status}'"));
    }
    if let Some(process_type) = filter.process_type {
        conditions.push(format!("r.process_type = '{process_type}'"));
        if process_type != ProcessType::Cli {
            conditions.push("r.process_type <> 'cli'".to_owned());
        }
    }
    if filter.worker_type.as_ref().is_some_and(|it| !it.is_empty()) {
        conditions.push("r.worker_type <> ''".to_owned());
    }
    if conditions.is_empty() {
        return (String::new(), parameters);
    }
    (format!("WHERE {}", conditions.join(" AND ")), parameters)
}

/// Those that were made and have ended before a time, by the index of creation times: what was
/// made before and has not ended is little.
pub(super) fn ended_page(
    connection: &mut Session,
    machine: MachineId,
    before: Timestamp,
    after: Option<&PageKey>,
    limit: u32,
) -> Rows {
    let before = Parameter::text(&encoding::time(before));
    let mut rest = String::from(
        "WHERE r.status = 'exited' AND r.machine_id = ?::uuid AND r.created_at < ?::timestamptz
         AND coalesce(r.ended_at, r.modified_at) < ?::timestamptz",
    );
    let machine = Parameter::text(&machine.simple());
    let mut parameters = vec![machine, before.clone(), before];
    if let Some(key) = after {
        rest.push_str(" AND (r.created_at, r.id) > (?::timestamptz, ?::uuid)");
        parameters.extend([&key.created_at, &key.id].map(|text| Parameter::text(text)));
    }
    rest.push_str(" ORDER BY r.created_at, r.id LIMIT ?");
    parameters.push(Parameter::Integer(limit.into()));
    load(connection, &rest, parameters)
}

/// Reads in several queries what stood there at one moment.
fn at_one_moment<T>(
    connection: &mut Session,
    read: impl FnOnce(&mut Session) -> QueryResult<T>,
) -> QueryResult<T> {
    connection.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let found = read(connection);
    // Nothing was written; where it failed, that is told.
    let ended = connection.batch_execute("ROLLBACK");
    found.and_then(|found| ended.map(|()| found))
}

/// The line of parents, the nearest first.
pub(super) fn ancestors(connection: &mut Session, of: ProcessId) -> QueryResult<Vec<String>> {
    at_one_moment(connection, |connection| {
        hierarchy::ancestors(of, |id| {
            let query: Sql<diesel::sql_types::Nullable<Text>> = sql(
                "SELECT encode(uuid_send(parent_id), 'hex') FROM machine_process WHERE id = ?::uuid",
                vec![Parameter::text(id)],
            );
            query.get_result(connection).optional()
        })
    })
}

/// Those below, level by level, each with its distance.
pub(super) fn descendants(
    connection: &mut Session,
    of: ProcessId,
    status: Option<ProcessStatus>,
) -> QueryResult<Vec<(String, usize)>> {
    at_one_moment(connection, |connection| {
        hierarchy::descendants(of, status, |parents| {
            let query: Sql<(Text, Text, Text)> = sql(
                "SELECT encode(uuid_send(id), 'hex'),
                        to_char(created_at, 'YYYY-MM-DD HH24:MI:SS.US'), status
                 FROM machine_process WHERE parent_id = ANY(?::text[]::uuid[])",
                vec![Parameter::texts(parents.iter().map(Some))],
            );
            query.load::<Child>(connection)
        })
    })
}
