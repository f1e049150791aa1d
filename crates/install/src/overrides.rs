//! What a request wants done differently by a provider.

use hostledger_model::Binary;
use serde_json::{Map, Value};

use crate::name::{InvalidName, check_argument};

/// What a request says for one provider; see [`Overrides::of`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// What its package manager is given instead of the program's name; empty for the name.
    pub packages: Vec<String>,
    /// Where the program is, or will be.
    pub abspath: Option<String>,
    /// Which version it is: the program is not asked then.
    pub version: Option<String>,
    /// What is run to install it instead of what the provider would run.
    pub install: Option<Install>,
}

/// A command that installs a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Install {
    /// A line for a shell: only for the provider that is one.
    Line(String),
    /// Program and arguments.
    Command(Vec<String>),
}

impl Install {
    /// The command without a shell: a line is taken apart at its blanks.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Self::Line(line) => line.split_whitespace().map(str::to_owned).collect(),
            Self::Command(words) => words.clone(),
        }
    }
}

impl Overrides {
    /// What a request says for a provider. What is not as it should be is passed over;
    /// [`problems_of`] tells.
    #[must_use]
    pub fn of(binary: &Binary, provider: &str) -> Self {
        let Some(Value::Object(of_provider)) = binary.overrides.get(provider) else {
            return Self::default();
        };
        let text = |key: &str| of_provider.get(key).and_then(Value::as_str).map(str::trim);
        let owned = |key| text(key).filter(|it| !it.is_empty()).map(str::to_owned);
        let mut packages = words(of_provider, "packages");
        packages.extend(words(of_provider, "install_args"));
        Self {
            packages,
            abspath: owned("abspath"),
            version: owned("version"),
            install: match of_provider.get("install") {
                Some(Value::Array(_)) => Some(Install::Command(words(of_provider, "install"))),
                _ => owned("install").map(Install::Line),
            },
        }
    }
}

/// A list of texts, or one text with blanks between them.
fn words(object: &Map<String, Value>, key: &str) -> Vec<String> {
    match object.get(key) {
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// Checks all that package managers are given by the overrides of a request.
///
/// # Errors
/// Names the first argument that no provider is given.
pub fn check_overrides(binary: &Binary) -> Result<(), InvalidName> {
    let Value::Object(overrides) = &binary.overrides else {
        return Ok(());
    };
    for provider in overrides.keys() {
        for argument in Overrides::of(binary, provider).packages {
            check_argument(provider, &argument)?;
        }
    }
    Ok(())
}

/// What of the overrides of a request has no meaning and is ignored, in words.
#[must_use]
pub fn problems_of(overrides: &Value) -> Vec<String> {
    let overrides = match overrides {
        Value::Object(overrides) => overrides,
        Value::Null => return Vec::new(),
        _ => return vec!["the overrides are no object".to_owned()],
    };
    let known = ["packages", "install_args", "abspath", "version", "install"];
    let mut problems = Vec::new();
    for (provider, value) in overrides {
        let Value::Object(keys) = value else {
            problems.push(format!("the override for {provider} is no object"));
            continue;
        };
        let unknown = keys.keys().filter(|key| !known.contains(&key.as_str()));
        problems.extend(unknown.map(|key| format!("the override {key} for {provider} is unknown")));
        let is_list = |value: &Value| {
            let list = value.as_array();
            list.is_some_and(|list| list.iter().all(Value::is_string))
        };
        let odd = keys.iter().filter(|(key, value)| {
            let one_text = value.is_string() || value.is_null();
            let may_be_list = !matches!(key.as_str(), "abspath" | "version");
            known.contains(&key.as_str()) && !one_text && !(may_be_list && is_list(value))
        });
        problems
            .extend(odd.map(|(key, _)| format!("the override {key} for {provider} is no text")));
    }
    problems
}

#[cfg(test)]
mod tests {
    use hostledger_model::{MachineId, Timestamp};
    use serde_json::json;

    use super::*;

    fn request(overrides: Value) -> Binary {
        let mut binary = Binary::request(MachineId::generate(), "x", Timestamp::now()).unwrap();
        binary.overrides = overrides;
        binary
    }

    #[test]
    fn arguments_are_a_list_or_one_text() {
        for args in [json!(["a", "--b"]), json!(" a  --b ")] {
            let binary = request(json!({"apt": {"install_args": args}}));
            assert_eq!(Overrides::of(&binary, "apt").packages, ["a", "--b"]);
            assert_eq!(Overrides::of(&binary, "pip"), Overrides::default());
        }
        let both = request(json!({"pip": {"install_args": ["--pre"], "packages": ["x"]}}));
        assert_eq!(Overrides::of(&both, "pip").packages, ["x", "--pre"]);
    }

    #[test]
    fn a_command_is_a_list_and_a_line_is_for_a_shell() {
        let binary =
            request(json!({"a": {"install": ["make", "a b"]}, "b": {"install": "make b"}}));
        let command = Install::Command(vec!["make".to_owned(), "a b".to_owned()]);
        assert_eq!(Overrides::of(&binary, "a").install, Some(command));
        let line = Install::Line("make b".to_owned());
        assert_eq!(Overrides::of(&binary, "b").install, Some(line));
    }

    #[test]
    fn what_has_no_meaning_is_ignored_and_told() {
        for (overrides, problems) in [
            (json!(null), 0),
            (
                json!({"pip": {"version": "1", "abspath": "/x", "packages": ["a"]}}),
                0,
            ),
            (json!("text"), 1),
            (json!({"pip": 3, "apt": ["x"]}), 2),
            (
                json!({"pip": {"version": 1, "packages": [1], "other": 0}}),
                3,
            ),
        ] {
            assert_eq!(problems_of(&overrides).len(), problems, "{overrides}");
            if problems > 0 {
                assert_eq!(
                    Overrides::of(&request(overrides), "pip"),
                    Overrides::default()
                );
            }
        }
    }

    #[test]
    fn every_provider_s_arguments_are_checked() {
        let hostile = json!({"pip": {"packages": ["ok"]}, "apt": {"install_args": ["-rf"]}});
        let refusal = check_overrides(&request(hostile)).unwrap_err();
        assert!(matches!(refusal, InvalidName::Argument { provider, .. } if provider == "apt"));
        assert!(check_overrides(&request(json!({"apt": {"packages": "chromium"}}))).is_ok());
        assert!(check_overrides(&request(json!(7))).is_ok());
    }
}
