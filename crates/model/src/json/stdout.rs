//! The records a program printed among other things.

use std::str::Lines;

use serde_json::{Map, Value};

/// The records in the output of a program: the lines that are JSON objects with a `type`.
///
/// Programs print other things as well; such lines are passed over and counted. What comes
/// out is as it was printed, of whatever type: [`interpret`](super::interpret) reads those
/// that are ours.
#[must_use]
pub fn records(stdout: &str) -> Records<'_> {
    Records {
        lines: stdout.lines(),
        passed_over: 0,
    }
}

/// Goes through the records of an output; see [`records`].
#[derive(Debug, Clone)]
pub struct Records<'a> {
    lines: Lines<'a>,
    passed_over: usize,
}

impl Records<'_> {
    /// How many lines so far were no record; blank ones and comments are not counted.
    #[must_use]
    pub fn passed_over(&self) -> usize {
        self.passed_over
    }
}

impl Iterator for Records<'_> {
    type Item = Map<String, Value>;

    fn next(&mut self) -> Option<Self::Item> {
        for line in self.lines.by_ref() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match serde_json::from_str(line) {
                Ok(Value::Object(object)) if has_type(&object) => return Some(object),
                _ => self.passed_over += 1,
            }
        }
        None
    }
}

fn has_type(object: &Map<String, Value>) -> bool {
    matches!(object.get("type"), Some(Value::String(text)) if !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_among_other_output() {
        let stdout = "installing…\r\n{\"type\":\"Binary\",\"name\":\"x\"}\r\n\n# note\n\
                      {\"no\":\"type\"}\n[1]\n  {\"type\":\"Other\"}  \n{\"type\":\"Cut";
        let mut found = records(stdout);
        let types: Vec<_> = found
            .by_ref()
            .map(|object| object["type"].clone())
            .collect();
        assert_eq!(types, ["Binary", "Other"]);
        assert_eq!(found.passed_over(), 4);
    }
}
