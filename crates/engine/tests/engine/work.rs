//! A queue is worked off: claims, orders, ends, and what is given back.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use chrono::TimeDelta;
use hostledger_engine::{AtEnd, Ended, WorkError};
use hostledger_model::{Outcome, ProcessId, Termination, Timestamp};

use crate::bench::{Answer, Bench, HandClock, LIMIT, end};
use crate::work_bench::{ELSEWHERE, REFUSED, claims, over, ring, wait_counts};

impl Bench {
    fn count(&self, what: &str) -> usize {
        let told = self.world.told();
        told.iter().filter(|one| *one == what).count()
    }

    fn end(&self, id: ProcessId) {
        end(&self.world, &self.ready, id, Termination::Exited(0));
    }
}

#[test]
fn a_claim_that_fails_is_made_again_after_a_pause_and_nothing_is_lost() {
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    let (desk, watch, _bell) = bench.work(2, |_| ());
    for pause in [100, 200, 400] {
        desk.fail();
        bench.come_round();
        clock.advance(Duration::from_millis(pause - 1));
        bench.come_round();
        assert!(!desk.is_claiming(), "before {pause} ms are over");
        clock.advance(Duration::from_millis(1));
        bench.come_round();
        assert!(desk.is_claiming());
    }
    desk.give([bench.claimed("quick"), bench.claimed("quick")]);
    wait_counts(&watch, |counts| counts.succeeded == 2);
}

#[test]
fn the_answer_of_a_claim_that_comes_after_the_end_was_asked_for_is_given_back() {
    let bench = Bench::new();
    let (desk, watch, _bell) = bench.work(2, |_| ());
    let (_, answer) = desk.claim();
    bench.engine.end_work(AtEnd::Leave);
    bench.come_round();
    assert!(
        watch.wait(Some(Duration::ZERO)).is_none(),
        "it is waited for"
    );
    answer(Ok(claims(
        [bench.claimed("slow"), bench.claimed("slow")],
        None,
    )));
    assert_eq!(over(&watch).given_back, 2);
    assert_eq!(bench.world.told(), ["saved deferred"; 2]);
}

#[test]
fn a_claim_that_fails_after_the_end_was_asked_for_ends_it() {
    let bench = Bench::new();
    let (desk, watch, _bell) = bench.work(2, |_| ());
    let claim = desk.claim();
    bench.engine.end_work(AtEnd::Leave);
    claim.1(Err(std::sync::Arc::new(std::io::Error::other("gone"))));
    assert_eq!(over(&watch).given_back, 0);
}

#[test]
fn what_cannot_be_ordered_is_written_down_with_the_reason_and_holds_nothing_up() {
    let bench = Bench::new();
    let (sender, ended) = sync_channel(100);
    let (desk, watch, _bell) = bench.work(1, |plan| plan.ended = Some(Ended::new(sender, true)));
    let refused = bench.claimed(REFUSED);
    let fine = bench.claimed("quick");
    desk.give([refused.clone(), fine.clone()]);
    let first = ended.recv_timeout(LIMIT.unwrap()).unwrap();
    assert_eq!((first.id, first.exit_code), (refused.id, Some(126)));
    assert_eq!(first.outcome, Some(Outcome::SpawnFailed));
    assert_eq!(first.stderr, "its secrets are gone");
    let second = ended.recv_timeout(LIMIT.unwrap()).unwrap();
    assert_eq!(second.id, fine.id);
    wait_counts(&watch, |counts| (counts.succeeded, counts.failed) == (1, 1));
    assert_eq!(*bench.world.spawned.lock().unwrap(), [fine.id]);
}

#[test]
fn what_cannot_be_given_back_does_not_keep_it_from_ending() {
    let bench = Bench::new();
    let (desk, watch, _bell) = bench.work(1, |_| ());
    bench.refuse("deferred", Answer::Error { times: 1 });
    let waiting = [(); 3].map(|()| bench.claimed("slow"));
    desk.give(waiting);
    wait_counts(&watch, |counts| counts.running == 1);
    bench.world.wait_told("saved started");
    bench.engine.end_work(AtEnd::Leave);
    let counts = over(&watch);
    assert_eq!((counts.given_back, counts.left), (1, 1));
    assert_eq!(bench.count("failed deferred"), 1);
}

#[test]
fn what_somebody_else_has_by_then_is_not_counted_as_given_back() {
    let bench = Bench::new();
    let (desk, watch, _bell) = bench.work(1, |_| ());
    bench.refuse("deferred", Answer::Refused);
    desk.give([bench.claimed("slow"), bench.claimed("slow")]);
    bench.world.wait_told("saved started");
    bench.engine.end_work(AtEnd::Leave);
    assert_eq!(over(&watch).given_back, 0);
}

#[test]
fn what_was_claimed_for_too_short_is_left_to_others_and_asked_for_again() {
    let bench = Bench::new();
    let (desk, watch, _bell) = bench.work(1, |_| ());
    let mut late = bench.claimed("slow");
    late.retry_at = Some(Timestamp::now().saturating_add(TimeDelta::milliseconds(-1)));
    let mut never = bench.claimed("slow");
    never.retry_at = None;
    desk.give([late, never]);
    // Nothing else was said to be due, and there is no news.
    desk.give([bench.claimed("quick")]);
    wait_counts(&watch, |counts| counts.succeeded == 1);
    assert_eq!(bench.count("spawned"), 1);
}

