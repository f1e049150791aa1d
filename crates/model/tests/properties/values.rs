//! Limits, counts, times, ids and fixed words.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use hostledger_model::json::RecordType;
use hostledger_model::{
    BinaryStatus, Health, KillMode, Limit, Outcome, ProcessId, ProcessStatus, ProcessType,
    ResourceLimit, Timestamp, UnknownText, ancestors, parse_umask, timeout_seconds,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::arbitrary::{resource_limit, timestamp};

proptest! {
    #[test]
    fn a_cut_keeps_whole_characters_and_what_fits(text in any::<String>(), characters in 0..40_usize) {
        let limit = Limit::new("field", characters);
        let cut = limit.cut(text.clone());
        let length = text.chars().count();
        prop_assert_eq!(cut.chars().count(), length.min(characters));
        prop_assert!(text.starts_with(&cut));
        match limit.check(&text) {
            Ok(()) => prop_assert_eq!(cut, text),
            Err(error) => {
                prop_assert!(length > characters);
                prop_assert_eq!((error.length, error.limit), (length, characters));
            }
        }
    }

    #[test]
    fn health_is_a_percentage_that_grows_with_success(succeeded: u64, failed: u64) {
        let percentage = |num_uses_succeeded, num_uses_failed| {
            Health { num_uses_succeeded, num_uses_failed }.percentage()
        };
        let health = percentage(succeeded, failed);
        prop_assert!(health <= 100);
        let exact = 100.0 * succeeded as f64 / (succeeded as f64 + failed as f64).max(1.0);
        prop_assert!((f64::from(health) - exact).abs() <= 0.500_001, "{} of {}", health, exact);
        prop_assert!(percentage(succeeded.saturating_add(1), failed) >= health);
        prop_assert!(percentage(succeeded, failed.saturating_add(1)) <= health);
    }

    #[test]
    fn a_time_is_the_same_as_text_and_as_a_number(at in timestamp()) {
        let text = at.to_string();
        prop_assert_eq!((text.len(), text.ends_with('Z')), (27, true));
        prop_assert_eq!(text.parse::<Timestamp>().unwrap(), at);
        prop_assert_eq!(Timestamp::from_unix_micros(at.unix_micros()), Some(at));
        prop_assert_eq!(Timestamp::from(at.to_utc()), at);
    }

    #[test]
    fn the_order_of_texts_is_the_order_of_times(one in timestamp(), other in timestamp()) {
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
    }

    #[test]
    fn an_id_is_the_same_with_and_without_dashes(raw: u128) {
        let id = ProcessId::from(Uuid::from_u128(raw));
        prop_assert_eq!(id.to_string().parse::<ProcessId>().unwrap(), id);
        prop_assert_eq!(id.simple().parse::<ProcessId>().unwrap(), id);
        prop_assert_eq!(id.to_string().replace('-', ""), id.simple());
        prop_assert_eq!(id.simple().to_lowercase(), id.simple());
        let json = serde_json::to_string(&id).unwrap();
        prop_assert_eq!(serde_json::from_str::<ProcessId>(&json).unwrap(), id);
        prop_assert_eq!(json, format!("\"{id}\""));
    }

    #[test]
    fn seconds_cover_the_milliseconds(ms in 0..2_000_000_000_000_u64) {
        let seconds = u64::try_from(timeout_seconds(Some(ms))).unwrap();
        prop_assert!(seconds * 1000 >= ms && seconds * 1000 < ms + 1000);
    }

    #[test]
    fn a_resource_limit_is_the_same_as_text(limit in resource_limit()) {
        prop_assert_eq!(limit.check(), Ok(()));
        prop_assert_eq!(limit.to_string().parse(), Ok(limit));
    }

    #[test]
    fn no_text_of_the_command_line_is_too_much(text in any::<String>(), values in "[a-z]{0,6}=[0-9:a-z]{0,24}") {
        if let Ok(mask) = parse_umask(&text) {
            prop_assert!(mask <= 0o777);
        }
        for text in [text, values] {
            if let Ok(limit) = text.parse::<ResourceLimit>() {
                prop_assert_eq!(limit.check(), Ok(()));
            }
        }
    }

    #[test]
    fn a_line_of_ancestors_ends_whoever_is_whose_parent(links in proptest::collection::vec((0..8_u128, 0..8_u128), 0..12)) {
        let id = |number| ProcessId::from(Uuid::from_u128(number));
        let parents: HashMap<_, _> = links.into_iter().map(|(child, parent)| (id(child), id(parent))).collect();
        let parent_of = |of| Ok::<_, Infallible>(parents.get(&of).copied());
        let line = ancestors(id(0), parent_of).unwrap();
        prop_assert!(line.len() <= parents.len());
        let mut last = id(0);
        for ancestor in line {
            prop_assert_eq!(parents.get(&last), Some(&ancestor));
            last = ancestor;
        }
    }
}

/// Every value of a fixed set is told by its text, and no other text is one.
fn words<T>(all: &[T], texts: &[&str])
where
    T: Copy
        + Debug
        + Display
        + PartialEq
        + FromStr<Err = UnknownText>
        + Serialize
        + DeserializeOwned,
{
    let shown: Vec<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(shown, texts);
    for value in all {
        assert_eq!(value.to_string().parse::<T>().as_ref(), Ok(value));
        let json = serde_json::to_string(value).unwrap();
        assert_eq!(json, format!("\"{value}\""));
        assert_eq!(serde_json::from_str::<T>(&json).unwrap(), *value);
    }
    for other in ["", "QUEUED", " queued", "binary_", "?"] {
        let error = other.parse::<T>().unwrap_err();
        assert!(error.to_string().contains(&texts.join(", ")), "{error}");
    }
}

#[test]
fn fixed_words_are_what_databases_hold() {
    words(ProcessStatus::ALL, &["queued", "running", "exited"]);
    words(
        BinaryStatus::ALL,
        &["queued", "started", "installed", "failed"],
    );
    words(
        ProcessType::ALL,
        &[
            "supervisord",
            "orchestrator",
            "worker",
            "cli",
            "hook",
            "binary",
        ],
    );
    words(
        Outcome::ALL,
        &[
            "exited",
            "signaled",
            "timed_out",
            "killed",
            "cancelled",
            "spawn_failed",
            "lost",
        ],
    );
    words(KillMode::ALL, &["tree", "group", "process"]);
    words(
        RecordType::ALL,
        &[
            "Machine",
            "NetworkInterface",
            "Binary",
            "BinaryRequest",
            "Process",
        ],
    );
    assert_eq!(
        "succeeded".parse(),
        Ok(BinaryStatus::Installed),
        "as older rows have it"
    );
}
