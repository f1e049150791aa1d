//! Programs of a queue that are handed over ahead of their turn, and what comes back of them.

use std::time::Duration;

use chrono::TimeDelta;
use hostledger_engine::AtEnd;
use hostledger_engine::port::Clock as _;
use hostledger_model::{Process, ProcessChange, ProcessId, StopRequest, Termination, Timestamp};

use crate::bench::{Bench, HandClock, end, raise};
use crate::spawner_bench::SHORT;
use crate::work_bench::{claims, over, ring, wait_counts};

const LONGEST_WAIT: Duration = Duration::from_millis(100);
const START_WITHIN: Duration = Duration::from_secs(5);

impl Bench {
    /// Has somebody see to turns, with so many places.
    fn keep(&self, room: usize) {
        self.world.turns.lock().unwrap().room = Some(room);
    }

    fn slow(&self, count: usize) -> Vec<Process> {
        (0..count).map(|_| self.claimed("slow")).collect()
    }

    fn spawned(&self) -> Vec<ProcessId> {
        self.world.spawned.lock().unwrap().clone()
    }

    fn waiting(&self) -> usize {
        self.world.turns.lock().unwrap().waiting.len()
    }

    /// Has all be done that follows: a start is told in the round after it.
    fn settle(&self) {
        for _ in 0..2 {
            self.come_round();
        }
    }

    fn finish(&self, id: ProcessId) {
        end(&self.world, &self.ready, id, Termination::Exited(0));
        self.settle();
    }

    /// When that is due which is given back, of all that is held.
    fn put_off(&self) -> Vec<Timestamp> {
        let held = self.world.held.lock().unwrap();
        let changes = held.iter().flatten().map(|(change, _)| change);
        let due = changes.filter_map(|change| match change {
            ProcessChange::Deferred { retry_at } => Some(*retry_at),
            _ => None,
        });
        due.collect()
    }
}

fn ids(processes: &[Process]) -> Vec<ProcessId> {
    processes.iter().map(|process| process.id).collect()
}

#[test]
fn what_is_handed_over_follows_by_itself_and_no_more_run_than_may() {
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    bench.keep(32);
    let (desk, watch, _bell) = bench.work(2, |_| ());
    let slow = bench.slow(5);
    let ids = ids(&slow);
    desk.give(slow);
    bench.settle();
    for ended in 0..5 {
        let begun = (ended + 2).min(5);
        assert_eq!(bench.spawned(), ids[..begun]);
        assert_eq!(bench.waiting(), 5 - begun);
        bench.finish(ids[ended]);
    }
    wait_counts(&watch, |counts| counts.succeeded == 5);
}

#[test]
fn what_has_no_turn_for_too_long_is_recalled_and_given_back() {
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    bench.keep(32);
    let (desk, watch, _bell) = bench.work(1, |_| ());
    let slow = bench.slow(3);
    let first = slow[0].id;
    desk.give(slow);
    bench.settle();
    clock.advance(LONGEST_WAIT - Duration::from_millis(1));
    bench.settle();
    assert_eq!(bench.waiting(), 2);
    clock.advance(Duration::from_millis(1));
    bench.settle();
    assert_eq!(bench.waiting(), 0);
    let told = bench.world.told();
    let given_back = told.iter().filter(|one| *one == "saved deferred");
    assert_eq!(given_back.count(), 2, "{told:?}");
    bench.finish(first);
    wait_counts(&watch, |counts| counts.succeeded == 1);
}

#[test]
fn a_free_slot_of_ours_is_told_to_whoever_sees_to_turns() {
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    let (desk, _watch, _bell) = bench.work(2, |_| ());
    let ours = bench.claimed("slow");
    let id = ours.id;
    let (_, answer) = desk.claim();
    answer(Ok(claims([ours], Some(clock.now()))));
    bench.settle();
    bench.keep(32);
    let slow = bench.slow(2);
    let [first, second] = ids(&slow)[..] else {
        panic!()
    };
    desk.give(slow);
    bench.settle();
    assert_eq!(bench.spawned(), [id, first], "one slot is ours");
    bench.finish(id);
    assert!(bench.world.told().contains(&"limit 2".to_owned()));
    assert_eq!(bench.spawned(), [id, first, second]);
}

