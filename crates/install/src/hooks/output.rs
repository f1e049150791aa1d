//! The records in the output of a hook.

use std::io::{self, BufRead};
use std::path::Path;

use serde_json::{Map, Value};

use super::Hook;

/// A longer line is no record: what is read of an output takes no more memory than this.
const LONGEST_LINE: usize = 16 << 20;

/// What stands between the records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// Lines of text, which is normal.
    pub text: u64,
    /// Lines that begin like a record and are none.
    pub malformed: u64,
    /// Lines that are longer than any record.
    pub too_long: u64,
}

/// Goes through the records that a hook has printed among other things: the lines that are JSON
/// objects, of whatever type. One line is in memory at a time.
#[derive(Debug)]
pub struct HookOutput<R> {
    reader: R,
    line: Vec<u8>,
    passed_over: PassedOver,
}

impl<R: BufRead> HookOutput<R> {
    /// The output from here on.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            passed_over: PassedOver::default(),
        }
    }

    /// What was passed over so far.
    #[must_use]
    pub fn passed_over(&self) -> PassedOver {
        self.passed_over
    }

    /// Whether there was another line, which is in `self.line` then.
    fn read_line(&mut self) -> io::Result<Line> {
        self.line.clear();
        let mut seen = 0;
        loop {
            let found = self.reader.fill_buf()?;
            if found.is_empty() {
                break;
            }
            let end = found.iter().position(|byte| *byte == b'\n');
            let part = &found[..end.unwrap_or(found.len())];
            seen += part.len();
            if seen <= LONGEST_LINE {
                self.line.extend_from_slice(part);
            }
            let used = end.map_or(found.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(if seen > LONGEST_LINE {
                    Line::TooLong
                } else {
                    Line::Whole
                });
            }
        }
        Ok(match seen {
            0 => Line::End,
            _ if seen > LONGEST_LINE => Line::TooLong,
            _ => Line::Whole,
        })
    }

    fn record(&mut self) -> Option<Map<String, Value>> {
        let line = self.line.trim_ascii();
        if line.is_empty() {
            return None;
        }
        if line[0] != b'{' {
            self.passed_over.text += 1;
            return None;
        }
        let record = serde_json::from_slice(line).ok();
        if record.is_none() {
            self.passed_over.malformed += 1;
        }
        record
    }
}

enum Line {
    Whole,
    TooLong,
    End,
}

impl<R: BufRead> Iterator for HookOutput<R> {
    type Item = io::Result<Map<String, Value>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read_line() {
                Ok(Line::Whole) => {
                    if let Some(record) = self.record() {
                        return Some(Ok(record));
                    }
                }
                Ok(Line::TooLong) => self.passed_over.too_long += 1,
                Ok(Line::End) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Says in a record which hook it comes from, where it does not say so itself.
pub fn tag(record: &mut Map<String, Value>, hook: &Hook) {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    for (key, value) in [
        ("plugin", hook.plugin.clone()),
        ("hook_name", hook.name.clone()),
        ("plugin_hook", path(&hook.path)),
    ] {
        record.entry(key).or_insert_with(|| value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read, repeat};
    use std::path::PathBuf;

    use super::*;
    use crate::hooks::Mode;

    fn read(output: &[u8]) -> (Vec<String>, PassedOver) {
        // A small buffer, so that lines go over its end.
        let mut found = HookOutput::new(BufReader::with_capacity(7, output));
        let records: Vec<_> = found
            .by_ref()
            .map(|record| Value::Object(record.unwrap()).to_string())
            .collect();
        (records, found.passed_over())
    }

    #[test]
    fn records_are_found_among_plain_text() {
        let output = b"installing\xff\r\n{\"type\":\"Binary\",\"name\":\"x\"}\r\n\n[1]\n# note\n\
                       {\"_method\":\"update\"}\n  {\"type\":\"Tag\"}  \n{\"type\":\"Cut";
        let (records, passed_over) = read(output);
        assert_eq!(
            records,
            [
                r#"{"type":"Binary","name":"x"}"#,
                r#"{"_method":"update"}"#,
                r#"{"type":"Tag"}"#
            ]
        );
        let expected = PassedOver {
            text: 3,
            malformed: 1,
            too_long: 0,
        };
        assert_eq!(passed_over, expected);
        assert_eq!(read(b"").0.len(), 0);
        assert_eq!(read(b"{}").0, ["{}"]);
    }

    #[test]
    fn malformed_lines_are_counted_and_the_next_ones_read() {
        let deep = "{\"a\":".repeat(100_000);
        let output = format!("{{\"a\":\n{{a:1}}\n{deep}\n{{\"a\":\"\\ud800\"}}\n{{\"ok\":1}}\n");
        let (records, passed_over) = read(output.as_bytes());
        assert_eq!(records, [r#"{"ok":1}"#]);
        assert_eq!((passed_over.malformed, passed_over.text), (4, 0));
    }

    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let endless = repeat(b'{').take(100_000_000);
        let output = BufReader::new(endless.chain(&b"\n{\"ok\":1}"[..]));
        let mut found = HookOutput::new(output);
        assert_eq!(found.by_ref().count(), 1);
        assert_eq!(found.passed_over().too_long, 1);
        assert!(found.line.capacity() <= 2 * LONGEST_LINE);
    }

    #[test]
    fn a_record_says_where_it_comes_from() {
        let hook = Hook {
            event: EventName::binary_request(),
            plugin: "pip".to_owned(),
            name: "on_BinaryRequest__11_pip.py".to_owned(),
            path: PathBuf::from("/p/pip/on_BinaryRequest__11_pip.py"),
            mode: Mode::Foreground,
            loose: false,
        };
        let mut record = Map::from_iter([("plugin".to_owned(), Value::from("mine"))]);
        tag(&mut record, &hook);
        assert_eq!(
            Value::Object(record).to_string(),
            r#"{"plugin":"mine","hook_name":"on_BinaryRequest__11_pip.py","plugin_hook":"/p/pip/on_BinaryRequest__11_pip.py"}"#
        );
    }

    use crate::hooks::EventName;
}
