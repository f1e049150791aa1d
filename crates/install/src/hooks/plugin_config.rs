//! A plugin's `config.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::property::Property;

/// The file in a plugin's directory.
const FILE: &str = "config.json";
/// Nobody writes more into one; what is larger is something else.
const LARGEST: u64 = 1 << 20;

/// What a plugin can be told, and what it needs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PluginConfig {
    #[serde(rename = "type")]
    kind: Kind,
    /// Its settings by key.
    pub properties: BTreeMap<String, Property>,
    /// Plugins that have to be on for it to be on.
    pub required_plugins: Vec<String>,
    /// Programs it needs, each as a request.
    pub required_binaries: Vec<Map<String, Value>>,
}

/// A configuration describes an object, and nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Object,
}

/// Why a `config.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// It is far too large.
    #[error("it is larger than {LARGEST} bytes")]
    TooLarge,
    /// It is no JSON, or a field is not what it should be.
    #[error("{}", place(.field))]
    Field {
        /// Which field, such as `properties.A.type`; `.` for the whole.
        field: String,
        /// What was found, and what was expected.
        #[source]
        source: serde_json::Error,
    },
    /// A program that a plugin needs has no name.
    #[error("required_binaries[{index}] has no \"name\": give one")]
    NoName {
        /// Which, from 0.
        index: usize,
    },
}

fn place(field: &str) -> String {
    if field == "." {
        "it is no JSON object".to_owned()
    } else {
        format!("{field} is malformed")
    }
}

impl PluginConfig {
    /// The configuration of a plugin's directory; an empty one when it has none.
    pub(super) fn read(directory: &Path) -> Result<Self, (PathBuf, ConfigError)> {
        let path = directory.join(FILE);
        let text = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_link(&path) => {
                return Ok(Self::default());
            }
            Ok(found) if found.len() > LARGEST => Err(ConfigError::TooLarge),
            // Reading another kind of file may never end.
            Ok(found) if !found.is_file() => {
                Err(ConfigError::Read(io::ErrorKind::InvalidInput.into()))
            }
            Ok(_) => fs::read_to_string(&path).map_err(ConfigError::Read),
            Err(error) => Err(ConfigError::Read(error)),
        };
        text.and_then(|text| Self::parse(&text))
            .map_err(|error| (path, error))
    }

    /// Reads the text of a `config.json`. Fields that nobody here knows are passed over.
    ///
    /// # Errors
    /// It is no JSON object, or a field does not hold what it should.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let whole = |source| ConfigError::Field {
            field: ".".to_owned(),
            source,
        };
        let object: Map<String, Value> = serde_json::from_str(text).map_err(whole)?;
        let failed = |error: serde_path_to_error::Error<serde_json::Error>| ConfigError::Field {
            field: error.path().to_string(),
            source: error.into_inner(),
        };
        let config: Self =
            serde_path_to_error::deserialize(Value::Object(object)).map_err(failed)?;
        let nameless = |binary: &Map<String, Value>| !matches!(binary.get("name"), Some(Value::String(name)) if !name.trim().is_empty());
        match config.required_binaries.iter().position(nameless) {
            Some(index) => Err(ConfigError::NoName { index }),
            None => Ok(config),
        }
    }
}

/// A link that leads nowhere is no missing file.
fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_needs_are_read_and_the_rest_is_passed_over() {
        let config = PluginConfig::parse(
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","title":"x","type":"object",
                "additionalProperties":false,"output_mimetypes":["a"],
                "required_plugins":["chrome"],
                "required_binaries":[{"name":"{X_BINARY}","binproviders":"env","min_version":null}],
                "properties":{"X_ARGS":{"type":"array","items":{"type":"string"},"default":[],
                    "x-aliases":["X_DEFAULT_ARGS"],"x-fallback":"ARGS","description":"d"}}}"#,
        )
        .unwrap();
        assert_eq!(config.required_plugins, ["chrome"]);
        assert_eq!(config.required_binaries[0]["binproviders"], "env");
        let property = &config.properties["X_ARGS"];
        assert_eq!(property.aliases, ["X_DEFAULT_ARGS"]);
        assert_eq!(property.fallback.as_deref(), Some("ARGS"));
        assert_eq!(PluginConfig::parse("{}").unwrap(), PluginConfig::default());
    }

    #[test]
    fn what_is_malformed_is_named() {
        for (text, says) in [
            ("", "no JSON object"),
            ("{", "no JSON object"),
            ("{} x", "no JSON object"),
            ("[]", "no JSON object"),
            (r#"{"type":"array"}"#, "type"),
            (r#"{"properties":[]}"#, "properties"),
            (r#"{"properties":{"A":5}}"#, "properties.A"),
            (
                r#"{"properties":{"A":{"type":"text"}}}"#,
                "properties.A.type",
            ),
            (
                r#"{"properties":{"A":{"x-aliases":"B"}}}"#,
                "properties.A.x-aliases",
            ),
            (r#"{"required_plugins":"chrome"}"#, "required_plugins"),
            (
                r#"{"required_binaries":[{"name":"a"},{"x":1}]}"#,
                "required_binaries[1]",
            ),
            (r#"{"required_binaries":["a"]}"#, "required_binaries[0]"),
        ] {
            let error = PluginConfig::parse(text).unwrap_err();
            assert!(error.to_string().contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        let text = format!(r#"{{"x":{}}}"#, "[".repeat(100_000));
        assert!(PluginConfig::parse(&text).is_err());
    }
}
