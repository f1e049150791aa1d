//! Which plugins are on, and with which settings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::property::{Property, boolean};
use super::resolution::{Resolution, Resolved, Source, Sources};
use super::{Discovered, Hook, Plugin, Problem};

/// What a hook may take without a timeout of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// No hook may take longer.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(12 * 60 * 60);

/// Why a plugin is off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disabled {
    /// Its own setting says so.
    #[error("{key} is off")]
    Off {
        /// Which setting.
        key: String,
    },
    /// `PLUGINS` names others.
    #[error("PLUGINS does not name it")]
    NotNamed,
    /// A plugin that it requires is off.
    #[error("it requires {plugin}, which is off")]
    Requires {
        /// Which plugin.
        plugin: String,
    },
    /// Its configuration cannot be used.
    #[error("its config.json cannot be used")]
    Malformed,
}

/// The settings of plugins, resolved.
#[derive(Debug, Default)]
pub struct Settings {
    /// By the name of the plugin in lower case.
    plugins: BTreeMap<String, PluginSettings>,
    /// What was given but does not fit.
    pub problems: Vec<Problem>,
}

#[derive(Debug)]
struct PluginSettings {
    values: BTreeMap<String, Resolved>,
    timeout: Duration,
    disabled: Option<Disabled>,
}

impl Settings {
    /// Resolves the settings of all plugins.
    #[must_use]
    pub fn resolve(found: &Discovered, sources: Sources<'_>) -> Self {
        let mut settings = Self::default();
        for plugin in &found.plugins {
            let key = plugin.name.to_lowercase();
            if settings.plugins.contains_key(&key) {
                continue;
            }
            let resolution = Resolution::new(&plugin.name, scope(found, plugin), sources);
            let (values, problems) = resolution.resolve();
            settings.tell(problems);
            let resolved = PluginSettings {
                timeout: timeout(&plugin.name, &values, sources),
                disabled: own_reason(plugin, &values, sources),
                values,
            };
            settings.plugins.insert(key, resolved);
        }
        settings.switch_off(found, sources);
        settings
    }

    /// Why a hook does not run; none when it does. Installers ask the allow-list instead.
    #[must_use]
    pub fn disabled(&self, hook: &Hook) -> Option<&Disabled> {
        if hook.loose {
            return None;
        }
        self.of(&hook.plugin)?.disabled.as_ref()
    }

    /// Why a plugin is off; none when it is on.
    #[must_use]
    pub fn plugin_disabled(&self, plugin: &str) -> Option<&Disabled> {
        self.of(plugin)?.disabled.as_ref()
    }

    /// How long a hook of this plugin may take: `<P>_TIMEOUT`, else `TIMEOUT`, else 300 s, and at
    /// most 12 h.
    #[must_use]
    pub fn timeout(&self, plugin: &str) -> Duration {
        self.of(plugin)
            .map_or(DEFAULT_TIMEOUT, |settings| settings.timeout)
    }

    /// The values of a plugin's settings and of those it requires, by key.
    pub fn values(&self, plugin: &str) -> impl Iterator<Item = (&str, &Resolved)> {
        let values = self.of(plugin).map(|settings| &settings.values);
        values
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.as_str(), value))
    }

    /// The secret values of all plugins, and the keys that they have; what a plugin says itself is
    /// no secret.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (&str, &Value)> {
        let values = self.plugins.values().flat_map(|it| &it.values);
        values
            .filter(|(_, it)| it.sensitive && it.source != Source::Default)
            .map(|(key, it)| (key.as_str(), &it.value))
    }

    /// The program of a plugin: `<P>_BINARY`, else its name.
    #[must_use]
    pub fn binary(&self, plugin: &str) -> String {
        let key = special(plugin, "BINARY");
        let value = self.of(plugin).and_then(|it| it.values.get(&key));
        let text = value.and_then(|found| found.value.as_str());
        text.filter(|text| !text.is_empty())
            .unwrap_or(plugin)
            .to_owned()
    }

    #[cfg(test)]
    pub(super) fn of_values<'a>(
        plugin: &str,
        values: impl IntoIterator<Item = &'a (&'a str, Resolved)>,
    ) -> Self {
        let values = values.into_iter();
        let settings = PluginSettings {
            values: values
                .map(|(key, it)| ((*key).to_owned(), it.clone()))
                .collect(),
            timeout: DEFAULT_TIMEOUT,
            disabled: None,
        };
        Self {
            plugins: BTreeMap::from([(plugin.to_owned(), settings)]),
            problems: Vec::new(),
        }
    }

    fn of(&self, plugin: &str) -> Option<&PluginSettings> {
        self.plugins.get(&plugin.to_lowercase())
    }

    /// A setting that several plugins know is told once.
    fn tell(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            let known = |told: &Problem| match (told, &problem) {
                (Problem::Value { key: one, .. }, Problem::Value { key: other, .. }) => {
                    one == other
                }
                (Problem::Pattern { key: one, .. }, Problem::Pattern { key: other, .. }) => {
                    one == other
                }
                _ => false,
            };
            if !self.problems.iter().any(known) {
                self.problems.push(problem);
            }
        }
    }

    /// Turns off what `PLUGINS` does not name, and then, until nothing changes, what requires
    /// something that is off. Plugins that require one another are on or off together.
    fn switch_off(&mut self, found: &Discovered, sources: Sources<'_>) {
        if let Some(named) = named(found, sources) {
            for (name, settings) in &mut self.plugins {
                if !named.contains(name) {
                    settings.disabled.get_or_insert(Disabled::NotNamed);
                }
            }
        }
        loop {
            let next = found.plugins.iter().find_map(|plugin| {
                let on = self.of(&plugin.name)?.disabled.is_none();
                let missing = |it: &&String| self.plugin_disabled(it).is_some();
                let required = required(plugin).iter().find(missing).filter(|_| on)?;
                Some((plugin.name.to_lowercase(), required.clone()))
            });
            let Some((name, plugin)) = next else {
                return;
            };
            if let Some(settings) = self.plugins.get_mut(&name) {
                settings.disabled = Some(Disabled::Requires { plugin });
            }
        }
    }
}

