//! Records become JSON and come back as they were.

use std::fmt::Debug;

use hostledger_model::json::{
    BinaryRecord, InterfaceRecord, Line, MachineRecord, ProcessRecord, Record, RunLimit, parse_line,
};
use hostledger_model::{KillMode, LaunchAttributes, LogPlace, MachineId, NO_TIMEOUT, Timestamp};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::arbitrary::{SECRET, binary, interface, machine, process};

/// Reads the line back: the record is the one that was written, and so is its JSON.
fn read_back<R>(line: &str, written: &R) -> Result<R, TestCaseError>
where
    R: DeserializeOwned + Serialize + PartialEq + Debug,
{
    let head = format!(
        "\",\"schema_version\":\"{}\",\"id\":\"",
        env!("CARGO_PKG_VERSION")
    );
    prop_assert!(
        line.starts_with("{\"type\":\"") && line.contains(&head),
        "{line}"
    );
    prop_assert!(!line.contains('\n'), "one record, one line");
    let record: R = serde_json::from_str(line).unwrap();
    prop_assert_eq!(&record, written);
    prop_assert_eq!(serde_json::to_string(&record).unwrap(), line);
    // As another program might write the same.
    let value: Value = serde_json::from_str(line).unwrap();
    let again: R = serde_json::from_str(&format!(" {value:#}\n")).unwrap();
    prop_assert_eq!(&again, written);
    Ok(record)
}