#[test]
fn what_has_a_slot_and_is_claimed_once_more_is_not_started_again() {
    let bench = Bench::new();
    let (desk, watch, bell) = bench.work(2, |_| ());
    let process = bench.claimed("slow");
    desk.give([process.clone()]);
    wait_counts(&watch, |counts| counts.running == 1);
    // As it happens when the clock is set forward between its claim and its start.
    ring(&desk, &bell);
    desk.give([process.clone(), bench.claimed("quick")]);
    wait_counts(&watch, |counts| counts.succeeded == 1);
    bench.end(process.id);
    wait_counts(&watch, |counts| counts.succeeded == 2);
    assert_eq!(bench.count("spawned"), 2);
}

#[test]
fn a_slot_is_free_when_its_program_has_ended_but_not_for_more_than_can_be_written() {
    const JOBS: usize = 2;
    const ARREARS: usize = 256;
    let bench = Bench::new();
    let (desk, watch, _bell) = bench.work(JOBS, |_| ());
    bench.world.hold_alone("ended");
    let these: Vec<_> = (0..JOBS + ARREARS + 42)
        .map(|_| bench.claimed("quick"))
        .collect();
    desk.give(these);
    let started = || bench.count("spawned");
    let deadline = std::time::Instant::now() + LIMIT.unwrap();
    while started() < JOBS + ARREARS {
        assert!(
            std::time::Instant::now() < deadline,
            "{} started",
            started()
        );
        bench.come_round();
    }
    for _ in 0..3 {
        bench.come_round();
    }
    assert_eq!(
        started(),
        JOBS + ARREARS,
        "no more before something is written"
    );
    assert_eq!(watch.counts().succeeded, 0);
    bench.world.answer_held();
    wait_counts(&watch, |counts| counts.succeeded >= (JOBS + ARREARS) as u64);
}

#[test]
fn once_asks_once_more_after_the_last_end_and_then_ends() {
    let bench = Bench::new();
    let (desk, watch, _bell) = bench.work(1, |plan| plan.once = true);
    desk.give([bench.claimed("quick")]);
    // What ran has queued another one.
    desk.give([bench.claimed("quick")]);
    desk.give([]);
    assert_eq!(over(&watch).succeeded, 2);
}

#[test]
fn news_that_comes_while_a_claim_is_under_way_is_not_missed() {
    let bench = Bench::new();
    let (desk, watch, bell) = bench.work(1, |_| ());
    let (_, answer) = desk.claim();
    ring(&desk, &bell);
    bench.come_round();
    answer(Ok(claims([], None)));
    desk.give([bench.claimed("quick")]);
    wait_counts(&watch, |counts| counts.succeeded == 1);
}

#[test]
fn a_full_worker_sleeps_while_something_else_falls_due() {
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    let (desk, watch, _bell) = bench.work(1, |_| ());
    let due = Timestamp::now().saturating_add(TimeDelta::seconds(2));
    let process = bench.claimed("slow");
    let id = process.id;
    desk.claim().1(Ok(claims([process], Some(due))));
    wait_counts(&watch, |counts| counts.running == 1);
    bench.world.wait_told("saved started");
    clock.advance(Duration::from_secs(3));
    bench.come_round();
    let rounds = || bench.world.rounds.load(std::sync::atomic::Ordering::SeqCst);
    let before = rounds();
    std::thread::sleep(Duration::from_millis(50));
    assert!(rounds() - before < 5, "it goes round and round");
    bench.end(id);
    desk.give([]);
    wait_counts(&watch, |counts| counts.succeeded == 1);
}

#[test]
fn a_second_plan_begins_when_the_first_is_over() {
    let bench = Bench::new();
    let (first, watch, _bell) = bench.work(1, |_| ());
    let (_, answer) = first.claim();
    bench.engine.end_work(AtEnd::Leave);
    let refused = bench.try_work(1, |_| ()).err();
    assert!(matches!(refused, Some(WorkError::UnderWay)));
    answer(Ok(claims([], None)));
    over(&watch);
    let (second, other, _other_bell) = bench.work(1, |_| ());
    second.give([bench.claimed("quick")]);
    wait_counts(&other, |counts| counts.succeeded == 1);
}

#[test]
fn what_another_worker_is_to_start_is_put_off_for_it_and_holds_nobody_up() {
    let bench = Bench::new();
    let (desk, watch, _bell) = bench.work(1, |plan| plan.once = true);
    desk.give([bench.claimed(ELSEWHERE), bench.claimed("quick")]);
    wait_counts(&watch, |counts| counts.succeeded == 1);
    desk.give([]);
    let counts = over(&watch);
    assert_eq!((counts.failed, counts.succeeded), (0, 1));
    assert_eq!(bench.count("saved deferred"), 1);
}
