//! What each change does to a process row.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails loudly"
)]

use hostledger_model::{
    Attempt, BootId, CommandLine, Ended, LogPlace, MachineId, Outcome, OwnerId, Pid, PidNamespace,
    Process, ProcessChange, ProcessDraft, ProcessIdentity, ProcessStatus, Requeued, ResourceUsage,
    SecretWords, StartTicks, Started, StopRequest, Timestamp,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_micros(second * 1_000_000).unwrap()
}

fn queued() -> Process {
    let command = CommandLine::new(vec![b"true".to_vec()]).unwrap();
    let mut draft = ProcessDraft::new(MachineId::generate(), command, b"/".to_vec());
    draft.max_attempts = 3;
    draft
        .into_process(&SecretWords::default(), at(0))
        .unwrap()
        .0
}

fn started(second: i64) -> Started {
    Started {
        knows_stop: false,
        identity: ProcessIdentity {
            boot_id: BootId("boot".to_owned()),
            pid_namespace: PidNamespace(1),
            pid: Pid::new(42).unwrap(),
            start_ticks: StartTicks(7),
            pidfd_inode: None,
        },
        started_at: at(second),
        lease_until: at(second + 100),
        log: LogPlace::Files {
            stem: "processes/x.1".to_owned(),
        },
    }
}

fn ended(second: i64, outcome: Outcome, exit_code: Option<i32>) -> Ended {
    Ended {
        ended_at: at(second),
        exit_code,
        outcome,
        stdout: "out".to_owned(),
        stderr: "err".to_owned(),
        stdout_bytes: Some(3),
        stderr_bytes: Some(3),
        stdout_dropped: Some(2),
        stderr_dropped: None,
        usage: Some(ResourceUsage::default()),
    }
}

fn stop(second: i64) -> StopRequest {
    StopRequest {
        at: at(second),
        by: "somebody".to_owned(),
        signal: 15,
    }
}

/// The row after each of the changes, the first made at second 1.
fn after(changes: &[ProcessChange]) -> Process {
    let mut process = queued();
    for (change, second) in changes.iter().zip(1..) {
        change.apply(&mut process, at(second));
        assert_eq!(process.modified_at, at(second));
    }
    process
}

#[test]
fn a_claim_gives_it_an_owner_and_a_deferral_takes_it_back() {
    let claim = ProcessChange::Claimed {
        owner: OwnerId::generate(),
        lease_until: at(50),
    };
    let process = after(std::slice::from_ref(&claim));
    assert!(process.owner.is_some());
    assert_eq!(
        (process.status, process.retry_at),
        (ProcessStatus::Queued, Some(at(50)))
    );
    let process = after(&[claim, ProcessChange::Deferred { retry_at: at(60) }]);
    assert_eq!((process.owner, process.retry_at), (None, Some(at(60))));
    assert_eq!(process.status, ProcessStatus::Queued);
}

#[test]
fn a_start_says_who_runs_since_when_and_where_it_writes() {
    let process = after(&[ProcessChange::Started(started(5))]);
    assert_eq!(process.status, ProcessStatus::Running);
    assert_eq!(
        (process.pid, process.identity),
        (Pid::new(42), Some(started(5).identity))
    );
    assert_eq!(
        (process.started_at, process.retry_at),
        (Some(at(5)), Some(at(105)))
    );
    assert_eq!(process.log, Some(started(5).log));
}

#[test]
fn only_the_first_request_to_stop_counts() {
    let changes = [stop(3), stop(9)].map(ProcessChange::StopRequested);
    assert_eq!(after(&changes).stop, Some(stop(3)));
}

#[test]
fn an_end_is_nobodys_and_never_due() {
    let end = ended(9, Outcome::Exited, Some(3));
    let process = after(&[
        ProcessChange::Claimed {
            owner: OwnerId::generate(),
            lease_until: at(50),
        },
        ProcessChange::Started(started(5)),
        ProcessChange::Ended(end),
    ]);
    assert_eq!(process.status, ProcessStatus::Exited);
    assert_eq!((process.owner, process.retry_at), (None, None));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(3), Some(Outcome::Exited))
    );
    assert_eq!(
        (process.stdout.as_str(), process.stdout_bytes),
        ("out", Some(3))
    );
    assert_eq!(
        (process.stdout_dropped, process.stderr_dropped),
        (Some(2), None)
    );
    assert_eq!(
        (process.started_at, process.ended_at),
        (Some(at(5)), Some(at(9)))
    );
    assert_eq!(process.wall_us(at(99)), Some(4_000_000));
}

