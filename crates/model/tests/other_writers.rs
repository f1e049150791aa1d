//! Records as ArchiveBox and its plugins write them are read.
#![expect(
    clippy::panic,
    reason = "a line that is read as something else fails the test"
)]

use hostledger_model::json::{
    BinaryCase, Line, ProcessRecord, Record, interpret, parse_line, records,
};
use hostledger_model::{ProcessStatus, Timestamp};

fn record(line: &str) -> Record {
    match parse_line(line) {
        Line::Record(record) => record,
        other => panic!("{line}: {other:?}"),
    }
}

fn process(line: &str) -> ProcessRecord {
    match record(line) {
        Record::Process(process) => *process,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_process_has_its_times_with_an_offset_and_says_little_else() {
    let record = process(
        r#"{"type": "Process", "schema_version": "0.9.31rc1", "id": "06b023a7-0279-7eff-8000-be362ee6a5eb", "machine_id": "06b023a7022f7e0280000e2ab4fbcc6d", "cmd": ["sh", "-c", "exit 3", "--url=https://example.com/?a=1&b=\"2\""], "pwd": "/data/archive/wget", "status": "exited", "exit_code": 3, "started_at": "2026-11-22T00:42:23.210000+00:00", "ended_at": "2026-11-22T00:42:24+00:00", "binary_id": "06b023a7-024b-7b6d-8000-25125223aada", "pid": 22249, "timeout": 10}"#,
    );
    let time = |text: &str| text.parse::<Timestamp>().ok();
    assert_eq!(record.started_at, time("2026-11-22T00:42:23.21Z"));
    assert_eq!(record.ended_at, time("2026-11-22T00:42:24Z"));
    assert_eq!(record.status, Some(ProcessStatus::Exited));
    assert_eq!((record.exit_code, record.timeout), (Some(3), Some(10)));
    assert_eq!(record.schema_version.as_deref(), Some("0.9.31rc1"));
    assert_eq!((record.process_type, record.attempt), (None, None));
}

#[test]
fn a_process_that_was_not_started_has_no_times() {
    let record = process(
        r#"{"type": "Process", "schema_version": "0.9.31rc1", "id": "06b023a719407e38800039592f2867c7", "machine_id": "06b023a7023c798680002a89a0da9cb0", "cmd": [], "pwd": "/data", "status": "queued", "exit_code": null, "started_at": null, "ended_at": null, "timeout": 120}"#,
    );
    assert_eq!(
        (record.exit_code, record.started_at, record.ended_at),
        (None, None, None)
    );
}

#[test]
fn a_binary_is_a_request_until_it_is_there() {
    let of = |line| match record(line) {
        Record::Binary(binary) => *binary,
        other => panic!("{line}: {other:?}"),
    };
    let request = of(
        r#"{"type": "BinaryRequest", "schema_version": "0.9.31rc1", "id": "06b023a7-0258-712e-8000-e4978df135a9", "machine_id": "06b023a7-022f-7e02-8000-0e2ab4fbcc6d", "name": "yt-dlp", "binproviders": "pip,env", "overrides": {"pip": {"install_args": ["yt-dlp[default]", "--pre"]}, "\u00fcn\u00ef": "\u2713 \"q\" \\ \n"}, "binprovider": "", "abspath": "", "version": "", "sha256": "", "status": "queued"}"#,
    );
    assert_eq!(
        request.case,
        BinaryCase::Request {
            binproviders: Some("pip,env".to_owned())
        }
    );
    let overrides = request.overrides.unwrap_or_default();
    assert_eq!(overrides["ünï"], "✓ \"q\" \\ \n");

    let installed = of(
        r#"{"type": "Binary", "schema_version": "0.9.31rc1", "id": "06b023a7-024b-7b6d-8000-25125223aada", "machine_id": "06b023a7-022f-7e02-8000-0e2ab4fbcc6d", "name": "wget", "binproviders": "env,apt", "overrides": {}, "binprovider": "env", "abspath": "/usr/bin/wget", "version": "1.21.3", "sha256": "", "status": "succeeded"}"#,
    );
    let BinaryCase::Installed { binproviders, file } = installed.case else {
        panic!("{:?}", installed.case);
    };
    assert_eq!(
        (binproviders.as_str(), file.version.as_str()),
        ("env,apt", "1.21.3")
    );
}

#[test]
fn a_hook_prints_records_among_its_progress() {
    let stdout = "Looking for wget...\n\
        {\"type\": \"Machine\", \"_method\": \"update\", \"key\": \"config/WGET_BINARY\", \"value\": \"/usr/bin/wget\"}\n\
        [+] found\n\
        {\"type\": \"Binary\", \"name\": \"wget\", \"abspath\": \"/usr/bin/wget\", \"version\": \"1.21.3\", \"sha256\": \"\", \"binprovider\": \"env\"}\n\
        {\"type\": \"ArchiveResult\", \"status\": \"succeeded\"}\n";
    let mut found = records(stdout);
    let lines: Vec<_> = found.by_ref().map(interpret).collect();
    assert_eq!(found.passed_over(), 2);
    let [
        Line::Record(Record::Machine { config }),
        Line::Record(Record::Binary(binary)),
        Line::Unknown { record_type, .. },
    ] = &lines[..]
    else {
        panic!("{lines:?}");
    };
    assert_eq!(config["WGET_BINARY"], "/usr/bin/wget");
    assert!(matches!(binary.case, BinaryCase::HookResult { .. }));
    assert_eq!(record_type, "ArchiveResult");
}
