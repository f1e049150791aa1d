//! Rows of `hostledger_attempt`: how the earlier attempts of processes ended.

use diesel::prelude::*;
use hostledger_model::{Attempt, Ended, LogPlace, ProcessId};

use super::encoding::{self, RowReader};
use super::process::{IdentityRow, UsageRow};
use super::row::TableRow;
use super::schema::{attempt, names};
use super::text::PlainText;
use crate::error::CorruptRow;

/// A row as it stands.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = attempt, treat_none_as_default_value = false)]
pub(crate) struct AttemptRow {
    process_id: String,
    number: i64,
    pid: Option<i64>,
    boot_id: Option<PlainText>,
    pid_namespace: Option<i64>,
    start_ticks: Option<i64>,
    pidfd_inode: Option<i64>,
    started_at: Option<String>,
    ended_at: String,
    exit_code: Option<i64>,
    outcome: String,
    stdout: PlainText,
    stderr: PlainText,
    stdout_bytes: Option<i64>,
    stderr_bytes: Option<i64>,
    log: Option<PlainText>,
    cpu_user_us: Option<i64>,
    cpu_system_us: Option<i64>,
    max_rss_kib: Option<i64>,
    block_inputs: Option<i64>,
    block_outputs: Option<i64>,
    voluntary_switches: Option<i64>,
    involuntary_switches: Option<i64>,
    stdout_dropped: Option<i64>,
    stderr_dropped: Option<i64>,
}

impl AttemptRow {
    pub(crate) fn new(process_id: ProcessId, attempt: Attempt) -> Self {
        let Attempt {
            identity, ended, ..
        } = attempt;
        let pid = identity.as_ref().map(|identity| identity.pid.get().into());
        let identity: IdentityRow = identity.as_ref().map(Into::into).unwrap_or_default();
        let usage: UsageRow = ended.usage.as_ref().map(Into::into).unwrap_or_default();
        Self {
            process_id: process_id.simple(),
            number: attempt.number.into(),
            pid,
            boot_id: identity.boot_id,
            pid_namespace: identity.pid_namespace,
            start_ticks: identity.start_ticks,
            pidfd_inode: identity.pidfd_inode,
            started_at: attempt.started_at.map(encoding::time),
            ended_at: encoding::time(ended.ended_at),
            exit_code: ended.exit_code.map(i64::from),
            outcome: ended.outcome.as_str().to_owned(),
            stdout: PlainText(ended.stdout),
            stderr: PlainText(ended.stderr),
            stdout_bytes: ended.stdout_bytes.map(encoding::bits),
            stderr_bytes: ended.stderr_bytes.map(encoding::bits),
            log: attempt.log.map(|log| PlainText(log.to_text())),
            cpu_user_us: usage.cpu_user_us,
            cpu_system_us: usage.cpu_system_us,
            max_rss_kib: usage.max_rss_kib,
            block_inputs: usage.block_inputs,
            block_outputs: usage.block_outputs,
            voluntary_switches: usage.voluntary_switches,
            involuntary_switches: usage.involuntary_switches,
            stdout_dropped: ended.stdout_dropped.map(encoding::bits),
            stderr_dropped: ended.stderr_dropped.map(encoding::bits),
        }
    }
}

impl TableRow for AttemptRow {
    const TABLE: &'static str = names::ATTEMPT;

    type Record = Attempt;

    fn record(self) -> Result<Attempt, CorruptRow> {
        let read = RowReader {
            table: Self::TABLE,
            id: &self.process_id,
        };
        let identity = IdentityRow {
            boot_id: self.boot_id,
            pid_namespace: self.pid_namespace,
            start_ticks: self.start_ticks,
            pidfd_inode: self.pidfd_inode,
        };
        let usage = UsageRow {
            cpu_user_us: self.cpu_user_us,
            cpu_system_us: self.cpu_system_us,
            max_rss_kib: self.max_rss_kib,
            block_inputs: self.block_inputs,
            block_outputs: self.block_outputs,
            voluntary_switches: self.voluntary_switches,
            involuntary_switches: self.involuntary_switches,
        };
        let exit_code = self.exit_code.map(|code| read.number("exit_code", code));
        Ok(Attempt {
            number: read.number("number", self.number)?,
            identity: identity.read(read, read.pid(self.pid)?)?,
            started_at: read.time_some("started_at", self.started_at.as_ref())?,
            log: self.log.map(|log| LogPlace::from_text(&log.0)),
            ended: Ended {
                ended_at: read.time("ended_at", &self.ended_at)?,
                exit_code: exit_code.transpose()?,
                outcome: read.parse("outcome", &self.outcome)?,
                stdout: self.stdout.0,
                stderr: self.stderr.0,
                stdout_bytes: self.stdout_bytes.map(i64::cast_unsigned),
                stderr_bytes: self.stderr_bytes.map(i64::cast_unsigned),
                stdout_dropped: self.stdout_dropped.map(i64::cast_unsigned),
                stderr_dropped: self.stderr_dropped.map(i64::cast_unsigned),
                usage: usage.read(read)?,
            },
        })
    }

    fn position(&self) -> (&str, &str) {
        (&self.process_id, &self.ended_at)
    }
}
