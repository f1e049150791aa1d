//! Times and lengths of time as people read and write them.

use std::time::Duration;

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _};
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
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidTime {
    text: String,
    /// What else it could have been.
    other: &'static str,
}

impl std::fmt::Display for InvalidTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text, other } = self;
        write!(
            f,
            "{text:?} is {other}no time such as 2026-01-31T12:00:00Z or, in local time, \
             '2026-01-31 12:00' or 2026-01-31"
        )
    }
}

impl std::error::Error for InvalidTime {}

/// Local times as they are shown and written.
const LOCAL: [&str; 4] = [
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
];

/// As [`local_exact`] shows them.
const WITH_DISTANCE: &str = "%Y-%m-%d %H:%M:%S%.f %:z";

/// Reads a time: of RFC 3339, or local, as tables show it; a day stands for its beginning.
pub(crate) fn parse_at(text: &str) -> Result<Timestamp, InvalidTime> {
    let other = "";
    point(text).ok_or_else(|| InvalidTime {
        text: text.to_owned(),
        other,
    })
}

fn point(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    if let Ok(at) = DateTime::parse_from_str(text, WITH_DISTANCE) {
        return Some(at.to_utc().into());
    }
    let mut times = LOCAL.iter();
    let time = times.find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let local = time.or_else(|| Some(day()?.and_time(NaiveTime::MIN)))?;
    // An hour that comes twice, when clocks are set back, is the first one; one that is left out
    // is none.
    let at = Local.from_local_datetime(&local).earliest()?;
    Some(at.to_utc().into())
}

/// The time that is this far from now.
pub(crate) fn time_in(duration: Duration) -> Timestamp {
    // No length of time that can be given is longer than what this holds.
    let further = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
    Timestamp::now().saturating_add(further)
}

/// Reads `2h` (that long ago) or a time, as [`parse_at`] does.
pub(crate) fn parse_since(text: &str) -> Result<Timestamp, InvalidTime> {
    if let Some(at) = point(text) {
        return Ok(at);
    }
    let invalid = |_: InvalidDuration| InvalidTime {
        text: text.to_owned(),
        other: "no length of time such as 2h and ",
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
        assert_eq!(parse_since("2026-01-31"), parse_at("2026-01-31 00:00"));
        for text in ["", "yesterday", "5", "-1h", "2026-01-32"] {
            let error = parse_since(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn a_time_is_read_as_it_is_shown() {
        let at: Timestamp = "2026-07-31T12:34:56Z".parse().unwrap();
        for text in [
            local(at),
            local_exact(at),
            local(at).replace(' ', "T"),
            at.to_string(),
            "2026-07-31T14:34:56+02:00".to_owned(),
        ] {
            assert_eq!(parse_at(&text), Ok(at), "{text}");
        }
        let minute = at.saturating_add(-TimeDelta::seconds(56));
        assert_eq!(parse_at(&local(at)[..16]), Ok(minute));
        for text in [
            "",
            "tomorrow",
            "12:00",
            "2h",
            "2026-07-31 25:00",
            "2026-07-31 12",
        ] {
            let error = parse_at(text).unwrap_err().to_string();
            assert!(error.contains("2026-01-31 12:00"), "{error}");
        }
    }
}
