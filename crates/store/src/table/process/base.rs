//! The columns of `machine_process` that ArchiveBox knows.

use diesel::prelude::*;
use hostledger_model::{BinaryId, InterfaceId, Pid, Process, ProcessId};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::CorruptRow;
use crate::table::encoding::{self, RowReader};
use crate::table::schema::process;
use crate::table::text::{JsonText, PlainText};

/// What older writers put for a process that they found gone: it reads as killed.
const FOUND_GONE: i64 = -1;
pub(crate) const KILLED: i32 = 137;

#[derive(Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = process, treat_none_as_default_value = false)]
pub(crate) struct BaseRow {
    pub(super) id: String,
    pub(super) created_at: String,
    pub(super) modified_at: String,
    pub(super) pwd: PlainText,
    pub(super) cmd: JsonText,
    env: JsonText,
    pub(super) timeout: i64,
    pid: Option<i64>,
    exit_code: Option<i64>,
    pub(super) stdout: PlainText,
    pub(super) stderr: PlainText,
    pub(super) started_at: Option<String>,
    pub(super) ended_at: Option<String>,
    pub(super) url: Option<PlainText>,
    pub(super) status: String,
    pub(super) retry_at: Option<String>,
    pub(super) binary_id: Option<String>,
    pub(super) iface_id: Option<String>,
    pub(super) machine_id: String,
    pub(super) process_type: String,
    pub(super) worker_type: PlainText,
    pub(super) parent_id: Option<String>,
}

impl From<&Process> for BaseRow {
    fn from(process: &Process) -> Self {
        Self {
            id: process.id.simple(),
            created_at: encoding::time(process.created_at),
            modified_at: encoding::time(process.modified_at),
            pwd: PlainText(process.pwd.clone()),
            cmd: JsonText(encoding::text_list(&process.cmd)),
            env: JsonText(encoding::json(&process.env)),
            timeout: process.timeout,
            pid: process.pid.map(|pid| pid.get().into()),
            exit_code: process.exit_code.map(i64::from),
            stdout: PlainText(process.stdout.clone()),
            stderr: PlainText(process.stderr.clone()),
            started_at: process.started_at.map(encoding::time),
            ended_at: process.ended_at.map(encoding::time),
            url: process.url.clone().map(PlainText),
            status: process.status.as_str().to_owned(),
            retry_at: process.retry_at.map(encoding::time),
            binary_id: process.binary_id.map(BinaryId::simple),
            iface_id: process.interface_id.map(InterfaceId::simple),
            machine_id: process.machine_id.simple(),
            process_type: process.process_type.as_str().to_owned(),
            worker_type: PlainText(process.worker_type.clone()),
            parent_id: process.parent_id.map(ProcessId::simple),
        }
    }
}

impl BaseRow {
    pub(super) fn read_pid(&self, read: RowReader<'_>) -> Result<Option<Pid>, CorruptRow> {
        read.pid(self.pid)
    }

    /// The variables; ArchiveBox's column may say JSON's null for none.
    pub(super) fn read_env(&self, read: RowReader<'_>) -> Result<Map<String, Value>, CorruptRow> {
        let env: Option<Map<String, Value>> = read.json("env", &self.env)?;
        Ok(env.unwrap_or_default())
    }

    pub(super) fn read_exit_code(&self, read: RowReader<'_>) -> Result<Option<i32>, CorruptRow> {
        match self.exit_code {
            Some(FOUND_GONE) => Ok(Some(KILLED)),
            Some(code) => read.number("exit_code", code).map(Some),
            None => Ok(None),
        }
    }
}
