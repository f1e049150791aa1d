//! Starts of a queue that cannot be written down.

use std::time::Duration;

use hostledger_model::Termination;

use crate::bench::{Answer, Bench, HandClock, end};
use crate::work_bench::wait_counts;

const SIGKILL: &str = "signal 9";

impl Bench {
    /// Lets seconds pass until this was told.
    fn pass_until(&self, clock: &HandClock, what: &str, seconds: u64) {
        for _ in 0..seconds {
            if self.world.told().iter().any(|told| told == what) {
                return;
            }
            clock.advance(Duration::from_secs(1));
            self.come_round();
        }
        panic!("{what} was not told: {:?}", self.world.told());
    }
}

#[test]
fn a_program_of_a_queue_whose_start_cannot_be_written_runs_on_under_its_lease() {
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    let (desk, watch, _bell) = bench.work(1, |_| ());
    bench.refuse("started", Answer::Error { times: 9 });
    let process = bench.claimed("slow");
    let id = process.id;
    desk.give([process]);
    bench.pass_until(&clock, "saved started", 55);
    assert!(!bench.world.told().contains(&SIGKILL.to_owned()));
    end(&bench.world, &bench.ready, id, Termination::Exited(0));
    wait_counts(&watch, |counts| counts.succeeded == 1);
}

#[test]
fn it_is_ended_when_its_lease_is_over_as_it_would_run_again() {
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    let (desk, _watch, _bell) = bench.work(1, |_| ());
    bench.refuse("started", Answer::Error { times: 99 });
    desk.give([bench.claimed("slow")]);
    // It was claimed for a minute.
    bench.pass_until(&clock, SIGKILL, 70);
    assert!(clock_passed(&clock) >= Duration::from_secs(59));
}

fn clock_passed(clock: &HandClock) -> Duration {
    hostledger_engine::port::Clock::elapsed(clock)
}
