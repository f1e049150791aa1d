//! Rows of `machine_process`.

mod base;
mod own;
mod queued;

use diesel::prelude::*;
use hostledger_model::{Process, ProcessId};
use own::OwnRow;
use serde::Serialize;

pub(crate) use base::{BaseRow, KILLED};
pub(crate) use own::{IdentityRow, UsageRow};
pub(crate) use queued::QueuedRow;

use super::encoding::RowReader;
use super::row::TableRow;
use super::schema::{names, process};
use crate::error::CorruptRow;

/// An id as it stands.
pub(crate) fn read_id(id: &str) -> Result<ProcessId, CorruptRow> {
    let table = ProcessRow::TABLE;
    RowReader { table, id }.parse("id", id)
}

/// A row as it stands, in a ledger of our own.
#[derive(Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = process, treat_none_as_default_value = false)]
pub(crate) struct ProcessRow {
    #[diesel(embed)]
    #[serde(flatten)]
    base: BaseRow,
    #[diesel(embed)]
    #[serde(flatten)]
    own: OwnRow,
}

/// A row of somebody else's table: what it cannot say has our columns' defaults.
impl From<BaseRow> for ProcessRow {
    fn from(base: BaseRow) -> Self {
        Self {
            base,
            own: OwnRow::default(),
        }
    }
}

impl From<&Process> for ProcessRow {
    fn from(process: &Process) -> Self {
        Self {
            base: process.into(),
            own: process.into(),
        }
    }
}

impl TableRow for ProcessRow {
    const TABLE: &'static str = names::PROCESS;

    type Record = Process;

    fn record(self) -> Result<Process, CorruptRow> {
        let Self { base, own } = self;
        let read = RowReader {
            table: Self::TABLE,
            id: &base.id,
        };
        let pid = base.read_pid(read)?;
        Ok(Process {
            id: read.parse("id", &base.id)?,
            created_at: read.time("created_at", &base.created_at)?,
            modified_at: read.time("modified_at", &base.modified_at)?,
            machine_id: read.parse("machine_id", &base.machine_id)?,
            parent_id: read.parse_some("parent_id", base.parent_id.as_ref())?,
            process_type: read.parse("process_type", &base.process_type)?,
            cmd: read.json("cmd", &base.cmd)?,
            env: base.read_env(read)?,
            exit_code: base.read_exit_code(read)?,
            started_at: read.time_some("started_at", base.started_at.as_ref())?,
            ended_at: read.time_some("ended_at", base.ended_at.as_ref())?,
            binary_id: read.parse_some("binary_id", base.binary_id.as_ref())?,
            interface_id: read.parse_some("iface_id", base.iface_id.as_ref())?,
            status: read.parse("status", &base.status)?,
            retry_at: read.time_some("retry_at", base.retry_at.as_ref())?,
            pid,
            worker_type: base.worker_type.0,
            pwd: base.pwd.0,
            timeout: base.timeout,
            stdout: base.stdout.0,
            stderr: base.stderr.0,
            url: base.url.map(|url| url.0),

            raw_cmd: own.read_raw_cmd(),
            secret_env: own.read_secret_env(read)?,
            timeout_ms: own.timeout_ms.map(i64::cast_unsigned),
            launch: own.read_launch(read)?,
            outcome: read.parse_some("outcome", own.outcome.as_ref())?,
            stdout_bytes: own.stdout_bytes.map(i64::cast_unsigned),
            stderr_bytes: own.stderr_bytes.map(i64::cast_unsigned),
            stdout_dropped: own.stdout_dropped.map(i64::cast_unsigned),
            stderr_dropped: own.stderr_dropped.map(i64::cast_unsigned),
            secret_batch: read.parse_some("secret_batch", own.secret_batch.as_ref())?,
            log: own.read_log(),
            usage: own.usage.read(read)?,
            owner: read.parse_some("owner", own.owner.as_ref())?,
            stop: own.read_stop(read)?,
            kill_mode: own.read_kill_mode(read)?,
            attempt: read.number("attempt", own.attempt)?,
            max_attempts: read.number("max_attempts", own.max_attempts)?,
            retry_lost: own.retry_lost,
            restart_of: read.parse_some("restart_of", own.restart_of.as_ref())?,
            detached: own.detached,
            identity: own.identity.read(read, pid)?,
            name: own.name.map(|name| name.0),
            raw_pwd: own.raw_pwd,
        })
    }

    fn position(&self) -> (&str, &str) {
        (&self.base.id, &self.base.created_at)
    }
}
