//! A process that has ended elsewhere, out of its record.

use super::{ProcessDefaults, ProcessRecord, RunLimit};
use crate::json::Refusal;
use crate::{
    LogPlace, Process, ProcessIdentity, ProcessStatus, ResourceUsage, SecretWords, Timestamp,
};

/// What is taken for the code of a process that was found gone, as in rows of ArchiveBox.
const FOUND_GONE: i32 = 137;

impl ProcessRecord {
    /// The process a record tells of that has ended, as it is: what was run and what happened.
    ///
    /// Its logs are where it ran, and when its row was made is not told: that is when it started,
    /// or now, should that be later. Which of its times comes first is left as it was told: a clock
    /// that was set back tells it so.
    ///
    /// # Errors
    /// It has not ended by the record, it has no id to be known by when the record comes again, or
    /// a field does not fit.
    pub fn into_history(
        self,
        defaults: ProcessDefaults,
        now: Timestamp,
    ) -> Result<Process, Refusal> {
        let Some(id) = self.id else {
            return Err(Refusal::NoId);
        };
        if self.status != Some(ProcessStatus::Exited) {
            return Err(Refusal::NotEnded);
        }
        let exit_code = self.known_exit_code()?;
        if self.attempt == Some(0) {
            return Err(Refusal::Impossible {
                field: "attempt",
                expected: "the first one is 1",
            });
        }
        let mut asked = self.clone();
        asked.env.0.clear();
        // It has run, whatever its time was.
        if asked.timeout.is_some_and(|seconds| seconds <= 0) {
            asked.timeout = None;
        }
        if asked.timeout_ms == RunLimit::Milliseconds(0) {
            asked.timeout_ms = RunLimit::Unsaid;
        }
        let draft = asked.into_draft(defaults)?;
        let (process, _) = draft
            .into_process(&SecretWords::default(), now)
            .map_err(Refusal::Draft)?;
        let kept = self.stdout.as_deref().map(LogPlace::from_text);
        Ok(Process {
            id,
            created_at: self.started_at.or(self.ended_at).unwrap_or(now).min(now),
            status: ProcessStatus::Exited,
            retry_at: None,
            identity: self.identity(),
            usage: self.usage(),
            pid: self.pid,
            exit_code,
            outcome: self.outcome,
            started_at: self.started_at,
            ended_at: self.ended_at,
            attempt: self.attempt.unwrap_or(1),
            restart_of: self.restart_of,
            stop: self.stop,
            stdout_bytes: self.stdout_bytes,
            stderr_bytes: self.stderr_bytes,
            stdout_dropped: self.stdout_dropped,
            stderr_dropped: self.stderr_dropped,
            log: kept.filter(|place| *place == LogPlace::Terminal),
            ..process
        })
    }

    /// ArchiveBox writes -1 for a process that it found gone.
    fn known_exit_code(&self) -> Result<Option<i32>, Refusal> {
        match self.exit_code {
            Some(-1) => Ok(Some(FOUND_GONE)),
            Some(code) if !(0..=255).contains(&code) => Err(Refusal::Impossible {
                field: "exit_code",
                expected: "codes are 0 to 255, or 128 and a signal",
            }),
            code => Ok(code),
        }
    }

    fn identity(&self) -> Option<ProcessIdentity> {
        Some(ProcessIdentity {
            boot_id: self.boot_id.clone()?,
            pid_namespace: self.pid_namespace?,
            pid: self.pid?,
            start_ticks: self.start_ticks?,
            pidfd_inode: self.pidfd_inode,
        })
    }