proptest! {
    #[test]
    fn a_machine_comes_back(machine in machine()) {
        let line = machine.to_json();
        let record = read_back(&line, &MachineRecord::from(&machine))?;
        let facts = machine.facts;
        prop_assert_eq!(record.id, machine.id);
        prop_assert_eq!((record.guid, record.hostname), (facts.guid, facts.hostname));
        prop_assert_eq!(
            (record.hw_in_docker, record.hw_in_vm),
            (facts.hw_in_docker, facts.hw_in_vm)
        );
        prop_assert_eq!(
            (record.hw_manufacturer, record.hw_product, record.hw_uuid),
            (facts.hw_manufacturer, facts.hw_product, facts.hw_uuid)
        );
        prop_assert_eq!(
            (record.os_arch, record.os_family, record.os_platform, record.os_release, record.os_kernel),
            (facts.os_arch, facts.os_family, facts.os_platform, facts.os_release, facts.os_kernel)
        );
        prop_assert_eq!((&record.stats, &record.config), (&facts.stats, &machine.config));

        let Line::Record(Record::Machine { config }) = parse_line(&line) else {
            return Err(TestCaseError::fail(line));
        };
        let patch = machine.config.unwrap_or_else(|| Value::Object(Default::default()));
        prop_assert_eq!(Value::Object(config), patch);
    }

    #[test]
    fn an_interface_comes_back(interface in interface()) {
        let line = interface.to_json();
        let record = read_back(&line, &InterfaceRecord::from(&interface))?;
        prop_assert_eq!(record.health, interface.health.percentage());

        let Line::Record(Record::NetworkInterface(read)) = parse_line(&line) else {
            return Err(TestCaseError::fail(line));
        };
        let now = Timestamp::now();
        let read = read.into_interface(MachineId::generate(), now).unwrap();
        prop_assert_eq!((read.created_at, read.modified_at), (now, now));
        let (created_at, modified_at) = (interface.created_at, interface.modified_at);
        prop_assert_eq!(hostledger_model::NetworkInterface { created_at, modified_at, ..read }, interface);
    }

    #[test]
    fn a_binary_comes_back(binary in binary()) {
        let line = binary.to_json();
        let record = read_back(&line, &BinaryRecord::from(&binary))?;
        prop_assert_eq!((record.id, record.machine_id), (Some(binary.id), Some(binary.machine_id)));
        prop_assert_eq!((record.name, record.binproviders), (Some(binary.name), Some(binary.binproviders)));
        prop_assert_eq!((record.overrides, record.binprovider), (Some(binary.overrides), Some(binary.binprovider)));
        let installed = !binary.abspath.is_empty() && !binary.version.is_empty();
        prop_assert_eq!(record.record_type.as_str(), if installed { "Binary" } else { "BinaryRequest" });
        prop_assert_eq!((record.abspath, record.version), (Some(binary.abspath), Some(binary.version)));
        prop_assert_eq!((record.sha256, record.status), (Some(binary.sha256), Some(binary.status)));
    }

    #[test]
    fn a_process_comes_back(process in process()) {
        let line = process.to_json();
        let record = read_back(&line, &ProcessRecord::from(&process))?;
        prop_assert_eq!((record.id, record.machine_id), (Some(process.id), Some(process.machine_id)));
        prop_assert_eq!((&record.cmd, &record.pwd), (&Some(process.cmd), &Some(process.pwd)));
        prop_assert_eq!((record.status, record.exit_code), (Some(process.status), process.exit_code));
        prop_assert_eq!((record.started_at, record.ended_at), (process.started_at, process.ended_at));
        prop_assert_eq!((record.binary_id, record.pid), (process.binary_id, process.pid));
        let limit = match process.timeout_ms {
            Some(ms) => RunLimit::Milliseconds(ms),
            None if process.timeout >= NO_TIMEOUT => RunLimit::None,
            None => RunLimit::Unsaid,
        };
        prop_assert_eq!((record.timeout.unwrap_or(NO_TIMEOUT), record.timeout_ms), (process.timeout, limit));
        prop_assert_eq!((&record.name, &record.url), (&process.name, &process.url));
        prop_assert_eq!(record.worker_type.clone().unwrap_or_default(), process.worker_type);
        prop_assert_eq!((record.parent_id, record.iface_id), (process.parent_id, process.interface_id));
        prop_assert_eq!((record.process_type, record.outcome), (Some(process.process_type), process.outcome));
        prop_assert_eq!((record.attempt, record.max_attempts.unwrap_or(1)), (Some(process.attempt), process.max_attempts.max(1)));
        prop_assert_eq!((record.retry_lost.unwrap_or_default(), record.restart_of), (process.retry_lost, process.restart_of));
        prop_assert_eq!(record.kill_mode.unwrap_or(KillMode::Tree), process.kill_mode);
        prop_assert_eq!(record.detached.unwrap_or_default(), process.detached);
        prop_assert_eq!(&record.stop, &process.stop);
        prop_assert_eq!(record.launch.clone().unwrap_or_default(), process.launch);
        prop_assert_eq!((record.stdout_bytes, record.stderr_bytes), (process.stdout_bytes, process.stderr_bytes));
        prop_assert_eq!((record.stdout_dropped, record.stderr_dropped), (process.stdout_dropped, process.stderr_dropped));
        prop_assert_eq!(record.secret_batch, process.secret_batch);
        let usage = process.usage;
        prop_assert_eq!(
            (record.cpu_user_us, record.cpu_system_us, record.max_rss_kib, record.block_inputs),
            (usage.map(|it| it.cpu_user_us), usage.map(|it| it.cpu_system_us),
             usage.map(|it| it.max_rss_kib), usage.map(|it| it.block_inputs))
        );
        prop_assert_eq!(
            (record.block_outputs, record.voluntary_switches, record.involuntary_switches),
            (usage.map(|it| it.block_outputs), usage.map(|it| it.voluntary_switches),
             usage.map(|it| it.involuntary_switches))
        );
        let identity = process.identity;
        prop_assert_eq!(
            (record.boot_id, record.pid_namespace, record.start_ticks, record.pidfd_inode),
            (identity.clone().map(|it| it.boot_id), identity.clone().map(|it| it.pid_namespace),
             identity.clone().map(|it| it.start_ticks), identity.and_then(|it| it.pidfd_inode))
        );
        let log = match (record.stdout.as_deref(), record.stderr.as_deref(), record.log) {
            (Some("terminal"), Some("terminal"), None) => Some(LogPlace::Terminal),
            (None, None, text) => text.map(|text| LogPlace::from_text(&text)),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        prop_assert_eq!(log, process.log);
        let is_record = matches!(parse_line(&line), Line::Record(Record::Process(_)));
        prop_assert!(is_record);
    }

    #[test]
    fn a_process_shows_no_variable_and_nothing_that_is_not_set(process in process()) {
        let line = process.to_json();
        prop_assert!(!line.contains(SECRET) && !line.contains("SECRET_VARIABLE"));
        let Value::Object(object) = serde_json::from_str(&line).unwrap() else {
            return Err(TestCaseError::fail(line));
        };
        for key in ["exit_code", "started_at", "ended_at"] {
            prop_assert!(object.contains_key(key));
        }
        for (key, value) in &object {
            let always = ["exit_code", "started_at", "ended_at"].contains(&key.as_str())
                || key == "timeout_ms" && process.timeout >= NO_TIMEOUT;
            prop_assert!(always || !value.is_null(), "{} is null", key);
        }
        for (key, shown) in [
            ("env", false),
            ("timeout", process.timeout != NO_TIMEOUT),
            ("worker_type", !process.worker_type.is_empty()),
            ("max_attempts", process.max_attempts > 1),
            ("retry_lost", process.retry_lost),
            ("kill_mode", process.kill_mode != KillMode::Tree),
            ("detached", process.detached),
            ("launch", process.launch != LaunchAttributes::default()),
            ("attempt", true),
        ] {
            prop_assert_eq!(object.contains_key(key), shown, "{}", key);
        }
    }

    #[test]
    fn ids_are_read_without_dashes_too(process in process()) {
        let dashed = process.id.to_string();
        let line = process.to_json().replacen(&dashed, &process.id.simple(), 1);
        let record: ProcessRecord = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(record, ProcessRecord::from(&process));
    }
}

#[test]
fn fields_have_their_order() {
    let mut process = prototype();
    process.name = Some("n".to_owned());
    process.timeout_ms = Some(1500);
    process.timeout = 2;
    process.max_attempts = 2;
    process.detached = true;
    process.log = Some(LogPlace::Terminal);
    let object: serde_json::Map<String, Value> = serde_json::from_str(&process.to_json()).unwrap();
    let keys: Vec<_> = object.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "type",
            "schema_version",
            "id",
            "machine_id",
            "cmd",
            "pwd",
            "status",
            "exit_code",
            "started_at",
            "ended_at",
            "timeout",
            "name",
            "process_type",
            "attempt",
            "max_attempts",
            "timeout_ms",
            "retry_at",
            "detached",
            "stdout",
            "stderr",
        ]
    );
}

fn prototype() -> hostledger_model::Process {
    use hostledger_model::{CommandLine, ProcessDraft, SecretWords};
    let command = CommandLine::new(vec![b"x".to_vec()]).unwrap();
    let draft = ProcessDraft::new(MachineId::generate(), command, b"/".to_vec());
    draft
        .into_process(&SecretWords::default(), Timestamp::now())
        .unwrap()
        .0
}