/// The plugins that `PLUGINS` names, and those they require, in lower case; none without it.
fn named(found: &Discovered, sources: Sources<'_>) -> Option<BTreeSet<String>> {
    let listed = text_of(&sources.raw("PLUGINS")?)?;
    let names = listed.split(',').map(str::trim).filter(|it| !it.is_empty());
    let mut pending: Vec<String> = names.map(str::to_lowercase).collect();
    if pending.is_empty() {
        return None;
    }
    let mut named = BTreeSet::new();
    while let Some(name) = pending.pop() {
        if named.contains(&name) {
            continue;
        }
        if let Some(plugin) = found.plugin(&name) {
            pending.extend(required(plugin).iter().map(|it| it.to_lowercase()));
        }
        named.insert(name);
    }
    Some(named)
}

/// The settings of a plugin and, before them, of those it requires; a circle is gone round once.
fn scope<'a>(found: &'a Discovered, plugin: &'a Plugin) -> BTreeMap<&'a str, &'a Property> {
    let mut plugins = vec![plugin];
    let mut next = 0;
    while let Some(plugin) = plugins.get(next) {
        let names = required(plugin).iter();
        let more: Vec<&Plugin> = names.filter_map(|name| found.plugin(name)).collect();
        for plugin in more {
            if !plugins.iter().any(|known| known.path == plugin.path) {
                plugins.push(plugin);
            }
        }
        next += 1;
    }
    let configs = plugins.iter().rev().filter_map(|it| it.config.as_ref());
    configs
        .flat_map(|config| &config.properties)
        .map(|(key, property)| (key.as_str(), property))
        .collect()
}

fn required(plugin: &Plugin) -> &[String] {
    let config = plugin.config.as_ref();
    config.map_or(&[], |config| &config.required_plugins)
}

