//! Lengths of time as people write them.

use std::time::Duration;

use hostledger_model::{LONGEST_DURATION, format_duration, parse_duration};
use proptest::collection::vec;
use proptest::prelude::*;

fn duration() -> impl Strategy<Value = Duration> {
    let longest = u64::try_from(LONGEST_DURATION.as_micros()).unwrap();
    prop_oneof![
        0..=longest,
        0..10_000_000_u64,
        (0..=longest / 1_000_000).prop_map(|seconds| seconds * 1_000_000),
        (0..=longest / 60_000_000).prop_map(|minutes| minutes * 60_000_000),
    ]
    .prop_map(Duration::from_micros)
}

fn within_bounds_or_named(text: &str) -> Result<(), TestCaseError> {
    match parse_duration(text) {
        Ok(duration) => prop_assert!(duration <= LONGEST_DURATION),
        Err(error) => {
            let quoted = format!("{text:?}");
            prop_assert!(error.to_string().contains(&quoted));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_within_bounds_or_named(text in any::<String>()) {
        within_bounds_or_named(&text)?;
    }

    #[test]
    fn what_is_shown_reads_as_the_same(duration in duration()) {
        prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
    }

    #[test]
    fn a_number_of_seconds_with_decimals_is_exact(seconds in 0..1_000_000_u64, micros in 0..1_000_000_u32) {
        let text = format!("{seconds}.{micros:06}s");
        prop_assert_eq!(parse_duration(&text), Ok(Duration::new(seconds, micros * 1000)));
    }

    #[test]
    fn no_number_is_too_much(
        parts in vec(("[0-9]{0,25}(\\.[0-9]{0,25})?", "(d|h|m|s|ms|us|x|)"), 1..4),
    ) {
        let text: String = parts.into_iter().map(|(number, unit)| number + &unit).collect();
        within_bounds_or_named(&text)?;
    }

    #[test]
    fn a_format_of_any_duration_is_some_text(seconds: u64, nanos in 0..1_000_000_000_u32) {
        prop_assert!(!format_duration(Duration::new(seconds, nanos)).is_empty());
    }
}
