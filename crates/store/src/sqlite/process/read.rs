//! Reading processes, from tables with our columns and without.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;
use hostledger_model::{
    MachineId, Pid, ProcessId, ProcessStatus, ProcessType, SecretBatchId, Timestamp,
};

use crate::filter::ProcessFilter;
use crate::rows::PageKey;
use crate::sqlite::encoding;
use crate::sqlite::literal::{literal, status};
use crate::sqlite::row::{Read, columns};
use crate::sqlite::schema::process;
use crate::table::{BaseRow, ProcessRow};

/// Ids asked for in one statement; SQLite takes 32 766 parameters at most.
pub(super) const IDS: usize = 10_000;

/// Which columns the table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sqlite) enum Columns {
    /// ArchiveBox's alone.
    Base,
    /// Ours as well.
    All,
}

type Query<'q> = process::BoxedQuery<'q, Sqlite>;

impl Columns {
    pub(super) fn load(
        self,
        connection: &mut SqliteConnection,
        query: Query<'_>,
    ) -> QueryResult<Vec<Read<ProcessRow>>> {
        match self {
            Self::All => query.select(columns::<ProcessRow>()).load(connection),
            Self::Base => {
                let rows: Vec<Read<BaseRow>> =
                    query.select(columns::<BaseRow>()).load(connection)?;
                let rows = rows.into_iter();
                Ok(rows.map(|row| row.map(ProcessRow::from)).collect())
            }
        }
    }
}

pub(in crate::sqlite) fn by_id(
    connection: &mut SqliteConnection,
    columns: Columns,
    id: ProcessId,
) -> QueryResult<Option<Read<ProcessRow>>> {
    let query = process::table
        .filter(process::id.eq(id.simple()))
        .into_boxed();
    Ok(columns.load(connection, query)?.pop())
}

pub(in crate::sqlite) fn by_pid(
    connection: &mut SqliteConnection,
    columns: Columns,
    machine: MachineId,
    pid: Pid,
) -> QueryResult<Vec<Read<ProcessRow>>> {
    let query = process::table
        .filter(process::status.eq(status(ProcessStatus::Running)))
        .filter(process::machine_id.eq(machine.simple()))
        .filter(process::pid.eq(i64::from(pid.get())))
        .into_boxed();
    columns.load(connection, oldest_first_sorted(query))
}

pub(in crate::sqlite) fn children(
    connection: &mut SqliteConnection,
    columns: Columns,
    parents: &[ProcessId],
) -> QueryResult<Vec<Read<ProcessRow>>> {
    let mut children = Vec::new();
    for parents in parents.chunks(IDS) {
        let parents = parents.iter().map(|id| id.simple());
        let query = process::table
            .filter(process::parent_id.eq_any(parents))
            .into_boxed();
        children.extend(columns.load(connection, query)?);
    }
    children.sort_by_key(Read::key);
    Ok(children)
}

/// Processes by their ids.
pub(in crate::sqlite) fn by_ids(
    connection: &mut SqliteConnection,
    columns: Columns,
    ids: &[ProcessId],
) -> QueryResult<Vec<Read<ProcessRow>>> {
    let mut rows = Vec::new();
    for ids in ids.chunks(IDS) {
        let ids = ids.iter().map(|id| id.simple());
        let query = process::table.filter(process::id.eq_any(ids)).into_boxed();
        rows.extend(columns.load(connection, query)?);
    }
    rows.sort_by_key(Read::key);
    Ok(rows)
}

/// Queued ones with an owner; a table without our columns has none.
pub(in crate::sqlite) fn claimed(
    connection: &mut SqliteConnection,
    columns: Columns,
    machine: MachineId,
    now: Timestamp,
) -> QueryResult<Vec<Read<ProcessRow>>> {
    if columns == Columns::Base {
        return Ok(Vec::new());
    }
    let query = process::table
        .filter(process::machine_id.eq(machine.simple()))
        .filter(process::owner.is_not_null())
        // The `+` keeps SQLite from the index of what waits, which may be much.
        .filter(literal::<Text>("+status").eq(status(ProcessStatus::Queued)))
        .filter(process::retry_at.gt(encoding::time(now)))
        .into_boxed();
    columns.load(connection, oldest_first_sorted(query))
}