#[test]
fn a_retry_shows_how_the_attempt_ended_and_can_be_stopped_anew() {
    let process = after(&[
        ProcessChange::Started(started(5)),
        ProcessChange::StopRequested(stop(6)),
        ProcessChange::Requeued(Requeued {
            ended: ended(9, Outcome::TimedOut, Some(143)),
            retry_at: at(30),
            owner: None,
        }),
    ]);
    assert_eq!(
        (process.status, process.attempt),
        (ProcessStatus::Queued, 2)
    );
    assert_eq!(
        (process.retry_at, process.owner, process.stop),
        (Some(at(30)), None, None)
    );
    assert_eq!(process.outcome, Some(Outcome::TimedOut));
}

#[test]
fn the_next_attempt_starts_without_an_end() {
    let process = after(&[
        ProcessChange::Started(started(5)),
        ProcessChange::Requeued(Requeued {
            ended: ended(9, Outcome::Exited, Some(1)),
            retry_at: at(30),
            owner: None,
        }),
        ProcessChange::Started(started(31)),
    ]);
    assert_eq!(
        (process.exit_code, process.outcome, process.ended_at),
        (None, None, None)
    );
    assert_eq!((process.stdout.as_str(), process.stderr.as_str()), ("", ""));
    assert_eq!(
        (process.stdout_bytes, process.stderr_bytes, process.usage),
        (None, None, None)
    );
    assert_eq!(process.stdout_dropped, None);
    assert_eq!(process.wall_us(at(33)), Some(2_000_000));
}

#[test]
fn an_attempt_that_never_started_has_nothing_of_the_one_before() {
    let first = [
        ProcessChange::Started(started(5)),
        ProcessChange::Requeued(Requeued {
            ended: ended(9, Outcome::Exited, Some(1)),
            retry_at: at(30),
            owner: None,
        }),
    ];
    for outcome in [Outcome::SpawnFailed, Outcome::Cancelled] {
        let end = ended(31, outcome, None);
        let attempt = Attempt::of(&after(&first), &end);
        assert_eq!(attempt.number, 2);
        assert_eq!(
            (attempt.identity, attempt.started_at, attempt.log),
            (None, None, None)
        );

        let [started, requeued] = first.clone();
        let process = after(&[started, requeued, ProcessChange::Ended(end)]);
        assert_eq!((process.pid, &process.identity), (None, &None));
        assert_eq!((process.started_at, &process.log), (None, &None));
        assert_eq!(
            (process.outcome, process.wall_us(at(40))),
            (Some(outcome), None)
        );
    }
}

#[test]
fn an_attempt_lost_before_its_start_was_known_has_nothing_of_the_one_before() {
    let requeued = ProcessChange::Requeued(Requeued {
        ended: ended(9, Outcome::Exited, Some(1)),
        retry_at: at(30),
        owner: None,
    });
    let first = [ProcessChange::Started(started(5)), requeued];
    let lost = ended(31, Outcome::Lost, None);
    assert_eq!(Attempt::of(&after(&first), &lost).identity, None);
    let [start, again] = first;
    let mut process = after(&[start, again]);
    ProcessChange::Ended(lost.clone()).apply(&mut process, at(32));
    assert_eq!((process.pid, process.log), (None, None));

    let process = after(&[
        ProcessChange::Started(started(5)),
        ProcessChange::Ended(lost),
    ]);
    assert_eq!(process.pid, Pid::new(42), "its own");
}

#[test]
fn a_detached_process_is_no_less_its_supervisors() {
    let process = after(&[ProcessChange::Started(started(5)), ProcessChange::Detached]);
    assert!(process.detached);
    assert_eq!(process.status, ProcessStatus::Running);
}

#[test]
fn the_history_keeps_who_an_attempt_was() {
    let process = after(&[ProcessChange::Started(started(5))]);
    let end = ended(9, Outcome::Signaled, Some(139));
    let attempt = Attempt::of(&process, &end);
    assert_eq!((attempt.number, attempt.started_at), (1, Some(at(5))));
    assert_eq!(
        (attempt.identity, attempt.log),
        (process.identity, process.log)
    );
    assert_eq!(attempt.ended, end);
}
