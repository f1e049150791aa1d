//! The programs that plugins need.

use serde_json::{Map, Value};

use super::expansion::{expand, expand_all};
use super::{Discovered, Settings};

/// A program that a plugin needs.
#[derive(Debug, Clone, PartialEq)]
pub struct RequiredBinary {
    /// The plugin that needs it; the first, when several do.
    pub plugin: String,
    /// Its name, or the path that a setting gives.
    pub name: String,
    /// Providers that may install it; empty allows any.
    pub binproviders: String,
    /// What to do differently per provider.
    pub overrides: Value,
    /// The least version that will do.
    pub min_version: Option<String>,
}

impl RequiredBinary {
    /// As a record that asks for it.
    #[must_use]
    pub fn to_record(&self) -> Map<String, Value> {
        let mut record = Map::from_iter([
            ("type".to_owned(), Value::from("BinaryRequest")),
            ("name".to_owned(), Value::from(&*self.name)),
            ("binproviders".to_owned(), Value::from(&*self.binproviders)),
            ("overrides".to_owned(), self.overrides.clone()),
        ]);
        if let Some(version) = &self.min_version {
            record.insert("min_version".to_owned(), Value::from(&**version));
        }
        record.insert("plugin".to_owned(), Value::from(&*self.plugin));
        record
    }
}

/// The programs that the plugins need which are on, each once. In every text the name of a setting
/// in braces, such as `{CHROME_BINARY}`, stands for its value, and `{LIB_DIR}` for `lib_dir`.
#[must_use]
pub fn required_binaries(
    found: &Discovered,
    settings: &Settings,
    lib_dir: &str,
) -> Vec<RequiredBinary> {
    let mut all: Vec<RequiredBinary> = Vec::new();
    for plugin in &found.plugins {
        if settings.plugin_disabled(&plugin.name).is_some() {
            continue;
        }
        let value = |key: &str| {
            if key == "LIB_DIR" {
                return Some(lib_dir.to_owned());
            }
            let (_, resolved) = settings
                .values(&plugin.name)
                .find(|(name, _)| *name == key)?;
            resolved.value.as_str().map(str::to_owned)
        };
        let wanted = plugin.config.iter().flat_map(|it| &it.required_binaries);
        for request in wanted {
            let binary = read(&plugin.name, request, &value);
            let known = |it: &RequiredBinary| {
                (&it.name, &it.binproviders, &it.overrides)
                    == (&binary.name, &binary.binproviders, &binary.overrides)
            };
            // A setting that is empty names nothing that is needed.
            if !binary.name.is_empty() && !all.iter().any(known) {
                all.push(binary);
            }
        }
    }
    all
}

fn read(
    plugin: &str,
    request: &Map<String, Value>,
    value: &impl Fn(&str) -> Option<String>,
) -> RequiredBinary {
    let text = |key: &str| request.get(key).and_then(Value::as_str);
    let expanded = |key: &str| {
        expand(text(key).unwrap_or_default(), value)
            .trim()
            .to_owned()
    };
    let overrides = request.get("overrides").filter(|it| !it.is_null());
    RequiredBinary {
        plugin: plugin.to_owned(),
        name: expanded("name"),
        binproviders: expanded("binproviders"),
        overrides: overrides.map_or_else(
            || Value::Object(Map::new()),
            |overrides| expand_all(overrides, value),
        ),
        min_version: text("min_version").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::hooks::{Plugin, PluginConfig, Sources};
    use serde_json::json;

    #[test]
    fn names_of_settings_are_expanded_and_each_program_comes_once() {
        let plugin = |name: &str, config: Value| Plugin {
            name: name.to_owned(),
            path: PathBuf::from(name),
            config: Some(PluginConfig::parse(&config.to_string()).unwrap()),
        };
        let node = json!({"name": "{NODE_BINARY}", "binproviders": "env,apt", "min_version": null});
        let properties = json!({"NODE_BINARY": {"type": "string", "default": "node"},
                                "PY_BINARY": {"type": "string", "default": ""}});
        let found = Discovered {
            plugins: vec![
                plugin(
                    "a",
                    json!({"required_binaries": [node, {"name": "ffmpeg", "min_version": "5.0"}],
                                   "properties": properties}),
                ),
                plugin(
                    "b",
                    json!({"required_binaries": [node, {"name": "{PY_BINARY}"},
                        {"name": "x", "overrides": {"pip": {"install_root": "{LIB_DIR}/pip/x", "n": 1}}}],
                                   "properties": properties}),
                ),
                plugin("off", json!({"required_binaries": [{"name": "unwanted"}]})),
            ],
            ..Discovered::default()
        };
        let environment = BTreeMap::from([
            ("OFF_ENABLED".to_owned(), "0".to_owned()),
            ("NODE_BINARY".to_owned(), "/opt/node".to_owned()),
        ]);
        let sources = Sources {
            environment: &environment,
            machine: &Map::new(),
        };
        let settings = Settings::resolve(&found, sources);
        let wanted = required_binaries(&found, &settings, "/data/lib");
        let names: Vec<_> = wanted.iter().map(|it| (&*it.plugin, &*it.name)).collect();
        assert_eq!(names, [("a", "/opt/node"), ("a", "ffmpeg"), ("b", "x")]);
        assert_eq!(
            wanted[2].overrides["pip"]["install_root"],
            "/data/lib/pip/x"
        );
        assert_eq!(
            Value::Object(wanted[1].to_record()).to_string(),
            r#"{"type":"BinaryRequest","name":"ffmpeg","binproviders":"","overrides":{},"min_version":"5.0","plugin":"a"}"#
        );
    }
}
