//! A record as `key: value` lines.

use anstyle::Style;
use hostledger::model::Health;
use hostledger::{Binary, Machine, NetworkInterface, Timestamp};
use serde_json::Value;

use crate::error::OutputLost;
use crate::printer::Printer;
use crate::text::escape;
use crate::time;

/// Keys and values in the order to show them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a line; none of the value's control characters reach the terminal.
    pub(crate) fn add(&mut self, key: impl Into<String>, value: &(impl ToString + ?Sized)) {
        self.0.push((key.into(), escape(&value.to_string())));
    }

    /// Adds a line when there is something to say.
    pub(crate) fn add_some(&mut self, key: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.add(key, &value);
        }
    }

    /// Adds a time.
    pub(crate) fn add_time(&mut self, key: &str, at: Option<Timestamp>) {
        self.add_some(key, at.map(time::local_exact));
    }

    fn add_times(&mut self, created: Timestamp, modified: Timestamp) {
        self.add_time("created_at", Some(created));
        self.add_time("modified_at", Some(modified));
    }

    fn add_health(&mut self, health: Health) {
        let Health {
            num_uses_succeeded: succeeded,
            num_uses_failed: failed,
        } = health;
        self.add(
            "health",
            &format!(
                "{} ({succeeded} succeeded, {failed} failed)",
                health.percentage()
            ),
        );
    }

    /// Adds the fields of a JSON record, those inside of others by a path such as `stats.load`.
    /// Empty ones have nothing to say.
    pub(crate) fn add_json(&mut self, key: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let separator = if key.is_empty() { "" } else { "." };
                    self.add_json(&format!("{key}{separator}{name}"), value);
                }
            }
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => self.add(escape(key), text),
            other => self.add(escape(key), other),
        }
    }

    /// Prints them.
    pub(crate) fn print(&self, printer: &mut Printer) -> Result<(), OutputLost> {
        for (key, value) in &self.0 {
            printer.line(Style::new(), &format!("{key}: {value}"))?;
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        self.0
            .iter()
            .map(|(key, value)| format!("{key}: {value}\n"))
            .collect()
    }
}

/// All of a machine.
pub(crate) fn machine(machine: &Machine) -> Fields {
    let mut fields = of_json(&machine.to_json());
    fields.add_health(machine.health);
    fields.add_times(machine.created_at, machine.modified_at);
    fields
}

/// All of a network interface.
pub(crate) fn interface(interface: &NetworkInterface) -> Fields {
    let mut fields = of_json(&interface.to_json());
    fields.0.retain(|(key, _)| {
        !["num_uses_succeeded", "num_uses_failed", "health"].contains(&key.as_str())
    });
    fields.add_health(interface.health);
    fields.add_times(interface.created_at, interface.modified_at);
    fields
}

/// All of a binary.
pub(crate) fn binary(binary: &Binary) -> Fields {
    let mut fields = of_json(&binary.to_json());
    fields.add_time("retry_at", binary.retry_at);
    fields.add_health(binary.health);
    fields.add_times(binary.created_at, binary.modified_at);
    fields
}

fn of_json(record: &str) -> Fields {
    let mut fields = Fields::default();
    // What a record is written as is always JSON.
    let record: Value = serde_json::from_str(record).unwrap_or_default();
    fields.add_json("", &record);
    fields.0.retain(|(key, _)| key != "schema_version");
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_becomes_lines_that_name_their_path() {
        let mut fields = Fields::default();
        let value = json!({
            "guid": "ab", "iface": "", "config": null, "in_vm": true,
            "stats": {"load": [1, 2.5], "disk": {"a\u{1b}/": 5, "text": "two\nlines"}},
        });
        fields.add_json("", &value);
        insta::assert_snapshot!(fields.text(), @r"
        guid: ab
        in_vm: true
        stats.load: [1,2.5]
        stats.disk.a\u{1b}/: 5
        stats.disk.text: two\nlines
        ");
    }
}
