//! The columns of `machine_process` that are our own: a foreign table does not have them.

use diesel::prelude::*;
use hostledger_model::{
    BootId, KillMode, LaunchAttributes, LogPlace, OwnerId, Pid, PidNamespace, Process, ProcessId,
    ProcessIdentity, ResourceUsage, SecretBatchId, StartTicks, StopRequest,
};
use serde::Serialize;

use crate::error::CorruptRow;
use crate::table::encoding::{self, RowReader};
use crate::table::schema::process;
use crate::table::text::{JsonText, PlainText};

#[derive(Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = process, treat_none_as_default_value = false)]
pub(crate) struct OwnRow {
    #[diesel(embed)]
    #[serde(flatten)]
    pub(super) identity: IdentityRow,
    pub(super) owner: Option<String>,
    pub(super) outcome: Option<String>,
    stop_at: Option<String>,
    stop_by: Option<PlainText>,
    stop_signal: Option<i32>,
    kill_mode: Option<String>,
    pub(super) detached: bool,
    pub(super) attempt: i64,
    pub(super) max_attempts: i64,
    pub(super) timeout_ms: Option<i64>,
    pub(super) name: Option<PlainText>,
    launch: Option<JsonText>,
    raw_cmd: Option<Vec<u8>>,
    pub(super) raw_pwd: Option<Vec<u8>>,
    secret_env: Option<JsonText>,
    log: Option<PlainText>,
    pub(super) stdout_bytes: Option<i64>,
    pub(super) stderr_bytes: Option<i64>,
    #[diesel(embed)]
    #[serde(flatten)]
    pub(super) usage: UsageRow,
    pub(super) stdout_dropped: Option<i64>,
    pub(super) stderr_dropped: Option<i64>,
    pub(super) secret_batch: Option<String>,
    pub(super) retry_lost: bool,
    pub(super) restart_of: Option<String>,
}

/// Exact identity, but for the pid, which ArchiveBox has a column for.
#[derive(Queryable, Selectable, Insertable, AsChangeset, Serialize, Default)]
#[diesel(table_name = process, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct IdentityRow {
    pub(crate) boot_id: Option<PlainText>,
    pub(crate) pid_namespace: Option<i64>,
    pub(crate) start_ticks: Option<i64>,
    pub(crate) pidfd_inode: Option<i64>,
}

/// Resource use; all of it is there or none.
#[derive(Queryable, Selectable, Insertable, AsChangeset, Serialize, Default, Clone, Copy)]
#[diesel(table_name = process, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct UsageRow {
    pub(crate) cpu_user_us: Option<i64>,
    pub(crate) cpu_system_us: Option<i64>,
    pub(crate) max_rss_kib: Option<i64>,
    pub(crate) block_inputs: Option<i64>,
    pub(crate) block_outputs: Option<i64>,
    pub(crate) voluntary_switches: Option<i64>,
    pub(crate) involuntary_switches: Option<i64>,
}

/// What the columns' defaults in the database are.
impl Default for OwnRow {
    fn default() -> Self {
        Self {
            identity: IdentityRow::default(),
            owner: None,
            outcome: None,
            stop_at: None,
            stop_by: None,
            stop_signal: None,
            kill_mode: None,
            detached: false,
            attempt: 1,
            max_attempts: 1,
            timeout_ms: None,
            name: None,
            launch: None,
            raw_cmd: None,
            raw_pwd: None,
            secret_env: None,
            log: None,
            stdout_bytes: None,
            stderr_bytes: None,
            usage: UsageRow::default(),
            stdout_dropped: None,
            stderr_dropped: None,
            secret_batch: None,
            retry_lost: false,
            restart_of: None,
        }
    }
}

impl From<&Process> for OwnRow {
    fn from(process: &Process) -> Self {
        let stop = process.stop.as_ref();
        Self {
            identity: process
                .identity
                .as_ref()
                .map(Into::into)
                .unwrap_or_default(),
            owner: process.owner.map(OwnerId::simple),
            outcome: process.outcome.map(|outcome| outcome.as_str().to_owned()),
            stop_at: stop.map(|stop| encoding::time(stop.at)),
            stop_by: stop.map(|stop| PlainText(stop.by.clone())),
            stop_signal: stop.map(|stop| stop.signal),
            kill_mode: Some(process.kill_mode.as_str().to_owned()),
            detached: process.detached,
            attempt: process.attempt.into(),
            max_attempts: process.max_attempts.into(),
            timeout_ms: process.timeout_ms.map(encoding::bits),
            name: process.name.clone().map(PlainText),
            launch: launch_text(&process.launch),
            raw_cmd: process.raw_cmd.as_deref().map(encoding::byte_list),
            raw_pwd: process.raw_pwd.clone(),
            secret_env: (!process.secret_env.is_empty())
                .then(|| JsonText(encoding::text_list(&process.secret_env))),
            log: process.log.as_ref().map(|log| PlainText(log.to_text())),
            stdout_bytes: process.stdout_bytes.map(encoding::bits),
            stderr_bytes: process.stderr_bytes.map(encoding::bits),
            usage: process.usage.as_ref().map(Into::into).unwrap_or_default(),
            stdout_dropped: process.stdout_dropped.map(encoding::bits),
            stderr_dropped: process.stderr_dropped.map(encoding::bits),
            secret_batch: process.secret_batch.map(SecretBatchId::simple),
            retry_lost: process.retry_lost,
            restart_of: process.restart_of.map(ProcessId::simple),
        }
    }
}

