//! Taking on what is due: by whom, in which order, for how long; and hearing of it.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hostledger_model::{
    Lease, MachineId, OwnerId, Process, ProcessChange, ProcessId, ProcessStatus,
};
use hostledger_store::{Change, Claim, Claims, QueueWatch, Store};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Harness;
use super::world::{at, change, ended, insert, machine, new_process, row, started, write};

const LEASE: Lease = Lease {
    slack: TimeDelta::seconds(30),
    without_timeout: TimeDelta::hours(24),
};

/// Much longer than hearing of anything takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn claim(store: &dyn Store, machine: MachineId, owner: OwnerId, now: i64, limit: u32) -> Claims {
    let now = at(now);
    let asked = Claim {
        machine,
        owner,
        now,
        limit,
        lease: LEASE,
    };
    store.claim(asked).wait().unwrap()
}

fn ids(claims: &Claims) -> Vec<ProcessId> {
    claims.claimed.iter().map(|it| it.process.id).collect()
}

fn queued(store: &dyn Store, machine: MachineId, made: i64, due: i64) -> Process {
    let mut process = new_process(machine, made);
    process.retry_at = Some(at(due));
    insert(store, &process);
    process
}

pub(crate) fn take_what_is_due_in_its_order<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let [here, there] = ["here", "there"].map(|guid| machine(store, guid).id);
    let later = queued(store, here, 0, 61).id;
    let third = queued(store, here, 1, 60).id;
    let first = queued(store, here, 9, 10).id;
    let second = queued(store, here, 0, 60).id;
    queued(store, there, 0, 0);
    let mut others = [
        new_process(here, 0),
        new_process(here, 0),
        new_process(here, 0),
    ];
    others[0].status = ProcessStatus::Running;
    others[1].status = ProcessStatus::Exited;
    others[2].retry_at = None;
    others.iter().for_each(|it| insert(store, it));

    let owner = OwnerId::generate();
    let claims = claim(store, here, owner, 60, 32);
    assert_eq!(ids(&claims), [first, second, third]);
    assert!(claims.corrupt.is_empty());
    assert_eq!(claims.next_due, Some(at(61)));
    let due: Vec<_> = claims.claimed.iter().map(|it| it.due_at).collect();
    assert_eq!(due, [10, 60, 60].map(at));
    for it in &claims.claimed {
        assert_eq!(it.process, row(store, it.process.id));
        assert_eq!(
            (it.process.owner, it.process.modified_at),
            (Some(owner), at(60))
        );
    }
    let again = claim(store, here, owner, 60, 32);
    assert_eq!((ids(&again), again.next_due), (Vec::new(), Some(at(61))));
    assert_eq!(ids(&claim(store, here, owner, 61, 32)), [later]);
    assert_eq!(claim(store, here, owner, 61, 32).next_due, None);
}

pub(crate) fn tell_of_one_s_own_whose_lease_is_over<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    for number in 0..3 {
        queued(store, machine, number, 60);
    }
    let owner = OwnerId::generate();
    assert_eq!(claim(store, machine, owner, 60, 32).next_due, None);
    // A day later, as the clock has it: one is taken on anew, and two are due.
    let day = 24 * 60 * 60;
    let claims = claim(store, machine, owner, 60 + day, 1);
    assert_eq!(claims.claimed.len(), 1);
    assert_eq!(claims.next_due, Some(at(60 + day)));
    assert_eq!(claim(store, machine, owner, 60 + day, 32).claimed.len(), 2);
}

pub(crate) fn of_the_same_moment_go_by_their_making_then_their_id<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let mut expected: Vec<_> = (0..40)
        .map(|number| queued(store, machine, -(number % 4), 5))
        .collect();
    expected.sort_by_key(|it| (it.created_at, it.id.simple()));
    let mut claimed = Vec::new();
    loop {
        let claims = claim(store, machine, OwnerId::generate(), 5, 7);
        if claims.claimed.is_empty() {
            break;
        }
        assert!(claims.claimed.len() <= 7);
        claimed.extend(ids(&claims));
    }
    let expected: Vec<_> = expected.iter().map(|it| it.id).collect();
    assert_eq!(claimed, expected);
}

pub(crate) fn last_for_a_lease_and_no_longer<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let with_timeout = |timeout_ms| {
        let mut process = new_process(machine, 0);
        process.timeout_ms = timeout_ms;
        insert(store, &process);
        process.id
    };
    let (short, unlimited) = (with_timeout(Some(1500)), with_timeout(None));
    let endless = with_timeout(Some(u64::MAX));
    let sleeper = OwnerId::generate();
    claim(store, machine, sleeper, 0, 32);
    let lease = |id| row(store, id).retry_at.unwrap();
    assert_eq!(
        lease(short),
        at(31).saturating_add(TimeDelta::milliseconds(500))
    );
    assert_eq!((lease(unlimited), lease(endless)), (at(86_400), at(86_400)));

    let heir = OwnerId::generate();
    assert_eq!(ids(&claim(store, machine, heir, 31, 32)), []);
    assert_eq!(
        claim(store, machine, heir, 31, 32).next_due,
        Some(lease(short)),
        "the end of another one's lease is when to look again"
    );
    assert_eq!(ids(&claim(store, machine, heir, 32, 32)), [short]);
    let start = ProcessChange::Started(started(7));
    let late = store.submit(at(32), vec![change(short, start, Some(sleeper))]);
    assert!(
        !late.wait().unwrap().is_applied(),
        "it is no longer the sleeper's"
    );
}