#[test]
fn when_whoever_sees_to_turns_goes_no_more_run_than_may() {
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    bench.keep(32);
    let (desk, _watch, _bell) = bench.work(2, |_| ());
    let slow = bench.slow(6);
    let ids = ids(&slow);
    desk.give(slow);
    bench.settle();
    {
        let mut turns = bench.world.turns.lock().unwrap();
        turns.room = None;
        turns.give_back();
    }
    raise(&bench.ready);
    bench.settle();
    assert_eq!(bench.spawned(), ids[..2]);
    bench.finish(ids[1]);
    assert_eq!(bench.spawned(), ids[..3], "by hand, in the same order");
}

#[test]
fn what_runs_short_is_put_off_behind_others_with_and_without_turns() {
    for room in [Some(32), None] {
        let clock = HandClock::default();
        let bench = Bench::with_clock(&clock);
        bench.world.turns.lock().unwrap().room = room;
        bench.world.hold_alone("deferred");
        let (desk, watch, bell) = bench.work(1, |plan| plan.once = true);
        let began = clock.now();
        desk.give([bench.claimed(SHORT), bench.claimed("quick")]);
        bench.settle();
        let put_off = bench.put_off();
        assert_eq!(put_off.len(), 1);
        let by = put_off[0].since(began);
        assert!(by >= TimeDelta::seconds(1), "{by}");
        assert!(by <= TimeDelta::seconds(5), "{by}");
        // Then the next is tried.
        clock.advance(Duration::from_millis(100));
        bench.settle();
        wait_counts(&watch, |counts| counts.succeeded == 1);
        bench.world.answer_held();
        ring(&desk, &bell);
        // What is put off is waited for.
        desk.claim().1(Ok(claims([], Some(put_off[0]))));
        bench.settle();
        assert!(watch.wait(Some(Duration::ZERO)).is_none());
        clock.advance(Duration::from_secs(5));
        bench.settle();
        desk.give([bench.claimed("quick")]);
        wait_counts(&watch, |counts| counts.succeeded == 2);
        desk.give([]);
        assert_eq!(over(&watch).failed, 0);
    }
}

#[test]
fn what_is_to_be_stopped_while_it_waits_is_cancelled_and_never_started() {
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    bench.keep(32);
    let (desk, watch, _bell) = bench.work(1, |_| ());
    let slow = bench.slow(2);
    let [first, second] = ids(&slow)[..] else {
        panic!()
    };
    desk.give(slow);
    bench.settle();
    let request = StopRequest {
        at: Timestamp::now(),
        by: "test".to_owned(),
        signal: 15,
    };
    bench.engine.stop(second, request, None);
    bench.settle();
    clock.advance(LONGEST_WAIT);
    bench.settle();
    wait_counts(&watch, |counts| counts.failed == 1);
    bench.finish(first);
    assert_eq!(bench.spawned(), [first]);
}

#[test]
fn work_ends_though_whoever_sees_to_turns_does_not_answer() {
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    bench.keep(32);
    bench.world.turns.lock().unwrap().is_deaf = true;
    let (desk, watch, _bell) = bench.work(1, |_| ());
    let slow = bench.slow(3);
    desk.give(slow);
    bench.settle();
    bench.engine.end_work(AtEnd::Leave);
    bench.settle();
    // Until then it may still be started.
    clock.advance(START_WITHIN);
    bench.settle();
    assert!(watch.wait(Some(Duration::ZERO)).is_none());
    clock.advance(LONGEST_WAIT);
    bench.settle();
    let counts = over(&watch);
    assert_eq!((counts.left, counts.given_back), (1, 0));
}
