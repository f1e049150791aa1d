//! The command line of a hook.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Map, Value};

/// Why a hook cannot be given an argument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidArgument {
    /// Its name would be read as something else.
    #[error(
        "{key:?} cannot name an argument: give letters, digits, - and _, and no - at its begin"
    )]
    Key {
        /// The name.
        key: String,
    },
    /// No program can be given a NUL character.
    #[error("the value of the argument {key} holds a NUL character")]
    NulCharacter {
        /// The name.
        key: String,
    },
}

/// The command that runs a hook: its interpreter by the ending of its name, else the file itself,
/// and each argument as `--key=value`.
///
/// In a key `_` becomes `-`. True is the key alone; false, null and empty texts are left out, and
/// so are keys that begin with `_`; lists and objects are JSON.
///
/// # Errors
/// A key or a value cannot stand on a command line.
pub fn command(
    script: &Path,
    python: &str,
    arguments: &Map<String, Value>,
) -> Result<Vec<OsString>, InvalidArgument> {
    let interpreter = match script.extension().and_then(|ending| ending.to_str()) {
        Some("sh") => Some("bash"),
        Some("py") => Some(python),
        Some("js") => Some("node"),
        _ => None,
    };
    let mut command: Vec<OsString> = interpreter.into_iter().map(OsString::from).collect();
    command.push(script.into());
    for (key, value) in arguments {
        if !key.starts_with('_') {
            command.extend(argument(key, value)?.map(OsString::from));
        }
    }
    Ok(command)
}

fn argument(key: &str, value: &Value) -> Result<Option<String>, InvalidArgument> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if key.is_empty() || key.starts_with('-') || !key.chars().all(fits) {
        let key = key.to_owned();
        return Err(InvalidArgument::Key { key });
    }
    let text = match value {
        Value::Null | Value::Bool(false) => return Ok(None),
        Value::Bool(true) => return Ok(Some(flag(key))),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    if text.contains('\0') {
        let key = key.to_owned();
        return Err(InvalidArgument::NulCharacter { key });
    }
    Ok(Some(format!("{}={text}", flag(key))))
}

fn flag(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn words(script: &str, arguments: &Value) -> Vec<String> {
        let arguments = arguments.as_object().unwrap();
        let command = command(Path::new(script), "/opt/python", arguments).unwrap();
        command
            .into_iter()
            .map(|word| word.into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_ending_of_a_name_says_what_interprets_it() {
        for (script, expected) in [
            ("/p/on_A__1_x.sh", vec!["bash", "/p/on_A__1_x.sh"]),
            (
                "/p/on_A__1_x.bg.py",
                vec!["/opt/python", "/p/on_A__1_x.bg.py"],
            ),
            ("/p/on_A__1_x.js", vec!["node", "/p/on_A__1_x.js"]),
            ("/p/on_A__1_x", vec!["/p/on_A__1_x"]),
        ] {
            assert_eq!(words(script, &json!({})), expected);
        }
    }

    #[test]
    fn arguments_are_written_as_hooks_read_them() {
        let given = json!({
            "snapshot_id": "a b", "deep": true, "no": false, "none": null, "empty": "", "blank": " ",
            "depth": 0, "tags": ["a", 1], "overrides": {"pip": {}}, "_private": "x",
            "name": "-rf; $(x)", "trimmed": " y ",
        });
        assert_eq!(
            words("/p/x", &given)[1..],
            [
                "--snapshot-id=a b",
                "--deep",
                "--depth=0",
                "--tags=[\"a\",1]",
                "--overrides={\"pip\":{}}",
                "--name=-rf; $(x)",
                "--trimmed=y",
            ]
        );
    }

    #[test]
    fn what_would_be_read_as_something_else_is_refused() {
        for key in ["", "-x", "a=b", "a b", "ü", "a\0"] {
            let arguments = Map::from_iter([(key.to_owned(), json!("x"))]);
            assert!(
                command(Path::new("x"), "python3", &arguments).is_err(),
                "{key:?}"
            );
        }
        let nul = Map::from_iter([("a".to_owned(), json!("x\0y"))]);
        assert!(matches!(
            command(Path::new("x"), "python3", &nul),
            Err(InvalidArgument::NulCharacter { .. })
        ));
    }
}