    /// All of it or nothing: whoever knows one figure knows the others.
    fn usage(&self) -> Option<ResourceUsage> {
        Some(ResourceUsage {
            cpu_user_us: self.cpu_user_us?,
            cpu_system_us: self.cpu_system_us?,
            max_rss_kib: self.max_rss_kib?,
            block_inputs: self.block_inputs?,
            block_outputs: self.block_outputs?,
            voluntary_switches: self.voluntary_switches?,
            involuntary_switches: self.involuntary_switches?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::json::{Line, Record, parse_line};
    use crate::{MachineId, ProcessId};

    fn history(value: &Value) -> Result<Process, Refusal> {
        let Line::Record(Record::Process(record)) = parse_line(&value.to_string()) else {
            panic!("{value}");
        };
        record.into_history(
            ProcessDefaults {
                machine_id: MachineId::generate(),
                pwd: b"/default".to_vec(),
                timeout_ms: Some(120_000),
            },
            "2026-01-01T00:00:00Z".parse().unwrap(),
        )
    }

    #[test]
    fn what_has_ended_is_written_as_it_was_read() {
        let lines = [
            json!({"type": "Process", "id": ProcessId::generate(), "machine_id": MachineId::generate(),
                "cmd": ["a", "b c"], "pwd": "/x", "status": "exited", "exit_code": 137,
                "started_at": "2025-12-31T23:59:58.000001Z", "ended_at": "2025-12-31T23:59:59.500000Z",
                "pid": 4711, "timeout": 2, "name": "n", "process_type": "hook",
                "outcome": "killed", "attempt": 2, "max_attempts": 3, "timeout_ms": 1500,
                "kill_mode": "group", "detached": true,
                "stop": {"at": "2025-12-31T23:59:59.000000Z", "by": "x", "signal": 15},
                "cpu_user_us": 1, "cpu_system_us": 2, "max_rss_kib": 3, "block_inputs": 4,
                "block_outputs": 5, "voluntary_switches": 6, "involuntary_switches": 7,
                "boot_id": "5f6ebd0b-1e9e-4d5b-a9ac-0f1fb8ef6a4d", "pid_namespace": 4_026_531_836_u64,
                "start_ticks": 5, "pidfd_inode": 6, "stdout_bytes": 7, "stderr_bytes": 0}),
            json!({"type": "Process", "id": ProcessId::generate(), "machine_id": MachineId::generate(),
                "cmd": ["a"], "pwd": "/x", "status": "exited", "exit_code": null,
                "started_at": null, "ended_at": "2025-12-31T23:59:59.500000Z",
                "process_type": "cli", "outcome": "lost", "attempt": 1, "timeout_ms": null}),
        ];
        for line in lines {
            let process = history(&line).unwrap();
            assert_eq!((process.retry_at, process.owner), (None, None));
            let mut written: Value = serde_json::from_str(&process.to_json()).unwrap();
            written.as_object_mut().unwrap().remove("schema_version");
            assert_eq!(written, line);
        }
    }

    #[test]
    fn what_has_not_ended_or_cannot_be_known_again_is_no_history() {
        let id = ProcessId::generate();
        for status in ["queued", "running"] {
            let line = json!({"type": "Process", "id": id, "cmd": ["x"], "status": status});
            assert!(matches!(history(&line), Err(Refusal::NotEnded)));
        }
        let nameless = json!({"type": "Process", "cmd": ["x"], "status": "exited"});
        assert!(matches!(history(&nameless), Err(Refusal::NoId)));
        let empty = json!({"type": "Process", "id": id, "status": "exited"});
        assert!(matches!(history(&empty), Err(Refusal::NoCommand)));
    }

    #[test]
    fn what_cannot_be_is_refused_and_no_row_is_made_in_the_future() {
        let with = |field: &str, value: Value| {
            let mut line = json!({"type": "Process", "id": ProcessId::generate(), "cmd": ["x"],
                "status": "exited"});
            line[field] = value;
            history(&line)
        };
        for (name, value) in [("attempt", 0), ("exit_code", -2), ("exit_code", 256)] {
            let refused = with(name, json!(value));
            assert!(
                matches!(&refused, Err(Refusal::Impossible { field, .. }) if *field == name),
                "{refused:?}"
            );
        }
        assert_eq!(with("exit_code", json!(-1)).unwrap().exit_code, Some(137));
        let late = with("started_at", json!("9999-01-01T00:00:00.000000Z")).unwrap();
        assert_eq!(late.created_at, "2026-01-01T00:00:00Z".parse().unwrap());
        assert!(late.started_at > Some(late.created_at));
    }
}
