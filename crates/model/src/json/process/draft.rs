//! A new process out of another's record.

use std::collections::BTreeSet;

use super::{ProcessRecord, RunLimit};
use crate::json::Refusal;
use crate::{CommandLine, KillMode, MachineId, NO_TIMEOUT, ProcessDraft, ProcessType};

/// What a process gets where its record says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessDefaults {
    /// The host it is to run on.
    pub machine_id: MachineId,
    /// Its working directory.
    pub pwd: Vec<u8>,
    /// Milliseconds it may run; none for as long as it likes.
    pub timeout_ms: Option<u64>,
}

impl ProcessRecord {
    /// Whether there is a command that could be run.
    pub(in crate::json) fn has_command(&self) -> bool {
        self.cmd.as_ref().is_some_and(|cmd| !cmd.is_empty())
    }

    /// The process a record asks for whose id is none or not known: to be queued. Of an older run
    /// only what was asked is taken, not what happened ([`into_history`](Self::into_history)
    /// takes that). Texts are checked when the draft becomes a process.
    ///
    /// # Errors
    /// There is no command, it cannot be run, or its timeout is no time at all.
    pub fn into_draft(self, defaults: ProcessDefaults) -> Result<ProcessDraft, Refusal> {
        if !self.has_command() {
            return Err(Refusal::NoCommand);
        }
        let timeout_ms = self.time_to_run(defaults.timeout_ms)?;
        let parts = self.cmd.unwrap_or_default();
        let command = CommandLine::new(parts.into_iter().map(String::into_bytes).collect())
            .map_err(Refusal::Command)?;
        Ok(ProcessDraft {
            machine_id: self.machine_id.unwrap_or(defaults.machine_id),
            command,
            pwd: self.pwd.map_or(defaults.pwd, String::into_bytes),
            env: self.env.0,
            secret_keys: BTreeSet::new(),
            timeout_ms,
            name: self.name,
            parent_id: self.parent_id,
            process_type: self.process_type.unwrap_or(ProcessType::Cli),
            worker_type: self.worker_type.unwrap_or_default(),
            binary_id: self.binary_id,
            interface_id: self.iface_id,
            url: self.url,
            launch: self.launch.unwrap_or_default(),
            kill_mode: self.kill_mode.unwrap_or(KillMode::Tree),
            detached: self.detached.unwrap_or_default(),
            max_attempts: self.max_attempts.unwrap_or(1),
            retry_lost: self.retry_lost.unwrap_or_default(),
            restart_of: None,
            due_at: self.retry_at,
        })
    }

    fn time_to_run(&self, default_ms: Option<u64>) -> Result<Option<u64>, Refusal> {
        match (self.timeout_ms, self.timeout) {
            (RunLimit::Milliseconds(ms), _) => Ok(Some(ms)),
            (RunLimit::None, None) => Ok(None),
            (RunLimit::Unsaid, None) => Ok(default_ms),
            (_, Some(seconds)) if seconds >= NO_TIMEOUT => Ok(None),
            (_, Some(seconds)) => match u64::try_from(seconds) {
                Ok(seconds) if seconds > 0 => Ok(Some(seconds * 1000)),
                _ => Err(Refusal::Timeout { seconds }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn draft(mut value: Value) -> Result<ProcessDraft, Refusal> {
        value["type"] = json!("Process");
        let record: ProcessRecord = serde_json::from_value(value).unwrap();
        record.into_draft(ProcessDefaults {
            machine_id: MachineId::generate(),
            pwd: b"/default".to_vec(),
            timeout_ms: Some(120_000),
        })
    }

    #[test]
    fn a_command_is_enough_for_a_new_process() {
        let draft = draft(json!({"cmd": ["echo", "x"]})).unwrap();
        assert_eq!(draft.command.to_text(), ["echo", "x"]);
        assert_eq!(draft.pwd, b"/default");
        assert_eq!(draft.timeout_ms, Some(120_000));
        assert_eq!(
            (draft.max_attempts, draft.process_type),
            (1, ProcessType::Cli)
        );
    }

    #[test]
    fn what_the_record_says_goes_before_the_defaults() {
        let machine_id = MachineId::generate();
        let draft = draft(json!({
            "cmd": ["x"], "machine_id": machine_id, "pwd": "/tmp", "timeout_ms": 1500, "timeout": 2,
            "env": {"A": 1}, "max_attempts": 3, "kill_mode": "group", "process_type": "hook",
            "launch": {"nice": 5, "max_log_bytes": 0, "log_in_pwd": true}, "detached": true, "exit_code": 3, "status": "exited",
        }))
        .unwrap();
        assert_eq!(
            (draft.machine_id, draft.pwd.as_slice()),
            (machine_id, b"/tmp".as_slice())
        );
        assert_eq!((draft.timeout_ms, draft.max_attempts), (Some(1500), 3));
        assert_eq!(Value::Object(draft.env), json!({"A": 1}));
        assert_eq!(
            (draft.kill_mode, draft.launch.nice),
            (KillMode::Group, Some(5))
        );
        assert_eq!(
            (
                draft.detached,
                draft.launch.log_bound(),
                draft.launch.log_in_pwd
            ),
            (true, None, true)
        );
    }

    #[test]
    fn a_timeout_in_seconds_says_how_long_or_that_there_is_none() {
        let timeout_ms = |timeout: i64| {
            draft(json!({"cmd": ["x"], "timeout": timeout})).map(|draft| draft.timeout_ms)
        };
        assert_eq!(timeout_ms(60).unwrap(), Some(60_000));
        assert_eq!(timeout_ms(NO_TIMEOUT).unwrap(), None);
        assert_eq!(timeout_ms(i64::MAX).unwrap(), None);
        let said = |it: Value| draft(it).unwrap().timeout_ms;
        assert_eq!(said(json!({"cmd": ["x"], "timeout_ms": null})), None);
        assert_eq!(
            said(json!({"cmd": ["x"]})),
            Some(120_000),
            "nothing is said"
        );
        let both = json!({"cmd": ["x"], "timeout_ms": null, "timeout": 60});
        assert_eq!(said(both), Some(60_000));
        for none in [0, -1, i64::MIN] {
            assert!(
                matches!(timeout_ms(none), Err(Refusal::Timeout { seconds }) if seconds == none)
            );
        }
    }

    #[test]
    fn without_a_command_that_can_run_it_is_refused() {
        for it in [json!({}), json!({"cmd": []}), json!({"cmd": null})] {
            assert!(matches!(draft(it), Err(Refusal::NoCommand)));
        }
        for it in [json!({"cmd": [""]}), json!({"cmd": ["a\0b"]})] {
            assert!(matches!(draft(it), Err(Refusal::Command(_))));
        }
    }

    #[test]
    fn no_message_shows_a_variables_value() {
        let read = |env: Value| {
            serde_json::from_value::<ProcessRecord>(json!({"type": "Process", "env": env}))
        };
        let error = read(json!("API_TOKEN=hunter2")).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let record = read(json!({"API_TOKEN": "hunter2"})).unwrap();
        let shown = format!("{record:?}");
        assert!(
            shown.contains("API_TOKEN") && !shown.contains("hunter2"),
            "{shown}"
        );
        assert!(
            !serde_json::to_string(&record)
                .unwrap()
                .contains("API_TOKEN")
        );
    }
}
