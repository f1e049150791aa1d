//! Rows of processes to which nothing has happened yet.

use diesel::prelude::*;
use hostledger_model::{BinaryId, InterfaceId, Process, ProcessId, ProcessStatus, SecretBatchId};

use super::own::launch_text;
use crate::table::encoding;
use crate::table::schema::process;
use crate::table::text::JsonText;

/// The columns of a process that was queued and no more: all others have their defaults. Half as
/// many to write, where many are queued at once.
#[derive(Insertable)]
#[diesel(table_name = process, treat_none_as_default_value = false)]
pub(crate) struct QueuedRow<'p> {
    id: String,
    created_at: String,
    modified_at: String,
    pwd: &'p str,
    cmd: String,
    env: String,
    timeout: i64,
    stdout: &'p str,
    stderr: &'p str,
    url: Option<&'p str>,
    status: &'p str,
    retry_at: Option<String>,
    binary_id: Option<String>,
    iface_id: Option<String>,
    machine_id: String,
    process_type: &'p str,
    worker_type: &'p str,
    parent_id: Option<String>,
    kill_mode: &'p str,
    detached: bool,
    max_attempts: i64,
    timeout_ms: Option<i64>,
    name: Option<&'p str>,
    launch: Option<JsonText>,
    raw_cmd: Option<Vec<u8>>,
    raw_pwd: Option<&'p [u8]>,
    secret_env: Option<String>,
    secret_batch: Option<String>,
    retry_lost: bool,
    restart_of: Option<String>,
}

impl<'p> QueuedRow<'p> {
    /// The row of a process, when all that is to be said of it has a column here.
    pub(crate) fn of(process: &'p Process) -> Option<Self> {
        is_only_queued(process).then(|| Self {
            id: process.id.simple(),
            created_at: encoding::time(process.created_at),
            modified_at: encoding::time(process.modified_at),
            pwd: &process.pwd,
            cmd: encoding::text_list(&process.cmd),
            env: encoding::json(&process.env),
            timeout: process.timeout,
            stdout: "",
            stderr: "",
            url: process.url.as_deref(),
            status: process.status.as_str(),
            retry_at: process.retry_at.map(encoding::time),
            binary_id: process.binary_id.map(BinaryId::simple),
            iface_id: process.interface_id.map(InterfaceId::simple),
            machine_id: process.machine_id.simple(),
            process_type: process.process_type.as_str(),
            worker_type: &process.worker_type,
            parent_id: process.parent_id.map(ProcessId::simple),
            kill_mode: process.kill_mode.as_str(),
            detached: process.detached,
            max_attempts: process.max_attempts.into(),
            timeout_ms: process.timeout_ms.map(encoding::bits),
            name: process.name.as_deref(),
            launch: launch_text(&process.launch),
            raw_cmd: process.raw_cmd.as_deref().map(encoding::byte_list),
            raw_pwd: process.raw_pwd.as_deref(),
            secret_env: (!process.secret_env.is_empty())
                .then(|| encoding::text_list(&process.secret_env)),
            secret_batch: process.secret_batch.map(SecretBatchId::simple),
            retry_lost: process.retry_lost,
            restart_of: process.restart_of.map(ProcessId::simple),
        })
    }
}

fn is_only_queued(process: &Process) -> bool {
    // Every field is named, so that a new one is not forgotten.
    let Process {
        status,
        attempt,
        owner,
        stop,
        pid,
        identity,
        exit_code,
        outcome,
        stdout,
        stderr,
        stdout_bytes,
        stderr_bytes,
        stdout_dropped,
        stderr_dropped,
        log,
        started_at,
        ended_at,
        usage,
        id: _,
        created_at: _,
        modified_at: _,
        machine_id: _,
        parent_id: _,
        process_type: _,
        worker_type: _,
        pwd: _,
        raw_pwd: _,
        cmd: _,
        raw_cmd: _,
        env: _,
        secret_env: _,
        secret_batch: _,
        timeout: _,
        timeout_ms: _,
        launch: _,
        binary_id: _,
        interface_id: _,
        url: _,
        name: _,
        retry_at: _,
        kill_mode: _,
        detached: _,
        max_attempts: _,
        retry_lost: _,
        restart_of: _,
    } = process;
    let is_untouched = *status == ProcessStatus::Queued && *attempt == 1;
    let has_no_owner = owner.is_none() && stop.is_none();
    let never_started = pid.is_none() && identity.is_none() && started_at.is_none();
    let never_ended = exit_code.is_none() && outcome.is_none() && ended_at.is_none();
    let has_no_output = stdout.is_empty() && stderr.is_empty() && log.is_none() && usage.is_none();
    let bytes = [stdout_bytes, stderr_bytes, stdout_dropped, stderr_dropped];
    is_untouched
        && has_no_owner
        && never_started
        && never_ended
        && has_no_output
        && bytes.iter().all(|bytes| bytes.is_none())
}
