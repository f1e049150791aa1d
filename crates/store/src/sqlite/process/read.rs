//! Reading processes, from tables with our columns and without.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;
use hostledger_model::{MachineId, Pid, ProcessId, ProcessStatus, ProcessType};

use super::{BaseRow, ProcessRow};
use crate::filter::ProcessFilter;
use crate::rows::PageKey;
use crate::sqlite::encoding;
use crate::sqlite::literal::{literal, status};
use crate::sqlite::row::{Read, columns};
use crate::sqlite::schema::process;

/// Parents asked for in one statement; SQLite takes 32 766 parameters at most.
const PARENTS: usize = 10_000;

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
    fn load(
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
    for parents in parents.chunks(PARENTS) {
        let parents = parents.iter().map(|id| id.simple());
        let query = process::table
            .filter(process::parent_id.eq_any(parents))
            .into_boxed();
        children.extend(columns.load(connection, query)?);
    }
    children.sort_by_key(Read::key);
    Ok(children)
}

pub(in crate::sqlite) fn list(
    connection: &mut SqliteConnection,
    columns: Columns,
    filter: &ProcessFilter,
) -> QueryResult<Vec<Read<ProcessRow>>> {
    let mut query = process::table.into_boxed();
    if let Some(wanted) = filter.status {
        query = query.filter(process::status.eq(status(wanted)));
    }
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
    if let Some(machine) = filter.machine_id {
        query = query.filter(process::machine_id.eq(machine.simple()));
    }
    if let Some(since) = filter.since {
        query = query.filter(process::created_at.ge(encoding::time(since)));
    }
    let history = filter.status.is_none_or(|it| it == ProcessStatus::Exited);
    let Some(limit) = filter.limit else {
        let query = if history {
            query.order((process::created_at.asc(), process::id.asc()))
        } else {
            oldest_first_sorted(query)
        };
        return columns.load(connection, query);
    };
    let query = query.limit(limit.into());
    let newest_first = if history {
        query.order((process::created_at.desc(), process::id.desc()))
    } else {
        query.order(literal::<Text>("+created_at DESC, id DESC"))
    };
    let mut rows = columns.load(connection, newest_first)?;
    rows.reverse();
    Ok(rows)
}

/// In order, but not by walking the index of creation times, which would be the whole history:
/// the `+` keeps SQLite from it where few rows fit.
fn oldest_first_sorted(query: Query<'_>) -> Query<'_> {
    query.order(literal::<Text>("+created_at, id"))
}

pub(in crate::sqlite) fn page(
    connection: &mut SqliteConnection,
    columns: Columns,
    after: Option<&PageKey>,
    limit: u32,
) -> QueryResult<Vec<Read<ProcessRow>>> {
    let mut query = process::table.into_boxed();
    if let Some(key) = after {
        let later = process::created_at.gt(&key.created_at);
        let same_time = process::id.gt(&key.id);
        query = query
            .filter(process::created_at.ge(&key.created_at))
            .filter(later.or(same_time));
    }
    let query = query
        .order((process::created_at, process::id))
        .limit(limit.into());
    columns.load(connection, query)
}
