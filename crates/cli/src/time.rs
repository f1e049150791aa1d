//! Times and lengths of time as people read and write them.

use std::time::Duration;

use chrono::{Local, TimeDelta};
use hostledger::model::{InvalidDuration, format_duration, parse_duration};
use hostledger::{Process, ProcessStatus, Timestamp};

/// To the second, in local time, for tables.
pub(crate) fn local(at: Timestamp) -> String {
    at.to_utc()
        .with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// As much of it as tells, in local time, for narrow terminals: the time of today, the day and
/// time of the last months, the date of what is long ago.
pub(crate) fn local_brief(at: Timestamp, now: Timestamp) -> String {
    let (local, today) = (
        at.to_utc().with_timezone(&Local),
        now.to_utc().with_timezone(&Local),
    );
    let format = if local.date_naive() == today.date_naive() {
        "%H:%M:%S"
    } else if now.since(at).abs() < LONG_AGO {
        "%m-%d %H:%M"
    } else {
        "%Y-%m-%d"
    };
    local.format(format).to_string()
}

const LONG_AGO: TimeDelta = TimeDelta::days(180);

/// Exact, in local time, with its distance from UTC.
pub(crate) fn local_exact(at: Timestamp) -> String {
    at.to_utc()
        .with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S%.6f %:z")
        .to_string()
}

/// How long a process ran or has been running, about; none when nobody wrote down its end.
pub(crate) fn wall(process: &Process, now: Timestamp) -> Option<String> {
    if process.status == ProcessStatus::Exited && process.ended_at.is_none() {
        return None;
    }
    process
        .wall_us(now)
        .map(|micros| brief(Duration::from_micros(micros)))
}

/// A length of time in three or four digits.
pub(crate) fn brief(duration: Duration) -> String {
    let micros = duration.as_micros();
    let unit = match micros {
        0..10_000 => 10,
        10_000..1_000_000 => 1_000,
        1_000_000..60_000_000 => 10_000,
        60_000_000..3_600_000_000 => 1_000_000,
        _ => 60_000_000,
    };
    let rounded = micros / unit * unit;
    format_duration(u64::try_from(rounded).map_or(Duration::MAX, Duration::from_micros))
}

/// Why a text says no point in time.
#[derive(Debug)]
pub(crate) struct InvalidSince {
    text: String,
}

impl std::fmt::Display for InvalidSince {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text } = self;
        write!(
            f,
            "{text:?} is neither a length of time such as 2h nor a time such as 2026-01-31T12:00:00Z"
        )
    }
}

impl std::error::Error for InvalidSince {}

/// Reads `2h` (that long ago) or a time of RFC 3339.
pub(crate) fn parse_since(text: &str) -> Result<Timestamp, InvalidSince> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let invalid = |_: InvalidDuration| InvalidSince {
        text: text.to_owned(),
    };
    let back = parse_duration(text).map_err(invalid)?;
    // No length of time that can be given is longer than what this holds.
    let back = TimeDelta::from_std(back).unwrap_or(TimeDelta::MAX);
    Ok(Timestamp::now().saturating_add(-back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_shown_in_few_digits() {
        let shown = |micros| brief(Duration::from_micros(micros));
        assert_eq!(shown(0), "0s");
        assert_eq!(shown(1_234), "1.23ms");
        assert_eq!(shown(12_345), "12ms");
        assert_eq!(shown(1_234_567), "1.23s");
        assert_eq!(shown(61_234_567), "1m1s");
        assert_eq!(shown(3_723_000_000), "1h2m");
    }

    #[test]
    fn a_time_is_as_brief_as_its_distance_allows() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let shown = |days| local_brief(now.saturating_add(-TimeDelta::days(days)), now);
        assert_eq!(shown(0), local(now)[11..]);
        assert_eq!(
            shown(30),
            local(now.saturating_add(-TimeDelta::days(30)))[5..16]
        );
        assert_eq!(
            shown(300),
            local(now.saturating_add(-TimeDelta::days(300)))[..10]
        );
    }

    #[test]
    fn an_end_that_was_never_written_down_has_no_length() {
        let now = Timestamp::now();
        let running = Process {
            status: ProcessStatus::Running,
            started_at: Some(now.saturating_add(-TimeDelta::seconds(90))),
            ..crate::text::tests::process(&["true"])
        };
        assert_eq!(wall(&running, now).unwrap(), "1m30s");
        let ended = Process {
            status: ProcessStatus::Exited,
            ..running
        };
        assert_eq!(wall(&ended, now), None);
    }

    #[test]
    fn since_is_a_time_or_how_long_ago() {
        let at: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        assert_eq!(parse_since("2026-01-31T13:00:00+01:00").unwrap(), at);
        let ago = Timestamp::now().since(parse_since("1h30m").unwrap());
        assert!((ago.num_seconds() - 5400).abs() <= 1, "{ago}");
        assert!(parse_since("36500d").unwrap() < at);
        for text in ["", "yesterday", "5", "-1h", "2026-01-31"] {
            let error = parse_since(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
