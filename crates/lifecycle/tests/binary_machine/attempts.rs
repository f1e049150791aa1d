//! Attempts that end without a program.

use hostledger_lifecycle::binary::{Effect, Event};
use hostledger_model::{BinaryChange, BinaryStatus, ProviderReason};

use crate::bench::*;

const COUNTED: Effect = Effect::CountUse { succeeded: false };

/// A binary whose last provider is at work.
fn at_the_last() -> Bench {
    let mut bench = Bench::new(BinaryStatus::Started);
    bench.binary.reasons = vec![skipped("env"), failed("pip")];
    bench
}

fn all() -> Vec<ProviderReason> {
    vec![skipped("env"), failed("pip"), failed("apt")]
}

fn requeued(bench: &Bench, reasons: Vec<ProviderReason>, seconds: i64) -> Effect {
    Effect::Save(BinaryChange::Requeued {
        reasons,
        retry_at: bench.after(seconds),
    })
}

#[test]
fn attempts_are_unlimited_and_their_distance_doubles() {
    let mut bench = at_the_last();
    for (attempt, seconds) in [
        (1, 300),
        (2, 600),
        (3, 1200),
        (4, 2400),
        (5, 3600),
        (6, 3600),
    ] {
        assert_eq!(bench.binary.attempt, attempt);
        let effects = bench.feed(&Event::Unsuccessful(failed("apt")));
        assert_eq!(effects, [requeued(&bench, all(), seconds), COUNTED]);
        assert_eq!(bench.binary.owner, None);
        assert_eq!(bench.binary.reasons, all());

        bench.feed(&Event::Tick);
        assert!(
            bench.binary.reasons.is_empty(),
            "an attempt has its own reasons"
        );
        bench.binary.reasons = vec![skipped("env"), failed("pip")];
    }
}

#[test]
fn the_last_of_a_number_of_attempts_is_final() {
    let mut bench = at_the_last();
    bench.binary.max_attempts = Some(2);
    let effects = bench.feed(&Event::Unsuccessful(failed("apt")));
    assert_eq!(effects, [requeued(&bench, all(), 300), COUNTED]);

    bench.feed(&Event::Tick);
    bench.binary.reasons = vec![skipped("env"), failed("pip")];
    let effects = bench.feed(&Event::Unsuccessful(failed("apt")));
    let failed = Effect::Save(BinaryChange::Failed { reasons: all() });
    assert_eq!(effects, [failed, COUNTED]);
    assert_eq!(bench.binary.retry_at, None);
}

#[test]
fn with_one_attempt_a_failure_is_final_at_once() {
    let mut bench = at_the_last();
    bench.binary.max_attempts = Some(1);
    bench.feed(&Event::Unsuccessful(failed("apt")));
    assert_eq!(bench.binary.status, BinaryStatus::Failed);
    assert_eq!(bench.binary.reasons, all());
}

#[test]
fn a_link_that_cannot_be_made_ends_the_attempt_whoever_is_left() {
    let mut bench = Bench::new(BinaryStatus::Started);
    let effects = bench.feed(&Event::LinkFailed(failed("env")));
    let expected = [requeued(&bench, vec![failed("env")], 300), COUNTED];
    assert_eq!(effects, expected);

    let mut strict = Bench::new(BinaryStatus::Started);
    strict.binary.max_attempts = Some(1);
    strict.feed(&Event::LinkFailed(failed("env")));
    assert_eq!(strict.binary.status, BinaryStatus::Failed);
}

#[test]
fn without_any_provider_an_attempt_fails_with_a_reason() {
    for status in [BinaryStatus::Queued, BinaryStatus::Started] {
        let mut bench = Bench::new(status);
        bench.providers.clear();
        let effects = bench.feed(&Event::Tick);
        assert_eq!(effects.len(), 2);
        assert_eq!(bench.binary.status, BinaryStatus::Queued);
        assert!(bench.binary.reasons[0].reason.contains("no provider"));

        bench.binary.max_attempts = Some(2);
        bench.feed(&Event::Tick);
        assert_eq!(bench.binary.status, BinaryStatus::Failed);
    }
}

#[test]
fn what_is_refused_is_never_tried_again() {
    for status in [BinaryStatus::Queued, BinaryStatus::Started] {
        let bench = Bench::new(status);
        let reasons = vec![failed("")];
        let expected = Effect::Save(BinaryChange::Failed { reasons });
        assert_eq!(
            bench.handle(&Event::Refused(failed(""))),
            (BinaryStatus::Failed, vec![expected])
        );
    }
}

#[test]
fn an_interrupted_attempt_is_due_at_once_and_not_counted() {
    let mut bench = Bench::new(BinaryStatus::Started);
    bench.binary.reasons = vec![skipped("env")];
    let effects = bench.feed(&Event::Interrupted);
    let retry_at = bench.now;
    assert_eq!(effects, [Effect::Save(BinaryChange::Deferred { retry_at })]);
    assert_eq!(bench.binary.attempt, 1);
    assert_eq!(bench.binary.owner, None);
}

#[test]
fn the_last_attempt_fails_when_it_is_interrupted() {
    let mut bench = Bench::new(BinaryStatus::Started);
    bench.binary.max_attempts = Some(1);
    bench.binary.reasons = vec![skipped("env")];
    let effects = bench.feed(&Event::Interrupted);
    assert_eq!(effects.len(), 1, "nothing is counted");
    assert_eq!(bench.binary.status, BinaryStatus::Failed);
    assert_eq!(bench.binary.reasons[1].provider, "pip");
}

#[test]
fn what_was_installed_stays_so_when_nothing_better_comes_of_the_last_attempt() {
    for (event, reasons, counted) in [
        (Event::Unsuccessful(failed("apt")), all(), true),
        (Event::LinkFailed(failed("apt")), all(), true),
        (Event::Refused(failed("")), vec![failed("")], false),
    ] {
        for (is_intact, abspath) in [(true, "/opt/tool"), (false, "/opt/tool"), (true, "")] {
            let mut bench = at_the_last();
            bench.binary.max_attempts = Some(1);
            bench.is_intact = is_intact;
            bench.binary.abspath = abspath.to_owned();
            bench.binary.version = "1.0".to_owned();
            bench.binary.sha256 = "5".repeat(64);
            bench.binary.binprovider = "env".to_owned();
            let before = bench.binary.clone();
            let effects = bench.feed(&event);
            let stays = is_intact && !abspath.is_empty();
            let expected = match stays {
                true => BinaryStatus::Installed,
                false => BinaryStatus::Failed,
            };
            assert_eq!(bench.binary.status, expected, "{event:?}");
            assert_eq!(bench.binary.reasons, reasons);
            assert_eq!(effects.contains(&COUNTED), counted);
            assert_eq!(
                (
                    &bench.binary.abspath,
                    &bench.binary.sha256,
                    &bench.binary.binprovider
                ),
                (&before.abspath, &before.sha256, &before.binprovider)
            );
            assert_eq!(bench.binary.retry_at, None);
            // With another attempt left it waits for that.
            let mut bench = at_the_last();
            bench.is_intact = is_intact;
            bench.binary.abspath = abspath.to_owned();
            if counted {
                bench.feed(&event);
                assert_eq!(bench.binary.status, BinaryStatus::Queued);
            }
        }
    }
}
