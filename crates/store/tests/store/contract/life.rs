//! Steps in the life of a process, and who may make them.

use std::sync::atomic::{AtomicUsize, Ordering};

use hostledger_model::{
    Attempt, Ended, Outcome, OwnerId, Process, ProcessChange, ProcessId, ProcessStatus, Requeued,
    Started, StopRequest,
};
use hostledger_store::{Change, Store};

use super::Harness;
use super::world::{
    at, change, ended, identity, insert, machine, new_process, refused, row, started, submit, write,
};

fn claim(owner: OwnerId) -> ProcessChange {
    ProcessChange::Claimed {
        owner,
        lease_until: at(300),
    }
}

fn stop() -> ProcessChange {
    ProcessChange::StopRequested(StopRequest {
        at: at(25),
        by: "pid 4711 (hostledger kill)".to_owned(),
        signal: 15,
    })
}

fn requeue() -> ProcessChange {
    ProcessChange::Requeued(Requeued {
        ended: ended(3),
        retry_at: at(60),
        owner: None,
    })
}

fn defer() -> ProcessChange {
    ProcessChange::Deferred { retry_at: at(90) }
}

/// A process in the ledger, as `change` makes a queued one that is due.
fn process(store: &dyn Store, change: impl Fn(&mut Process)) -> Process {
    let machine = match store.machine_by_guid("guid").unwrap() {
        Some(machine) => machine,
        None => machine(store, "guid"),
    };
    let mut process = new_process(machine.id, 0);
    change(&mut process);
    insert(store, &process);
    process
}

fn running(owner: OwnerId) -> impl Fn(&mut Process) {
    move |process| {
        process.status = ProcessStatus::Running;
        process.owner = Some(owner);
        process.pid = Some(identity(77).pid);
        process.identity = Some(identity(77));
        process.started_at = Some(at(2));
        process.retry_at = Some(at(300));
    }
}

pub(crate) fn every_change_does_to_the_row_what_it_does_in_memory<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    let mut process = process(store, |it| it.max_attempts = 2);
    let stopped = |outcome| Ended {
        outcome,
        ..ended(143)
    };
    let again = |ended| {
        ProcessChange::Requeued(Requeued {
            ended,
            retry_at: at(60),
            owner: None,
        })
    };
    let life = [
        claim(owner),
        defer(),
        claim(owner),
        ProcessChange::Started(started(4711)),
        stop(),
        again(stopped(Outcome::TimedOut)),
        claim(owner),
        ProcessChange::Started(started(4711)),
        // Who keeps it does not claim it.
        ProcessChange::Requeued(Requeued {
            ended: ended(7),
            retry_at: at(400),
            owner: Some(owner),
        }),
        ProcessChange::Started(started(4712)),
        again(ended(3)),
        claim(owner),
        again(stopped(Outcome::SpawnFailed)),
        claim(owner),
        again(stopped(Outcome::Lost)),
        claim(owner),
        ProcessChange::Started(started(4713)),
        ProcessChange::Detached,
        stop(),
        ProcessChange::Ended(stopped(Outcome::Killed)),
    ];
    for step in life {
        let changes = vec![change(process.id, step.clone(), Some(owner))];
        write(store, changes);
        step.apply(&mut process, at(1000));
        assert_eq!(row(store, process.id), process, "{step:?}");
    }
    assert_eq!(
        (process.attempt, process.status),
        (6, ProcessStatus::Exited)
    );
}

pub(crate) fn a_claim_needs_a_row_that_is_queued_and_due<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    let no_claim = |process: Process| {
        refused(store, change(process.id, claim(owner), None));
        assert_eq!(row(store, process.id), process);
    };
    no_claim(process(store, running(OwnerId::generate())));
    no_claim(process(store, |it| it.status = ProcessStatus::Exited));
    no_claim(process(store, |it| it.retry_at = Some(at(1001))));
    no_claim(process(store, |it| it.retry_at = None));
    refused(store, change(ProcessId::generate(), claim(owner), None));

    // Due at this very moment, and an owner whose lease has passed does not count.
    let due = process(store, |it| {
        it.retry_at = Some(at(1000));
        it.owner = Some(OwnerId::generate());
    });
    write(store, vec![change(due.id, claim(owner), None)]);
    assert_eq!(row(store, due.id).owner, Some(owner));
}

