//! Which value a setting has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Problem;
use super::property::Property;

/// Where values come from besides the plugins themselves.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The environment of whoever launches.
    pub environment: &'a BTreeMap<String, String>,
    /// The configuration of the machine.
    pub machine: &'a Map<String, Value>,
}

/// A value, and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The value.
    pub value: Value,
    /// Where it was found.
    pub source: Source,
    /// Whether it is nobody's business.
    pub sensitive: bool,
}

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the environment, under this key.
    Environment(String),
    /// In the configuration of the machine.
    Machine,
    /// It is the value of this other setting.
    Fallback(String),
    /// It is the plugin's default.
    Default,
}

impl Sources<'_> {
    /// The value of a key that no plugin describes: of the environment, else of the machine.
    #[must_use]
    pub fn raw(&self, key: &str) -> Option<Value> {
        let variable = self.environment.get(key).map(|text| Value::from(&**text));
        variable.or_else(|| self.machine.get(key).cloned())
    }
}

/// The settings of one plugin and of those it requires, on the way to their values.
pub(super) struct Resolution<'a> {
    plugin: &'a str,
    properties: BTreeMap<&'a str, &'a Property>,
    sources: Sources<'a>,
    found: BTreeMap<String, Option<Resolved>>,
    /// Keys on the way: a circle of fallbacks ends at the first that comes again.
    asked: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl<'a> Resolution<'a> {
    pub(super) fn new(
        plugin: &'a str,
        properties: BTreeMap<&'a str, &'a Property>,
        sources: Sources<'a>,
    ) -> Self {
        Self {
            plugin,
            properties,
            sources,
            found: BTreeMap::new(),
            asked: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// Every setting that has a value, and what was given but does not fit.
    pub(super) fn resolve(mut self) -> (BTreeMap<String, Resolved>, Vec<Problem>) {
        let properties: Vec<_> = self
            .properties
            .iter()
            .map(|(key, it)| (*key, *it))
            .collect();
        for (key, property) in properties {
            self.problems.extend(unchecked(self.plugin, key, property));
            self.value(key);
        }
        let found = self.found.into_iter();
        let values = found
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        (values, self.problems)
    }

    fn value(&mut self, key: &str) -> Option<Resolved> {
        if let Some(known) = self.found.get(key) {
            return known.clone();
        }
        if !self.asked.insert(key.to_owned()) {
            return None;
        }
        let property = *self.properties.get(key)?;
        let value = self
            .given(key, property)
            .or_else(|| self.fallback(property))
            .or_else(|| default(property));
        self.found.insert(key.to_owned(), value.clone());
        value
    }

    /// What the environment or the machine says under the key or its aliases.
    fn given(&mut self, key: &str, property: &Property) -> Option<Resolved> {
        let sources = self.sources;
        let names = || std::iter::once(key).chain(property.aliases.iter().map(String::as_str));
        for name in names() {
            if let Some(text) = sources.environment.get(name) {
                match property.read_text(text) {
                    Some(value) => {
                        let source = Source::Environment(name.to_owned());
                        return Some(resolved(property, value, source));
                    }
                    None => self.misfit(name, property),
                }
            }
        }
        for name in names() {
            if let Some(stored) = sources.machine.get(name) {
                match property.read_value(stored) {
                    Some(value) => return Some(resolved(property, value, Source::Machine)),
                    None => self.misfit(name, property),
                }
            }
        }
        None
    }

    fn fallback(&mut self, property: &Property) -> Option<Resolved> {
        let key = property.fallback.as_deref()?;
        let value = if self.properties.contains_key(key) {
            self.value(key)?.value
        } else {
            self.sources.raw(key)?
        };
        match property.read_value(&value) {
            Some(value) => Some(resolved(property, value, Source::Fallback(key.to_owned()))),
            None => {
                self.misfit(key, property);
                None
            }
        }
    }

    fn misfit(&mut self, key: &str, property: &Property) {
        self.problems.push(Problem::Value {
            plugin: self.plugin.to_owned(),
            key: key.to_owned(),
            expected: property.expected(),
        });
    }
}

/// What of a setting cannot be checked.
fn unchecked<'p>(
    plugin: &'p str,
    key: &'p str,
    property: &'p Property,
) -> impl Iterator<Item = Problem> + 'p {
    property.unchecked().filter_map(move |pattern| {
        Some(Problem::Pattern {
            plugin: plugin.to_owned(),
            key: key.to_owned(),
            pattern: pattern.as_str().to_owned(),
            source: pattern.problem()?.clone(),
        })
    })
}

