//! From a request to a program: provider after provider.

use hostledger_lifecycle::binary::{Effect, Event};
use hostledger_model::{BinaryChange, BinaryStatus, ReasonKind};

use crate::bench::*;

/// A status without a handler would compile and swallow every event.
#[test]
fn every_status_that_is_not_final_answers_some_event() {
    for &status in BinaryStatus::ALL {
        let bench = Bench::new(status);
        let acts = every_event()
            .iter()
            .any(|event| bench.handle(event) != (status, vec![]));
        let is_final = matches!(status, BinaryStatus::Installed | BinaryStatus::Failed);
        assert_eq!(acts, !is_final, "{status}");
    }
}

#[test]
fn a_final_binary_ignores_everything() {
    for status in [BinaryStatus::Installed, BinaryStatus::Failed] {
        let bench = Bench::new(status);
        for event in every_event() {
            assert_eq!(bench.handle(&event), (status, vec![]), "{event:?}");
        }
    }
}

#[test]
fn what_makes_no_sense_while_queued_changes_nothing() {
    let bench = Bench::new(BinaryStatus::Queued);
    for event in every_event() {
        if matches!(event, Event::Tick | Event::Refused(_)) {
            continue;
        }
        assert_eq!(
            bench.handle(&event),
            (BinaryStatus::Queued, vec![]),
            "{event:?}"
        );
    }
}

#[test]
fn without_a_name_it_is_due_again_later() {
    for name in ["", " \n"] {
        let mut bench = Bench::new(BinaryStatus::Queued);
        bench.binary.name = name.to_owned();
        let later = Effect::Save(BinaryChange::Deferred {
            retry_at: bench.after(300),
        });
        assert_eq!(
            bench.handle(&Event::Tick),
            (BinaryStatus::Queued, vec![later])
        );
    }
}

#[test]
fn a_due_binary_has_its_first_provider_run_under_a_lease() {
    let bench = Bench::new(BinaryStatus::Queued);
    let expected = (BinaryStatus::Started, bench.run(&[]));
    assert_eq!(bench.handle(&Event::Tick), expected);
}

#[test]
fn what_was_taken_over_from_a_dead_driver_begins_anew() {
    let mut bench = Bench::new(BinaryStatus::Started);
    bench.binary.reasons = vec![skipped("env")];
    let expected = (BinaryStatus::Started, bench.run(&[]));
    assert_eq!(bench.handle(&Event::Tick), expected);
}

#[test]
fn the_next_provider_is_run_when_one_gives_up() {
    let mut bench = Bench::new(BinaryStatus::Queued);
    bench.feed(&Event::Tick);
    let first = [skipped("env")];
    let effects = bench.feed(&Event::Unsuccessful(first[0].clone()));
    assert_eq!(effects, bench.run(&first));
    let both = [skipped("env"), failed("pip")];
    let effects = bench.feed(&Event::Unsuccessful(both[1].clone()));
    assert_eq!(effects, bench.run(&both));
}

#[test]
fn a_provider_of_which_nothing_can_be_learnt_has_failed() {
    let mut bench = Bench::new(BinaryStatus::Started);
    bench.binary.reasons = vec![skipped("env")];
    let effects = bench.feed(&Event::Lost);
    let lost = bench.binary.reasons[1].clone();
    assert_eq!(
        (lost.provider.as_str(), lost.outcome),
        ("pip", ReasonKind::Failed)
    );
    assert_eq!(effects, bench.run(&[skipped("env"), lost]));
}

#[test]
fn a_program_that_was_found_is_linked_and_only_then_installed() {
    let mut bench = Bench::new(BinaryStatus::Started);
    bench.binary.reasons = vec![skipped("env")];
    let effects = bench.feed(&Event::Succeeded(file()));
    assert_eq!(effects, [Effect::Link(file())]);
    assert_eq!(bench.binary.status, BinaryStatus::Started);

    let effects = bench.feed(&Event::Linked(file()));
    let expected = [
        Effect::Save(BinaryChange::Installed(file())),
        Effect::CountUse { succeeded: true },
    ];
    assert_eq!(effects, expected);
    let binary = &bench.binary;
    assert!(binary.is_valid() && binary.retry_at.is_none() && binary.owner.is_none());
    assert_eq!(binary.binprovider, "pip");
    assert_eq!(
        binary.reasons,
        [skipped("env")],
        "why not by the first is kept"
    );
}