pub(crate) fn of_many_claims_one_wins<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let process = process(store, |_| ());
    let wins = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // A lease that ends in the future of the commits.
                let claim = ProcessChange::Claimed {
                    owner: OwnerId::generate(),
                    lease_until: at(5000),
                };
                let commit = submit(store, vec![change(process.id, claim, None)]).unwrap();
                wins.fetch_add(usize::from(commit.is_applied()), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(wins.into_inner(), 1);
}

pub(crate) fn only_its_owner_starts_or_defers_it<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    for step in [ProcessChange::Started(started(4711)), defer()] {
        for owned_by in [None, Some(owner)] {
            let process = process(store, |it| it.owner = owned_by);
            let by = |owner| change(process.id, step.clone(), owner);
            refused(store, by(Some(OwnerId::generate())));
            assert_eq!(row(store, process.id), process);
            if owned_by.is_none() {
                refused(store, by(Some(owner)));
                write(store, vec![by(None)]);
            } else {
                write(store, vec![by(Some(owner))]);
            }
        }
    }
    let started_already = process(store, running(owner));
    for step in [ProcessChange::Started(started(4711)), defer()] {
        refused(store, change(started_already.id, step, Some(owner)));
    }
}

pub(crate) fn an_end_is_written_by_its_owner_by_anybody_if_it_has_none_or_by_settling<
    H: Harness,
>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    for step in [ProcessChange::Ended(ended(0)), requeue()] {
        let theirs = process(store, running(owner));
        let by = |process: &Process, owner| change(process.id, step.clone(), owner);
        refused(store, by(&theirs, Some(OwnerId::generate())));
        assert_eq!(row(store, theirs.id), theirs);
        assert_eq!(store.attempts(theirs.id).unwrap(), []);
        write(store, vec![by(&theirs, Some(owner))]);

        let settled = process(store, running(owner));
        write(store, vec![by(&settled, None)]);

        let unowned = process(store, |it| {
            running(owner)(it);
            it.owner = None;
        });
        write(store, vec![by(&unowned, Some(OwnerId::generate()))]);
    }
    let never_started = process(store, |it| it.owner = Some(owner));
    let spawn_failed = ProcessChange::Ended(Ended {
        outcome: Outcome::SpawnFailed,
        ..ended(127)
    });
    write(
        store,
        vec![change(never_started.id, spawn_failed, Some(owner))],
    );
}

pub(crate) fn what_has_ended_changes_no_more<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    let over = process(store, |it| {
        it.status = ProcessStatus::Exited;
        it.owner = Some(owner);
        // Others leave such a time in rows that are final.
        it.retry_at = Some(at(0));
    });
    let steps = [
        claim(owner),
        defer(),
        ProcessChange::Started(started(4711)),
        stop(),
        ProcessChange::Detached,
        ProcessChange::Ended(ended(0)),
        requeue(),
    ];
    for step in steps {
        refused(store, change(over.id, step, Some(owner)));
    }
    assert_eq!(row(store, over.id), over);
    assert_eq!(store.attempts(over.id).unwrap(), []);
}

pub(crate) fn only_the_first_stop_is_kept<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let process = process(store, running(OwnerId::generate()));
    // Whoever owns it: a request to stop asks for no owner.
    write(
        store,
        vec![change(process.id, stop(), Some(OwnerId::generate()))],
    );
    let second = StopRequest::timeout(at(26), 9);
    refused(
        store,
        change(process.id, ProcessChange::StopRequested(second), None),
    );
    let kept = row(store, process.id).stop.unwrap();
    assert_eq!((kept.at, kept.signal), (at(25), 15));
}

pub(crate) fn an_end_by_itself_is_refused_once_a_stop_was_asked_for<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    for outcome in Outcome::ALL {
        let process = process(store, running(owner));
        write(store, vec![change(process.id, stop(), None)]);
        let end = Ended {
            outcome: *outcome,
            ..ended(143)
        };
        let end = change(process.id, ProcessChange::Ended(end), Some(owner));
        if outcome.is_by_itself() || outcome.is_before_start() {
            refused(store, end);
        } else {
            write(store, vec![end]);
        }
    }
}