fn default(property: &Property) -> Option<Resolved> {
    let value = property.default.clone()?;
    Some(resolved(property, value, Source::Default))
}

fn resolved(property: &Property, value: Value, source: Source) -> Resolved {
    Resolved {
        value,
        source,
        sensitive: property.sensitive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::PluginConfig;
    use serde_json::json;

    fn resolve(
        properties: &Value,
        environment: &[(&str, &str)],
        machine: &Value,
    ) -> (BTreeMap<String, Resolved>, Vec<Problem>) {
        let config = PluginConfig::parse(&json!({ "properties": properties }).to_string()).unwrap();
        let environment: BTreeMap<_, _> = environment
            .iter()
            .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
            .collect();
        let sources = Sources {
            environment: &environment,
            machine: machine.as_object().unwrap(),
        };
        let properties = config.properties.iter();
        let properties = properties.map(|(key, it)| (key.as_str(), it)).collect();
        Resolution::new("x", properties, sources).resolve()
    }

    #[test]
    fn a_value_is_looked_for_in_one_order() {
        let schema = json!({"X_BINARY": {"type": "string", "default": "x",
                                         "x-aliases": ["OLD_BINARY"], "x-fallback": "ANY_BINARY"}});
        let machine = json!({"X_BINARY": "/machine", "ANY_BINARY": "/fallback"});
        let no_machine = json!({"ANY_BINARY": "/fallback"});
        let alias = Source::Environment("OLD_BINARY".to_owned());
        let own = Source::Environment("X_BINARY".to_owned());
        let fallback = Source::Fallback("ANY_BINARY".to_owned());
        for (environment, machine, value, source) in [
            (
                &[("X_BINARY", "/env"), ("OLD_BINARY", "/old")][..],
                &machine,
                "/env",
                own,
            ),
            (&[("OLD_BINARY", "/old")], &machine, "/old", alias),
            (
                &[("ANY_BINARY", "/any")],
                &machine,
                "/machine",
                Source::Machine,
            ),
            (
                &[("ANY_BINARY", "/any")],
                &no_machine,
                "/any",
                fallback.clone(),
            ),
            (&[], &no_machine, "/fallback", fallback),
            (&[], &json!({}), "x", Source::Default),
        ] {
            let (values, problems) = resolve(&schema, environment, machine);
            let found = &values["X_BINARY"];
            assert_eq!((&found.value, &found.source), (&json!(value), &source));
            assert!(problems.is_empty());
        }
    }

    #[test]
    fn a_fallback_to_another_setting_takes_its_value_and_circles_end() {
        let schema = json!({
            "A": {"type": "integer", "default": 1, "x-fallback": "B"},
            "B": {"type": "integer", "default": 2},
            "C": {"type": "integer", "default": 3, "x-fallback": "D"},
            "D": {"type": "integer", "x-fallback": "C"},
            "E": {"type": "integer", "x-fallback": "E"},
        });
        let (values, _) = resolve(&schema, &[], &json!({}));
        let value = |key: &str| values.get(key).map(|found| found.value.clone());
        assert_eq!(value("A"), Some(json!(2)));
        assert_eq!((value("C"), value("D")), (Some(json!(3)), None));
        assert_eq!(value("E"), None);
        let (values, _) = resolve(&schema, &[("B", "7")], &json!({}));
        assert_eq!(values["A"].value, json!(7));
    }

    #[test]
    fn a_value_that_does_not_fit_is_told_without_it_and_passed_over() {
        let schema = json!({"X_TIMEOUT": {"type": "integer", "default": 60, "minimum": 5}});
        let (values, problems) = resolve(&schema, &[("X_TIMEOUT", "s3cret")], &json!({}));
        assert_eq!(values["X_TIMEOUT"].value, json!(60));
        let told = problems[0].to_string();
        assert!(
            told.contains("a whole number from 5") && !told.contains("s3cret"),
            "{told}"
        );
    }
}
