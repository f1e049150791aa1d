//! Lengths of time as people write them: `500ms`, `1.5s`, `2m`, `1h30m`.
//!
//! An own parser, as the usual crate reads `M` for months and `1 2s` for 12 seconds, keeps
//! nanoseconds that no record can hold, and panics at the end of its range.

use std::time::Duration;

/// The longest time that can be given: 100 years of 365 days.
///
/// Far beyond any use, and near enough that a time from now can still be written down.
pub const LONGEST_DURATION: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Units, longest first, in microseconds.
const UNITS: [(&str, u128); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// It is not numbers with units.
    #[error("{text:?} is not a length of time such as 500ms, 1.5s, 2m or 1h30m")]
    Syntax {
        /// The text.
        text: String,
    },
    /// A number stands alone.
    #[error("{text:?} does not say what it counts: add a unit, such as {text}s for seconds")]
    NoUnit {
        /// The text.
        text: String,
    },
    /// There is no such unit.
    #[error("{text:?} has an unknown unit {unit:?}: known are d, h, m, s, ms and us")]
    UnknownUnit {
        /// The text.
        text: String,
        /// The unit.
        unit: String,
    },
    /// Units are repeated or in the wrong order.
    #[error("{text:?} has its units out of order: write the longest first and each once")]
    Order {
        /// The text.
        text: String,
    },
    /// It has a part of a microsecond.
    #[error("{text:?} is finer than a microsecond, which is all that is kept")]
    TooFine {
        /// The text.
        text: String,
    },
    /// It is longer than [`LONGEST_DURATION`].
    #[error("{text:?} is longer than 36500d, the longest time that can be given")]
    TooLong {
        /// The text.
        text: String,
    },
}

/// Reads a length of time: numbers with units, the longest unit first, each at most once, any
/// number with decimals; `d`, `h`, `m`, `s`, `ms` and `us`.
///
/// Exact to the microsecond. `0` needs no unit.
///
/// # Errors
/// [`InvalidDuration`] says what is wrong, and names the text.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let owned = || text.to_owned();
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(InvalidDuration::Syntax { text: owned() });
    }
    let mut units = UNITS.iter();
    let mut micros = 0_u128;
    while !rest.is_empty() {
        let (number, tail) = split_at_first(rest, |c| !c.is_ascii_digit() && c != '.');
        let (unit, tail) = split_at_first(tail, |c| !c.is_ascii_alphabetic());
        rest = tail;
        if number.is_empty() || (unit.is_empty() && !tail.is_empty()) {
            return Err(InvalidDuration::Syntax { text: owned() });
        }
        if unit.is_empty() {
            return Err(InvalidDuration::NoUnit { text: owned() });
        }
        if !UNITS.iter().any(|(name, _)| *name == unit) {
            let (text, unit) = (owned(), unit.to_owned());
            return Err(InvalidDuration::UnknownUnit { text, unit });
        }
        let Some((_, size)) = units.by_ref().find(|(name, _)| *name == unit) else {
            return Err(InvalidDuration::Order { text: owned() });
        };
        micros += match scaled(number, *size) {
            Ok(micros) => micros,
            Err(NotExact::NoNumber) => return Err(InvalidDuration::Syntax { text: owned() }),
            Err(NotExact::TooFine) => return Err(InvalidDuration::TooFine { text: owned() }),
            Err(NotExact::TooLarge) => return Err(InvalidDuration::TooLong { text: owned() }),
        };
    }
    match u64::try_from(micros).map(Duration::from_micros) {
        Ok(duration) if duration <= LONGEST_DURATION => Ok(duration),
        _ => Err(InvalidDuration::TooLong { text: owned() }),
    }
}