pub(crate) fn a_start_is_refused_to_those_who_do_not_know_that_a_stop_was_asked_for<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    let process = process(store, |it| it.owner = Some(owner));
    write(store, vec![change(process.id, stop(), None)]);
    let start = |knows_stop| {
        let start = Started {
            knows_stop,
            ..started(7)
        };
        change(process.id, ProcessChange::Started(start), Some(owner))
    };
    refused(store, start(false));
    assert_eq!(row(store, process.id).status, ProcessStatus::Queued);
    write(store, vec![start(true)]);
    let started = row(store, process.id);
    assert_eq!(started.status, ProcessStatus::Running);
    assert!(started.stop.is_some());
}

/// A stale end finds its row queued for the next attempt, perhaps with nobody to own it.
pub(crate) fn each_outcome_has_its_place_in_a_life<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    let queued = |owner| {
        process(store, |it| {
            running(OwnerId::generate())(it);
            it.status = ProcessStatus::Queued;
            it.owner = owner;
        })
    };
    for outcome in Outcome::ALL {
        let ended = Ended {
            outcome: *outcome,
            ..ended(143)
        };
        let again = ProcessChange::Requeued(Requeued {
            ended: ended.clone(),
            retry_at: at(60),
            owner: None,
        });
        let never_ran = outcome.is_before_start();
        let lost = *outcome == Outcome::Lost;
        for end in [ProcessChange::Ended(ended), again] {
            for (row, allowed) in [
                (process(store, running(owner)), !never_ran),
                (queued(Some(owner)), never_ran || lost),
                (queued(None), never_ran),
            ] {
                let step = vec![change(row.id, end.clone(), Some(owner))];
                let commit = submit(store, step).unwrap();
                assert_eq!(commit.is_applied(), allowed, "{} {end:?}", row.status);
                if !allowed {
                    assert_eq!(store.process(row.id).unwrap(), Some(row));
                }
            }
        }
    }
    // A row that nobody has was never started: not even settling can lose it.
    let lost = ProcessChange::Ended(Ended {
        outcome: Outcome::Lost,
        ..ended(0)
    });
    refused(store, change(queued(None).id, lost, None));
}

pub(crate) fn only_what_runs_can_be_detached<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    let detach = |process: &Process, owner| change(process.id, ProcessChange::Detached, owner);
    let queued = process(store, |it| it.owner = Some(owner));
    refused(store, detach(&queued, Some(owner)));
    let running = process(store, running(owner));
    refused(store, detach(&running, Some(OwnerId::generate())));
    assert!(!row(store, running.id).detached);
    write(store, vec![detach(&running, Some(owner))]);
    assert!(row(store, running.id).detached);
}

pub(crate) fn an_end_before_the_start_leaves_nothing_of_an_earlier_start<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    let mut process = process(store, |it| {
        running(owner)(it);
        it.status = ProcessStatus::Queued;
    });
    let end = ProcessChange::Ended(Ended {
        outcome: Outcome::Cancelled,
        exit_code: None,
        ..ended(0)
    });
    write(store, vec![change(process.id, end.clone(), Some(owner))]);
    end.apply(&mut process, at(1000));
    assert_eq!(row(store, process.id), process);
    assert_eq!((process.pid, process.started_at), (None, None));
}

pub(crate) fn a_requeued_attempt_goes_to_the_history<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    let process = process(store, |it| it.max_attempts = 3);
    let attempt = |pid, exit_code| -> Vec<Change> {
        let end = Requeued {
            ended: ended(exit_code),
            retry_at: at(60),
            owner: None,
        };
        let steps = [
            claim(owner),
            ProcessChange::Started(started(pid)),
            ProcessChange::Requeued(end),
        ];
        steps
            .into_iter()
            .map(|step| change(process.id, step, Some(owner)))
            .collect()
    };
    write(store, attempt(11, 1));
    write(store, attempt(12, 2));
    let expected: Vec<_> = [(1, 11, 1), (2, 12, 2)]
        .map(|(number, pid, exit_code)| Attempt {
            number,
            identity: Some(identity(pid)),
            started_at: Some(at(20)),
            log: Some(started(pid).log),
            ended: ended(exit_code),
        })
        .into();
    assert_eq!(store.attempts(process.id).unwrap(), expected);
    assert_eq!(row(store, process.id).attempt, 3);
    assert_eq!(store.attempts(ProcessId::generate()).unwrap(), []);
}