/// Whether anybody may still need the secrets of a batch.
pub(in crate::sqlite) fn needs_secrets(
    connection: &mut SqliteConnection,
    columns: Columns,
    batch: SecretBatchId,
) -> QueryResult<bool> {
    if columns == Columns::Base {
        return Ok(false);
    }
    let waiting = process::table
        .filter(process::secret_batch.eq(batch.simple()))
        .filter(process::status.ne(status(ProcessStatus::Exited)));
    diesel::select(diesel::dsl::exists(waiting)).get_result(connection)
}

pub(in crate::sqlite) fn list(
    connection: &mut SqliteConnection,
    columns: Columns,
    filter: &ProcessFilter,
) -> QueryResult<Vec<Read<ProcessRow>>> {
    let Some(query) = fitting(columns, filter) else {
        return Ok(Vec::new());
    };
    let mut rows = columns.load(connection, ordered(query, filter))?;
    if filter.limit.is_some() {
        rows.reverse();
    }
    Ok(rows)
}

pub(in crate::sqlite) fn list_ids(
    connection: &mut SqliteConnection,
    columns: Columns,
    filter: &ProcessFilter,
) -> QueryResult<Vec<String>> {
    let Some(query) = fitting(columns, filter) else {
        return Ok(Vec::new());
    };
    let query = ordered(query, filter).select(process::id);
    let mut ids: Vec<String> = query.load(connection)?;
    if filter.limit.is_some() {
        ids.reverse();
    }
    Ok(ids)
}

pub(in crate::sqlite) fn count(
    connection: &mut SqliteConnection,
    columns: Columns,
    filter: &ProcessFilter,
) -> QueryResult<u64> {
    let Some(query) = fitting(columns, filter) else {
        return Ok(0);
    };
    let fitting: i64 = query.count().get_result(connection)?;
    let fitting = fitting.cast_unsigned();
    Ok(filter
        .limit
        .map_or(fitting, |limit| fitting.min(limit.into())))
}

/// Those that fit; none where the table has no column for what is asked.
fn fitting<'q>(columns: Columns, filter: &'q ProcessFilter) -> Option<Query<'q>> {
    if filter.name.is_some() && columns == Columns::Base {
        return None;
    }
    let mut query = process::table.into_boxed();
    if let Some(wanted) = filter.status {
        query = query.filter(process::status.eq(status(wanted)));
    }
    if let Some(machine) = filter.machine_id {
        query = query.filter(process::machine_id.eq(machine.simple()));
    }
    Some(if is_of_few(filter) {
        among_few(query, filter)
    } else {
        in_history(query, filter)
    })
}

/// Whether those of the asked status are few, however long the history.
fn is_of_few(filter: &ProcessFilter) -> bool {
    filter.status.is_some_and(|it| it != ProcessStatus::Exited)
}

/// What else is asked of rows that are few. The indexes of these columns hold the whole history,
/// that of the status these rows alone: the `+` keeps SQLite from the former, and so does `IS`,
/// as it says nothing of NULL, which the partial ones leave out.
fn among_few<'q>(mut query: Query<'q>, filter: &'q ProcessFilter) -> Query<'q> {
    if let Some(process_type) = filter.process_type {
        query = query.filter(literal::<Text>("+process_type").eq(process_type.as_str()));
    }
    if let Some(worker_type) = &filter.worker_type {
        query = query.filter(literal::<Text>("+worker_type").eq(worker_type));
    }
    if let Some(parent) = filter.parent_id {
        query = query.filter(process::parent_id.is(parent.simple()));
    }
    if let Some(name) = &filter.name {
        query = query.filter(process::name.is(name));
    }
    if let Some(since) = filter.since {
        query = query.filter(literal::<Text>("+created_at").ge(encoding::time(since)));
    }
    query
}