/// A length of time in short, as [`parse_duration`] reads it: `1h30m`, `2m0.5s`, `1.5s`,
/// `500ms`.
///
/// Exact to the microsecond; what is finer is cut.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros == 0 {
        return "0s".to_owned();
    }
    if micros < 1_000 {
        return format!("{micros}us");
    }
    if micros < 1_000_000 {
        return decimal(micros, 1_000, "ms");
    }
    let mut text = String::new();
    let mut rest = micros;
    for (unit, size) in &UNITS[..3] {
        if rest >= *size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if rest > 0 {
        text.push_str(&decimal(rest, 1_000_000, "s"));
    }
    text
}

enum NotExact {
    NoNumber,
    TooFine,
    TooLarge,
}

/// A decimal number times a unit, when that is a whole number of microseconds.
fn scaled(number: &str, unit: u128) -> Result<u128, NotExact> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || decimals.is_empty() || decimals.contains('.') {
        return Err(NotExact::NoNumber);
    }
    let whole: u64 = whole.parse().map_err(|_| NotExact::TooLarge)?;
    let decimals = decimals.trim_end_matches('0');
    // Beyond 13 decimals no unit comes out whole; this bounds the product below.
    let power = u32::try_from(decimals.len())
        .ok()
        .filter(|digits| *digits <= 18)
        .ok_or(NotExact::TooFine)?;
    let part = decimals.bytes().fold(0, |part, digit| {
        part * 10 + u128::from(digit.saturating_sub(b'0'))
    });
    let scale = 10_u128.pow(power);
    if !(part * unit).is_multiple_of(scale) {
        return Err(NotExact::TooFine);
    }
    Ok(u128::from(whole) * unit + part * unit / scale)
}

/// `micros` counted in `unit` microseconds, with just the decimals it needs.
fn decimal(micros: u128, unit: u128, name: &str) -> String {
    let (whole, part) = (micros / unit, micros % unit);
    if part == 0 {
        return format!("{whole}{name}");
    }
    let digits = unit.ilog10() as usize;
    let decimals = format!("{part:0digits$}");
    format!("{whole}.{}{name}", decimals.trim_end_matches('0'))
}

fn split_at_first(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, micros) in [
            ("500ms", 500_000),
            ("1.5s", 1_500_000),
            ("2m", 120_000_000),
            ("1h30m", 5_400_000_000),
            ("1.5h", 5_400_000_000),
            ("1d2h3m4s5ms6us", 93_784_005_006),
            ("0.000001s", 1),
            ("1.000000000s", 1_000_000),
            ("0.1ms", 100),
            (" 0 ", 0),
            ("0s", 0),
            ("36500d", 3_153_600_000_000_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_micros(micros)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, says) in [
            ("", "such as 500ms"),
            ("s", "such as 500ms"),
            ("-1s", "such as 500ms"),
            ("1 s", "such as 500ms"),
            ("1h 30m", "such as 500ms"),
            (".5s", "such as 500ms"),
            ("1.s", "such as 500ms"),
            ("1.2.3s", "such as 500ms"),
            ("1e3s", "unknown unit \"e\""),
            ("1sec", "unknown unit \"sec\""),
            ("5M", "unknown unit \"M\""),
            ("1µs", "such as 500ms"),
            ("30", "such as 30s"),
            ("1m30", "add a unit"),
            ("30m1h", "longest first"),
            ("1s1s", "longest first"),
            ("0.0000001s", "finer"),
            ("0.0005ms5us", "finer"),
            ("1.5us", "finer"),
            ("36501d", "longer than"),
            ("36500d1us", "longer than"),
            ("99999999999999999999s", "longer than"),
            ("18446744073709551615d", "longer than"),
        ] {
            let error = parse_duration(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn is_shown_in_short() {
        for (micros, text) in [
            (0, "0s"),
            (250, "250us"),
            (1_500, "1.5ms"),
            (500_000, "500ms"),
            (1_500_000, "1.5s"),
            (1_000_001, "1.000001s"),
            (120_000_000, "2m"),
            (120_500_000, "2m0.5s"),
            (5_400_000_000, "1h30m"),
            (90_000_000_000, "1d1h"),
        ] {
            assert_eq!(format_duration(Duration::from_micros(micros)), text);
        }
    }
}