fn own_reason(
    plugin: &Plugin,
    values: &BTreeMap<String, Resolved>,
    sources: Sources<'_>,
) -> Option<Disabled> {
    if plugin.config.is_none() {
        return Some(Disabled::Malformed);
    }
    let key = special(&plugin.name, "ENABLED");
    let value = values.get(&key).map(|found| found.value.clone());
    let off = match value.or_else(|| sources.raw(&key))? {
        Value::Bool(on) => !on,
        Value::String(text) => boolean(text.trim()) == Some(false),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    off.then_some(Disabled::Off { key })
}

fn timeout(plugin: &str, values: &BTreeMap<String, Resolved>, sources: Sources<'_>) -> Duration {
    let own = special(plugin, "TIMEOUT");
    let resolved = values.get(&own).map(|found| found.value.clone());
    let candidates = [resolved, sources.raw(&own), sources.raw("TIMEOUT")];
    let seconds = candidates.into_iter().flatten().find_map(|value| {
        let number = text_of(&value)?.trim().parse::<f64>().ok()?;
        Duration::try_from_secs_f64(number)
            .ok()
            .filter(|it| !it.is_zero())
    });
    seconds.unwrap_or(DEFAULT_TIMEOUT).min(LONGEST_TIMEOUT)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A key that means the same for every plugin.
fn special(plugin: &str, what: &str) -> String {
    format!("{}_{what}", plugin.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::PluginConfig;
    use serde_json::{Map, json};
    use std::path::PathBuf;

    /// Plugins by name, with those they require.
    fn plugins(named: &[(&str, Value)]) -> Discovered {
        let plugin = |(name, config): &(&str, Value)| Plugin {
            name: (*name).to_owned(),
            path: PathBuf::from("/p").join(name),
            config: (!config.is_null()).then(|| PluginConfig::parse(&config.to_string()).unwrap()),
        };
        Discovered {
            plugins: named.iter().map(plugin).collect(),
            ..Discovered::default()
        }
    }

    fn settings(found: &Discovered, environment: &[(&str, &str)]) -> Settings {
        let environment: BTreeMap<_, _> = environment
            .iter()
            .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
            .collect();
        let sources = Sources {
            environment: &environment,
            machine: &Map::new(),
        };
        Settings::resolve(found, sources)
    }

    fn why(settings: &Settings, plugin: &str) -> String {
        let reason = settings.plugin_disabled(plugin);
        reason.map_or_else(String::new, ToString::to_string)
    }

    #[test]
    fn a_plugin_is_on_unless_its_setting_says_otherwise() {
        let found = plugins(&[
            ("plain", json!({})),
            (
                "wget",
                json!({"properties": {"WGET_ENABLED": {"type": "boolean", "default": true,
                                                       "x-aliases": ["SAVE_WGET"]}}}),
            ),
            (
                "shy",
                json!({"properties": {"SHY_ENABLED": {"type": "boolean", "default": false}}}),
            ),
        ]);
        let none = settings(&found, &[]);
        assert_eq!(why(&none, "plain") + &why(&none, "wget"), "");
        assert_eq!(why(&none, "shy"), "SHY_ENABLED is off");
        for off in ["false", "False", "0", "no", ""] {
            let given = settings(&found, &[("PLAIN_ENABLED", off), ("SAVE_WGET", off)]);
            assert_eq!(why(&given, "plain"), "PLAIN_ENABLED is off", "{off:?}");
            assert_eq!(why(&given, "wget"), "WGET_ENABLED is off", "{off:?}");
        }
        assert_eq!(why(&settings(&found, &[("SHY_ENABLED", "1")]), "shy"), "");
    }

    #[test]
    fn plugins_names_those_that_are_on_and_what_they_require() {
        let found = plugins(&[
            ("a", json!({"required_plugins": ["B"]})),
            ("b", json!({"required_plugins": ["c"]})),
            ("c", json!({})),
            ("d", json!({})),
        ]);
        let given = settings(&found, &[("PLUGINS", " A, nobody,")]);
        assert_eq!(["a", "b", "c"].map(|name| why(&given, name)).concat(), "");
        assert_eq!(why(&given, "d"), "PLUGINS does not name it");
        let given = settings(&found, &[("PLUGINS", "a"), ("C_ENABLED", "0")]);
        assert_eq!(why(&given, "c"), "C_ENABLED is off");
        assert_eq!(why(&given, "a"), "it requires B, which is off");
        assert_eq!(why(&settings(&found, &[("PLUGINS", " , ")]), "d"), "");
    }

    #[test]
    fn plugins_that_require_one_another_are_on_or_off_together() {
        let found = plugins(&[
            (
                "a",
                json!({"required_plugins": ["b"], "properties": {"A_X": {"default": 1}}}),
            ),
            ("b", json!({"required_plugins": ["c"]})),
            ("c", json!({"required_plugins": ["a", "c"]})),
            ("lonely", json!({"required_plugins": ["missing"]})),
        ]);
        let given = settings(&found, &[]);
        for name in ["a", "b", "c", "lonely"] {
            assert_eq!(why(&given, name), "", "{name}");
        }
        assert_eq!(given.values("c").count(), 1);
        let given = settings(&found, &[("C_ENABLED", "no")]);
        assert_eq!(why(&given, "b"), "it requires c, which is off");
        assert_eq!(why(&given, "a"), "it requires b, which is off");
    }

    #[test]
    fn what_requires_a_malformed_plugin_is_off() {
        let found = plugins(&[
            ("a", json!({"required_plugins": ["bad"]})),
            ("bad", Value::Null),
        ]);
        let given = settings(&found, &[]);
        assert_eq!(why(&given, "bad"), "its config.json cannot be used");
        assert_eq!(why(&given, "a"), "it requires bad, which is off");
    }

    #[test]
    fn a_timeout_is_the_plugin_s_or_everybody_s_and_has_an_end() {
        let found = plugins(&[
            ("plain", json!({})),
            (
                "wget",
                json!({"properties": {"WGET_TIMEOUT": {"type": "integer", "default": 60,
                                                       "minimum": 5, "x-fallback": "TIMEOUT"}}}),
            ),
        ]);
        let timeouts = |environment: &[(&str, &str)]| {
            let settings = settings(&found, environment);
            ["plain", "wget"].map(|name| settings.timeout(name).as_secs_f64())
        };
        assert_eq!(timeouts(&[]), [300.0, 60.0]);
        assert_eq!(timeouts(&[("TIMEOUT", "7")]), [7.0, 7.0]);
        assert_eq!(
            timeouts(&[("PLAIN_TIMEOUT", "0.5"), ("WGET_TIMEOUT", "9")]),
            [0.5, 9.0]
        );
        assert_eq!(
            timeouts(&[("PLAIN_TIMEOUT", "x"), ("TIMEOUT", "-1")]),
            [300.0, 60.0]
        );
        assert_eq!(timeouts(&[("PLAIN_TIMEOUT", "0")])[0], 300.0);
        assert_eq!(timeouts(&[("TIMEOUT", "999999")]), [43200.0, 43200.0]);
    }
}
