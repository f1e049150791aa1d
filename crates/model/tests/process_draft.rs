//! What becomes of a draft, and which are refused.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails loudly"
)]

use hostledger_model::{
    CommandLine, DraftError, InvalidLaunch, InvalidVariable, Limit, MachineId, NO_TIMEOUT, Process,
    ProcessDraft, ProcessStatus, SecretWords, Timestamp, process_limits as limits,
};
use serde_json::{Map, Value, json};

fn draft() -> ProcessDraft {
    let command = CommandLine::new(vec![b"echo".to_vec(), b"x".to_vec()]).unwrap();
    ProcessDraft::new(MachineId::generate(), command, b"/tmp".to_vec())
}

fn checked(
    change: impl FnOnce(&mut ProcessDraft),
) -> Result<(Process, Map<String, Value>), DraftError> {
    let mut draft = draft();
    change(&mut draft);
    draft.into_process(&SecretWords::default(), Timestamp::now())
}

fn refused(change: impl FnOnce(&mut ProcessDraft)) -> DraftError {
    checked(change).unwrap_err()
}

#[test]
fn a_draft_becomes_a_queued_process_that_is_due() {
    let now = Timestamp::now();
    let draft = draft();
    let machine_id = draft.machine_id;
    let (process, secrets) = draft.into_process(&SecretWords::default(), now).unwrap();
    assert_eq!(process.machine_id, machine_id);
    assert_eq!(
        (process.status, process.retry_at),
        (ProcessStatus::Queued, Some(now))
    );
    assert_eq!((process.created_at, process.modified_at), (now, now));
    assert_eq!(
        (process.cmd.as_slice(), process.pwd.as_str()),
        (["echo", "x"].map(String::from).as_slice(), "/tmp")
    );
    assert_eq!((process.raw_cmd, process.raw_pwd), (None, None));
    assert_eq!((process.timeout_ms, process.timeout), (None, NO_TIMEOUT));
    assert_eq!((process.attempt, process.max_attempts), (1, 1));
    assert!(secrets.is_empty() && process.secret_env.is_empty());
}

#[test]
fn the_timeout_in_seconds_is_rounded_up() {
    for (ms, seconds) in [(1, 1), (1000, 1), (1001, 2), (u64::MAX, NO_TIMEOUT)] {
        let (process, _) = checked(|it| it.timeout_ms = Some(ms)).unwrap();
        assert_eq!((process.timeout_ms, process.timeout), (Some(ms), seconds));
    }
    assert_eq!(refused(|it| it.timeout_ms = Some(0)), DraftError::NoTime);
}

#[test]
fn what_is_not_utf8_is_kept_beside_its_text() {
    let (process, _) = checked(|it| {
        it.pwd = b"/tmp/\xff".to_vec();
        it.command = CommandLine::new(vec![b"\xfe".to_vec()]).unwrap();
    })
    .unwrap();
    assert_eq!(
        (process.pwd.as_str(), process.cmd[0].as_str()),
        ("/tmp/\u{fffd}", "\u{fffd}")
    );
    assert_eq!(process.working_directory(), b"/tmp/\xff");
    assert_eq!(process.command(), [b"\xfe"]);
}

#[test]
fn secrets_do_not_get_into_the_row() {
    let env = json!({"A": 1, "API_TOKEN": "hunter2", "PASSWORD": null});
    let (process, secrets) = checked(|it| it.env = env.as_object().unwrap().clone()).unwrap();
    assert_eq!(process.secret_env, ["API_TOKEN"]);
    assert_eq!(Value::Object(secrets), json!({"API_TOKEN": "hunter2"}));
    assert!(!format!("{process:?}").contains("hunter2"));
}

#[test]
fn debug_output_shows_no_variables_value() {
    let mut draft = draft();
    draft.env.insert("API_TOKEN".to_owned(), json!("hunter2"));
    let shown = format!("{draft:?}");
    assert!(
        shown.contains("API_TOKEN") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn a_working_directory_is_needed() {
    for pwd in [b"".as_slice(), b"/a\0b"] {
        let error = refused(|it| it.pwd = pwd.to_vec());
        assert!(matches!(error, DraftError::WorkingDirectory { .. }));
    }
}

#[test]
fn a_text_that_does_not_fit_is_refused_by_name() {
    let long = |limit: Limit| "ü".repeat(limit.characters + 1);
    type Change = fn(&mut ProcessDraft, String);
    let changes: [(Limit, Change); 4] = [
        (limits::PWD, |it, text| it.pwd = text.into_bytes()),
        (limits::URL, |it, text| it.url = Some(text)),
        (limits::NAME, |it, text| it.name = Some(text)),
        (limits::WORKER_TYPE, |it, text| it.worker_type = text),
    ];
    for (limit, change) in changes {
        let DraftError::Limit(error) = refused(|it| change(it, long(limit))) else {
            panic!("{limit:?}");
        };
        assert_eq!((error.field, error.limit), (limit.field, limit.characters));
        let fits = "ü".repeat(limit.characters);
        assert!(checked(|it| change(it, fits)).is_ok(), "{limit:?}");
    }
    for (limit, change) in &changes[1..] {
        let error = refused(|it| change(it, "a\0b".to_owned()));
        assert_eq!(error, DraftError::NulCharacter { field: limit.field });
    }
}

#[test]
fn it_is_due_when_it_is_asked_for_but_never_before_it_was_made() {
    let past: Timestamp = "2001-01-01T00:00:00Z".parse().unwrap();
    let later: Timestamp = "2999-01-01T00:00:00Z".parse().unwrap();
    for (due_at, is_later) in [(None, false), (Some(past), false), (Some(later), true)] {
        let (process, _) = checked(|it| it.due_at = due_at).unwrap();
        let expected = if is_later { later } else { process.created_at };
        assert_eq!(process.retry_at, Some(expected));
    }
}

#[test]
fn what_no_process_can_have_is_refused() {
    assert_eq!(refused(|it| it.max_attempts = 0), DraftError::NoAttempts);
    let error = refused(|it| it.launch.nice = Some(20));
    assert_eq!(error, DraftError::Launch(InvalidLaunch::Nice { value: 20 }));
    let error = refused(|it| {
        it.env.insert("A=B".to_owned(), json!("x"));
    });
    assert!(matches!(
        error,
        DraftError::Variable(InvalidVariable::Key { .. })
    ));
}