/// NULL for what most rows have: nothing out of the ordinary.
pub(super) fn launch_text(launch: &LaunchAttributes) -> Option<JsonText> {
    (*launch != LaunchAttributes::default()).then(|| JsonText(encoding::json(launch)))
}

impl OwnRow {
    pub(super) fn read_raw_cmd(&self) -> Option<Vec<Vec<u8>>> {
        self.raw_cmd.as_deref().map(encoding::read_byte_list)
    }

    pub(super) fn read_secret_env(&self, read: RowReader<'_>) -> Result<Vec<String>, CorruptRow> {
        match &self.secret_env {
            Some(keys) => read.json("secret_env", keys),
            None => Ok(Vec::new()),
        }
    }

    pub(super) fn read_launch(&self, read: RowReader<'_>) -> Result<LaunchAttributes, CorruptRow> {
        match &self.launch {
            Some(launch) => read.json("launch", launch),
            None => Ok(LaunchAttributes::default()),
        }
    }

    pub(super) fn read_log(&self) -> Option<LogPlace> {
        self.log.as_ref().map(|log| LogPlace::from_text(&log.0))
    }

    pub(super) fn read_kill_mode(&self, read: RowReader<'_>) -> Result<KillMode, CorruptRow> {
        match &self.kill_mode {
            Some(mode) => read.parse("kill_mode", mode),
            None => Ok(KillMode::Tree),
        }
    }

    pub(super) fn read_stop(&self, read: RowReader<'_>) -> Result<Option<StopRequest>, CorruptRow> {
        let Some(at) = &self.stop_at else {
            return Ok(None);
        };
        Ok(Some(StopRequest {
            at: read.time("stop_at", at)?,
            by: read.present("stop_by", "stop_at", self.stop_by.clone())?.0,
            signal: read.present("stop_signal", "stop_at", self.stop_signal)?,
        }))
    }
}

impl From<&ProcessIdentity> for IdentityRow {
    fn from(identity: &ProcessIdentity) -> Self {
        Self {
            boot_id: Some(PlainText(identity.boot_id.0.clone())),
            pid_namespace: Some(encoding::bits(identity.pid_namespace.0)),
            start_ticks: Some(encoding::bits(identity.start_ticks.0)),
            pidfd_inode: identity.pidfd_inode.map(encoding::bits),
        }
    }
}

impl IdentityRow {
    /// The identity, when the row says one; then it has a pid as well.
    pub(crate) fn read(
        self,
        read: RowReader<'_>,
        pid: Option<Pid>,
    ) -> Result<Option<ProcessIdentity>, CorruptRow> {
        let Some(boot_id) = self.boot_id else {
            return Ok(None);
        };
        let namespace = read.present("pid_namespace", "boot_id", self.pid_namespace)?;
        let ticks = read.present("start_ticks", "boot_id", self.start_ticks)?;
        Ok(Some(ProcessIdentity {
            boot_id: BootId(boot_id.0),
            pid_namespace: PidNamespace(namespace.cast_unsigned()),
            pid: read.present("pid", "boot_id", pid)?,
            start_ticks: StartTicks(ticks.cast_unsigned()),
            pidfd_inode: self.pidfd_inode.map(i64::cast_unsigned),
        }))
    }
}

impl From<&ResourceUsage> for UsageRow {
    fn from(usage: &ResourceUsage) -> Self {
        Self {
            cpu_user_us: Some(encoding::bits(usage.cpu_user_us)),
            cpu_system_us: Some(encoding::bits(usage.cpu_system_us)),
            max_rss_kib: Some(encoding::bits(usage.max_rss_kib)),
            block_inputs: Some(encoding::bits(usage.block_inputs)),
            block_outputs: Some(encoding::bits(usage.block_outputs)),
            voluntary_switches: Some(encoding::bits(usage.voluntary_switches)),
            involuntary_switches: Some(encoding::bits(usage.involuntary_switches)),
        }
    }
}

impl UsageRow {
    pub(crate) fn read(self, read: RowReader<'_>) -> Result<Option<ResourceUsage>, CorruptRow> {
        let Some(cpu_user) = self.cpu_user_us else {
            return Ok(None);
        };
        let number = |column, value: Option<i64>| {
            read.present(column, "cpu_user_us", value)
                .map(i64::cast_unsigned)
        };
        Ok(Some(ResourceUsage {
            cpu_user_us: cpu_user.cast_unsigned(),
            cpu_system_us: number("cpu_system_us", self.cpu_system_us)?,
            max_rss_kib: number("max_rss_kib", self.max_rss_kib)?,
            block_inputs: number("block_inputs", self.block_inputs)?,
            block_outputs: number("block_outputs", self.block_outputs)?,
            voluntary_switches: number("voluntary_switches", self.voluntary_switches)?,
            involuntary_switches: number("involuntary_switches", self.involuntary_switches)?,
        }))
    }
}