pub(crate) fn go_to_one_of_many_who_ask_at_once<H: Harness>() {
    const ROWS: usize = 200;
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let processes: Vec<_> = (0..200).map(|made| new_process(machine, made)).collect();
    let inserts = processes.iter().cloned();
    write(
        store,
        inserts
            .map(|it| Change::InsertProcess(Box::new(it)))
            .collect(),
    );
    let won = Mutex::new(HashSet::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = harness.another();
                let owner = OwnerId::generate();
                loop {
                    let claims = claim(&*store, machine, owner, 1000, 7);
                    let more = claims.next_due.is_some_and(|due| due <= at(1000));
                    for id in ids(&claims) {
                        assert!(won.lock().unwrap().insert(id), "{id} a second time");
                    }
                    if claims.claimed.is_empty() && !more {
                        break;
                    }
                }
            });
        }
    });
    assert_eq!(won.into_inner().unwrap().len(), ROWS);
}

pub(crate) fn what_is_given_back_stands_where_it_stood<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let processes: Vec<_> = (0..5)
        .map(|due| queued(store, machine, 9, due).id)
        .collect();
    let owner = OwnerId::generate();
    let claims = claim(store, machine, owner, 10, 4);
    let by_another = ProcessChange::Claimed {
        owner: OwnerId::generate(),
        lease_until: at(900_000),
    };
    let taken = store.submit(at(100_000), vec![change(processes[1], by_another, None)]);
    assert!(taken.wait().unwrap().is_applied());
    let tickets: Vec<_> = claims
        .claimed
        .iter()
        .map(|it| {
            let retry_at = it.due_at;
            let back = ProcessChange::Deferred { retry_at };
            store.submit(at(11), vec![change(it.process.id, back, Some(owner))])
        })
        .collect();
    let applied = tickets
        .into_iter()
        .map(|it| it.wait().unwrap().is_applied());
    assert_eq!(applied.collect::<Vec<_>>(), [true, false, true, true]);
    let next = claim(store, machine, OwnerId::generate(), 10, 32);
    assert_eq!(ids(&next), [0, 2, 3, 4].map(|it| processes[it]));
}

pub(crate) fn are_found_by_their_owner_until_they_have_ended<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let [here, there] = ["here", "there"].map(|guid| machine(store, guid).id);
    for made in 0..6 {
        queued(store, here, made, 0);
    }
    queued(store, there, 0, 0);
    let [a, b] = [(); 2].map(|()| OwnerId::generate());
    let claims = ids(&claim(store, here, a, 0, 3));
    claim(store, here, b, 0, 1);
    claim(store, there, a, 0, 1);
    let start = ProcessChange::Started(started(7));
    write(store, vec![change(claims[1], start.clone(), Some(a))]);
    write(store, vec![change(claims[2], start, Some(a))]);
    let end = ProcessChange::Ended(ended(0));
    write(store, vec![change(claims[2], end, Some(a))]);

    let owned = |owner| {
        let rows = store.owned(here, owner).unwrap().complete().unwrap();
        rows.iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(owned(a), claims[..2]);
    assert_eq!(owned(b).len(), 1);
    assert_eq!(owned(OwnerId::generate()), []);
    let owners: HashSet<_> = store.owners(here).unwrap().into_iter().collect();
    assert_eq!(owners, HashSet::from([a, b]));
    assert_eq!(store.owners(there).unwrap(), [a]);
    assert_eq!(store.owners(MachineId::generate()).unwrap(), []);
}

/// Waits until the watch tells of something.
fn hears(watch: &mut dyn QueueWatch) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !watch.take() {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).unwrap();
        let mut fds = [PollFd::from_borrowed_fd(watch.readiness(), PollFlags::IN)];
        if poll(&mut fds, Some(&timeout)).unwrap() == 0 {
            return false;
        }
    }
    true
}

pub(crate) fn what_becomes_due_is_heard_of_whoever_writes_it<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let another = harness.another();
    let mut watch = store.watch().unwrap();
    let mut anothers = another.watch().unwrap();
    // What was written before may be told of once.
    for (writer, due) in [(store, 1), (&*another, 2), (store, 3)] {
        let process = queued(writer, machine, 0, due);
        for (watch, by) in [(&mut watch, store), (&mut anothers, &*another)] {
            assert!(hears(&mut **watch), "of {due}");
            // It may tell too early of what others have written, but not never.
            let deadline = Instant::now() + PATIENCE;
            while row_of(by, process.id).is_none() {
                assert!(Instant::now() < deadline && hears(&mut **watch));
            }
        }
    }
    let owner = OwnerId::generate();
    let claims = claim(store, machine, owner, 10, 1);
    let back = ProcessChange::Deferred { retry_at: at(1) };
    write(
        &*another,
        vec![change(claims.claimed[0].process.id, back, Some(owner))],
    );
    assert!(hears(&mut *watch), "of what is given back");
}

fn row_of(store: &dyn Store, id: ProcessId) -> Option<Process> {
    store.process(id).unwrap()
}

pub(crate) fn a_watch_outlives_its_store_in_silence<H: Harness>() {
    let harness = H::fresh();
    let mut watch = harness.store().watch().unwrap();
    let harness = harness.reopen();
    watch.take();
    machine(harness.store(), "guid");
    watch.take();
}
