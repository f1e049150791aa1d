//! Points in time as the records keep them: UTC, whole microseconds.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A point in time: UTC, cut to whole microseconds, in the years 1 to 9999.
///
/// Every engine stores microseconds, so a value that went through one compares equal to what
/// was put in. Shown and parsed as RFC 3339 with six digits and `Z`: with four digits for the
/// year the order of such texts is the order of time, and all that read them can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The time on the system clock.
    ///
    /// Only the outermost layers ask; everything below is handed its "now".
    #[must_use]
    pub fn now() -> Self {
        Self::from(Utc::now())
    }

    /// The first one there is.
    const MIN_MICROS: i64 = -62_135_596_800_000_000;
    /// The last one there is.
    const MAX_MICROS: i64 = 253_402_300_799_999_999;

    /// From microseconds since the Unix epoch; `None` outside the years 1 to 9999.
    #[must_use]
    pub fn from_unix_micros(micros: i64) -> Option<Self> {
        (Self::MIN_MICROS..=Self::MAX_MICROS)
            .contains(&micros)
            .then(|| DateTime::from_timestamp_micros(micros).map(Self))?
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub fn unix_micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The same point as a chrono value.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        self.0
    }

    /// This time moved by `delta`, stopping at the ends of what can be represented.
    #[must_use]
    pub fn saturating_add(self, delta: TimeDelta) -> Self {
        let end = if delta < TimeDelta::zero() {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        };
        Self::from(self.0.checked_add_signed(delta).unwrap_or(end))
    }

    /// How long after `earlier` this is; negative when it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> TimeDelta {
        self.0 - earlier.0
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Stops at the ends of what can be represented; a leap second is the second after it, as
    /// in every count of microseconds.
    fn from(at: DateTime<Utc>) -> Self {
        let micros = at
            .timestamp_micros()
            .clamp(Self::MIN_MICROS, Self::MAX_MICROS);
        Self(DateTime::from_timestamp_micros(micros).unwrap_or(at))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

/// A text that is not an RFC 3339 time.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text:?} is not a time such as 2026-01-31T12:00:00Z")]
pub struct InvalidTimestamp {
    text: String,
    #[source]
    source: chrono::ParseError,
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(text)
            .map(|at| Self::from(at.to_utc()))
            .map_err(|source| InvalidTimestamp {
                text: text.to_owned(),
                source,
            })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_cut_so_that_what_is_stored_compares_equal() {
        let at: Timestamp = "2026-02-03T04:05:06.123456789Z".parse().unwrap();
        assert_eq!(at.to_string(), "2026-02-03T04:05:06.123456Z");
        assert_eq!(at.to_string().parse::<Timestamp>().unwrap(), at);
    }

    #[test]
    fn another_zone_is_turned_into_utc() {
        let at: Timestamp = "2026-02-03T04:05:06+02:00".parse().unwrap();
        assert_eq!(at.to_string(), "2026-02-03T02:05:06.000000Z");
    }

    #[test]
    fn adding_too_much_stops_at_the_end_of_time() {
        let at = Timestamp::now();
        let (first, last) = (
            at.saturating_add(TimeDelta::MIN),
            at.saturating_add(TimeDelta::MAX),
        );
        assert_eq!(first.to_string(), "0001-01-01T00:00:00.000000Z");
        assert_eq!(last.to_string(), "9999-12-31T23:59:59.999999Z");
        for end in [first, last] {
            assert_eq!(end.to_string().parse::<Timestamp>().unwrap(), end);
            assert_eq!(Timestamp::from_unix_micros(end.unix_micros()), Some(end));
        }
        assert_eq!(Timestamp::from_unix_micros(last.unix_micros() + 1), None);
        assert_eq!(Timestamp::from_unix_micros(first.unix_micros() - 1), None);
    }

    #[test]
    fn a_leap_second_is_the_second_after_it() {
        let at: Timestamp = "2016-12-31T23:59:60.5Z".parse().unwrap();
        assert_eq!(at.to_string(), "2017-01-01T00:00:00.500000Z");
        assert_eq!(Timestamp::from_unix_micros(at.unix_micros()), Some(at));
    }

    #[test]
    fn what_is_no_time_is_named_in_the_error() {
        let error = "yesterday".parse::<Timestamp>().unwrap_err();
        assert!(error.to_string().contains("\"yesterday\""));
    }
}