/// What else is asked of history, by the indexes of these columns.
fn in_history<'q>(mut query: Query<'q>, filter: &'q ProcessFilter) -> Query<'q> {
    if let Some(process_type) = filter.process_type {
        query = query.filter(process::process_type.eq(process_type.as_str()));
        if process_type != ProcessType::Cli {
            // In these words, as the index of types is for the others only.
            query = query.filter(literal::<Bool>("process_type <> 'cli'"));
        }
    }
    if let Some(worker_type) = &filter.worker_type {
        query = query.filter(process::worker_type.eq(worker_type));
        if !worker_type.is_empty() {
            query = query.filter(literal::<Bool>("worker_type <> ''"));
        }
    }
    if let Some(parent) = filter.parent_id {
        query = query.filter(process::parent_id.eq(parent.simple()));
    }
    if let Some(name) = &filter.name {
        query = query.filter(process::name.eq(name));
    }
    if let Some(since) = filter.since {
        query = query.filter(process::created_at.ge(encoding::time(since)));
    }
    query
}

/// Oldest first; with a limit the newest, newest first.
fn ordered<'q>(query: Query<'q>, filter: &ProcessFilter) -> Query<'q> {
    let few = is_of_few(filter) || filter.parent_id.is_some();
    match (filter.limit, few) {
        (None, true) => oldest_first_sorted(query),
        (None, false) => query.order((process::created_at.asc(), process::id.asc())),
        (Some(limit), true) => query
            .order(literal::<Text>("+created_at DESC, id DESC"))
            .limit(limit.into()),
        (Some(limit), false) => query
            .order((process::created_at.desc(), process::id.desc()))
            .limit(limit.into()),
    }
}

/// In order, but not by walking the index of creation times, which would be the whole history:
/// the `+` keeps SQLite from it where few rows fit.
pub(super) fn oldest_first_sorted(query: Query<'_>) -> Query<'_> {
    query.order(literal::<Text>("+created_at, id"))
}

/// Those that were made and have ended before a time, by the index of creation times: what was
/// made before and has not ended is little.
pub(in crate::sqlite) fn ended_page(
    connection: &mut SqliteConnection,
    columns: Columns,
    machine: MachineId,
    before: Timestamp,
    after: Option<&PageKey>,
    limit: u32,
) -> QueryResult<Vec<Read<ProcessRow>>> {
    let before = encoding::time(before);
    let unseen = process::ended_at
        .is_null()
        .and(process::modified_at.lt(before.clone()));
    let query = process::table
        .filter(process::status.eq(status(ProcessStatus::Exited)))
        .filter(process::machine_id.eq(machine.simple()))
        .filter(process::created_at.lt(before.clone()))
        .filter(process::ended_at.lt(before).or(unseen.nullable()))
        .into_boxed();
    columns.load(connection, in_pages(query, after, limit))
}

pub(in crate::sqlite) fn page(
    connection: &mut SqliteConnection,
    columns: Columns,
    after: Option<&PageKey>,
    limit: u32,
) -> QueryResult<Vec<Read<ProcessRow>>> {
    columns.load(
        connection,
        in_pages(process::table.into_boxed(), after, limit),
    )
}

/// Some of them, in the order of their making.
fn in_pages<'q>(mut query: Query<'q>, after: Option<&'q PageKey>, limit: u32) -> Query<'q> {
    if let Some(key) = after {
        let later = process::created_at.gt(&key.created_at);
        let same_time = process::id.gt(&key.id);
        query = query
            .filter(process::created_at.ge(&key.created_at))
            .filter(later.or(same_time));
    }
    query
        .order((process::created_at, process::id))
        .limit(limit.into())
}
