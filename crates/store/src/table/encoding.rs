//! How values stand in ArchiveBox's columns.
//!
//! Ids are 32 lower-case hex digits; times are UTC without a zone, always written with six
//! digits so that the order of the texts is the order of the times; JSON is text.

use std::error::Error;
use std::str::FromStr;

use chrono::NaiveDateTime;
use hostledger_model::{Pid, Timestamp};
use serde_json::Value;

use super::text::JsonText;
use crate::error::CorruptRow;

/// Writes a time as `2026-01-31 12:00:00.000000`.
pub(crate) fn time(at: Timestamp) -> String {
    at.to_utc().format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// Reads the three forms of a time: six digits, no fraction, and a `T` in the middle.
pub(crate) fn read_time(text: &str) -> Result<Timestamp, chrono::ParseError> {
    let form = if text.as_bytes().get(10) == Some(&b'T') {
        "%Y-%m-%dT%H:%M:%S%.f"
    } else {
        "%Y-%m-%d %H:%M:%S%.f"
    };
    let at = NaiveDateTime::parse_from_str(text, form)?;
    Ok(Timestamp::from(at.and_utc()))
}

/// Unsigned numbers keep their bits: SQLite's integers are signed.
pub(crate) fn bits(number: u64) -> i64 {
    number.cast_signed()
}

/// Counts of uses are never negative and stop at what a column holds.
pub(crate) fn count(uses: u64) -> i64 {
    i64::try_from(uses).unwrap_or(i64::MAX)
}

/// A list of texts as JSON.
pub(crate) fn text_list(texts: &[String]) -> String {
    json(&texts)
}

/// Plain data as JSON.
#[expect(
    clippy::expect_used,
    reason = "structs of texts, numbers and lists always have a JSON form"
)]
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data has a JSON form")
}

/// Byte strings one after another, each ended by a NUL, which none of them holds.
pub(crate) fn byte_list(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts {
        bytes.extend_from_slice(part);
        bytes.push(0);
    }
    bytes
}

/// Reads what [`byte_list`] wrote.
pub(crate) fn read_byte_list(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split_inclusive(|byte| *byte == 0)
        .map(|part| part.strip_suffix(b"\0").unwrap_or(part).to_vec())
        .collect()
}

/// Reads the columns of one row, and names row and column when one cannot be read.
#[derive(Clone, Copy)]
pub(crate) struct RowReader<'r> {
    pub(crate) table: &'static str,
    pub(crate) id: &'r str,
}

/// A time that has none of the three forms in use.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a time such as 2026-01-31 12:00:00.000000")]
struct InvalidTime {
    text: String,
    #[source]
    source: chrono::ParseError,
}

/// A number outside the range of what it stands for.
#[derive(Debug, thiserror::Error)]
#[error("{number} is out of range")]
struct OutOfRange {
    number: i64,
}

/// A value is missing beside others that need it.
#[derive(Debug, thiserror::Error)]
#[error("it is NULL although {because} is not")]
struct Missing {
    because: &'static str,
}

impl RowReader<'_> {
    pub(crate) fn corrupt(
        self,
        column: &'static str,
        source: impl Error + Send + Sync + 'static,
    ) -> CorruptRow {
        CorruptRow {
            table: self.table,
            id: self.id.to_owned(),
            column: column.into(),
            source: std::sync::Arc::new(source),
        }
    }

    /// Anything that parses from its text: an id, a status.
    pub(crate) fn parse<T>(self, column: &'static str, text: &str) -> Result<T, CorruptRow>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        text.parse().map_err(|source| self.corrupt(column, source))
    }

    pub(crate) fn parse_some<T>(
        self,
        column: &'static str,
        text: Option<&String>,
    ) -> Result<Option<T>, CorruptRow>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        text.map(|text| self.parse(column, text)).transpose()
    }

    /// A time in any of its three forms.
    pub(crate) fn time(self, column: &'static str, text: &str) -> Result<Timestamp, CorruptRow> {
        read_time(text).map_err(|source| {
            let text = text.to_owned();
            self.corrupt(column, InvalidTime { text, source })
        })
    }

    pub(crate) fn time_some(
        self,
        column: &'static str,
        text: Option<&String>,
    ) -> Result<Option<Timestamp>, CorruptRow> {
        text.map(|text| self.time(column, text)).transpose()
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(
        self,
        column: &'static str,
        text: &JsonText,
    ) -> Result<T, CorruptRow> {
        serde_json::from_str(&text.0).map_err(|source| self.corrupt(column, source))
    }

    pub(crate) fn json_some(
        self,
        column: &'static str,
        text: Option<&JsonText>,
    ) -> Result<Option<Value>, CorruptRow> {
        text.map(|text| self.json(column, text)).transpose()
    }

    pub(crate) fn number<T: TryFrom<i64>>(
        self,
        column: &'static str,
        number: i64,
    ) -> Result<T, CorruptRow> {
        T::try_from(number).map_err(|_| self.corrupt(column, OutOfRange { number }))
    }

    /// A pid, which is 1 or above.
    pub(crate) fn pid(self, pid: Option<i64>) -> Result<Option<Pid>, CorruptRow> {
        let Some(number) = pid else { return Ok(None) };
        i32::try_from(number)
            .ok()
            .and_then(Pid::new)
            .map(Some)
            .ok_or_else(|| self.corrupt("pid", OutOfRange { number }))
    }

    /// A column that may not be NULL as another one of its group is not.
    pub(crate) fn present<T>(
        self,
        column: &'static str,
        because: &'static str,
        value: Option<T>,
    ) -> Result<T, CorruptRow> {
        value.ok_or_else(|| self.corrupt(column, Missing { because }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: RowReader<'_> = RowReader {
        table: "machine_machine",
        id: "42",
    };

    #[test]
    fn a_time_is_written_with_six_digits_and_read_back() {
        for text in ["2026-02-03T04:05:06Z", "1999-12-31T23:59:59.000001Z"] {
            let at: Timestamp = text.parse().unwrap();
            let written = time(at);
            assert_eq!(written.len(), "2026-01-31 12:00:00.000000".len());
            assert_eq!(ROW.time("created_at", &written).unwrap(), at);
        }
    }

    #[test]
    fn all_three_forms_of_a_time_are_read() {
        let read = |text| ROW.time("created_at", text).unwrap().to_string();
        assert_eq!(
            read("2026-05-19 18:12:02"),
            "2026-05-19T18:12:02.000000Z",
            "no fraction"
        );
        assert_eq!(
            read("2026-05-19T18:12:02.5"),
            "2026-05-19T18:12:02.500000Z",
            "written by a migration"
        );
        assert_eq!(
            read("2026-05-19 18:12:02.000001"),
            "2026-05-19T18:12:02.000001Z"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_row_and_column() {
        let error = ROW.time("created_at", "yesterday").unwrap_err();
        assert_eq!(
            (error.table, error.id.as_str(), &*error.column),
            ("machine_machine", "42", "created_at")
        );
        assert!(error.source.to_string().contains("yesterday"));
    }

    #[test]
    fn byte_strings_keep_their_bounds() {
        for parts in [
            vec![],
            vec![b"".to_vec()],
            vec![b"a".to_vec(), b"".to_vec(), b"\xff b".to_vec()],
        ] {
            assert_eq!(read_byte_list(&byte_list(&parts)), parts);
        }
    }

    #[test]
    fn unsigned_numbers_keep_their_bits() {
        for number in [0, 1, u64::MAX, 1 << 63] {
            assert_eq!(bits(number).cast_unsigned(), number);
        }
    }
}
