//! A start and an end that are written together, with the use they count.

use hostledger_model::{Ended, Outcome, OwnerId, Process, ProcessChange, Started, StopRequest};
use hostledger_store::{Change, Commit, Store, Used};

use super::Harness;
use super::world::{at, change, ended, insert, machine, new_process, row, started, submit, write};

fn steps(knows_stop: bool, outcome: Outcome) -> [ProcessChange; 2] {
    let start = Started {
        knows_stop,
        ..started(7)
    };
    let end = Ended {
        outcome,
        ..ended(143)
    };
    [ProcessChange::Started(start), ProcessChange::Ended(end)]
}

/// Two queued processes that differ by their ids alone.
fn twins(store: &dyn Store, owner: OwnerId, stopped: bool) -> [Process; 2] {
    let machine = store.machine_by_guid("guid").unwrap();
    let machine = machine.unwrap_or_else(|| super::world::machine(store, "guid"));
    let mut first = new_process(machine.id, 0);
    first.owner = Some(owner);
    // An earlier attempt has left something behind.
    first.exit_code = Some(9);
    first.stderr = "earlier".to_owned();
    first.stop = stopped.then(|| StopRequest {
        at: at(5),
        by: "somebody".to_owned(),
        signal: 15,
    });
    let mut second = first.clone();
    second.id = new_process(machine.id, 0).id;
    insert(store, &first);
    insert(store, &second);
    [first, second]
}

pub(crate) fn a_start_and_an_end_together_are_what_they_are_one_by_one<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    let mut allowed = 0;
    for outcome in Outcome::ALL {
        for (stopped, knows_stop, by) in [
            (false, false, owner),
            (true, false, owner),
            (true, true, owner),
            (false, false, OwnerId::generate()),
        ] {
            let [together, apart] = twins(store, owner, stopped);
            let of = |id| {
                let steps = steps(knows_stop, *outcome);
                steps.map(|step| change(id, step, Some(by)))
            };
            let whole = submit(store, of(together.id).into()).unwrap().is_applied();
            let [start, end] = of(apart.id);
            let one_by_one = submit(store, vec![start]).unwrap().is_applied()
                && submit(store, vec![end]).unwrap().is_applied();
            assert_eq!(whole, one_by_one, "{outcome:?} {stopped} {knows_stop}");
            let now = row(store, together.id);
            if whole {
                allowed += 1;
                let expected = row(store, apart.id);
                let id = together.id;
                assert_eq!(now, Process { id, ..expected });
            } else {
                assert_eq!(now, together, "nothing of it is written");
            }
        }
    }
    assert!(allowed >= 8, "{allowed}");
}

pub(crate) fn uses_are_counted_with_what_is_written_and_not_with_what_is_refused<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let owner = OwnerId::generate();
    let machine = machine(store, "guid");
    let of = Used::Machine(machine.id);
    let count = |succeeded| Change::CountUse { of, succeeded };
    let tickets: Vec<_> = (0..20)
        .map(|number| {
            let mut process = new_process(machine.id, 0);
            process.owner = Some(owner);
            insert(store, &process);
            // Every fourth one is somebody else's.
            let by = if number % 4 == 0 {
                OwnerId::generate()
            } else {
                owner
            };
            let steps = steps(false, Outcome::Exited);
            let steps = steps.map(|step| change(process.id, step, Some(by)));
            let changes = steps
                .into_iter()
                .chain([count(number % 2 == 0), count(false)]);
            store.submit_patiently(at(1000), changes.collect())
        })
        .collect();
    let written = tickets.into_iter().map(|ticket| ticket.wait().unwrap());
    let refused = written.filter(|commit| matches!(commit, Commit::Refused { change: 0 }));
    assert_eq!(refused.count(), 5);
    let health = |store: &dyn Store| store.machine(machine.id).unwrap().unwrap().health;
    let counted = health(store);
    assert_eq!(
        (counted.num_uses_succeeded, counted.num_uses_failed),
        (5, 10 + 15)
    );
    write(store, vec![count(true)]);
    assert_eq!(health(store).num_uses_succeeded, 6);
}
