//! The variables a caller gives to a process, and which of them are secret.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Words that make a variable secret when its key has one between underscores.
const SECRET_WORDS: [&str; 10] = [
    "KEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "CREDENTIAL",
    "CREDENTIALS",
    "AUTH",
    "COOKIE",
    "PRIVATE",
];

/// Decides which variables are secret: their values are never stored, logged or shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretWords(Vec<String>);

impl Default for SecretWords {
    fn default() -> Self {
        Self::new(SECRET_WORDS.map(String::from))
    }
}

impl SecretWords {
    /// Words of your own instead of the usual ones; upper and lower case are the same, and an
    /// empty word is none.
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        let words = words.into_iter().filter(|word| !word.is_empty());
        Self(words.map(|word| word.to_uppercase()).collect())
    }

    /// Whether a variable of this key is secret.
    #[must_use]
    pub fn is_secret(&self, key: &str) -> bool {
        key.split('_')
            .any(|part| self.0.contains(&part.to_uppercase()))
    }

    /// Takes the secret values out of `env`, those of `named` keys among them: each key stays,
    /// with null for a value.
    ///
    /// A variable that is null was never given and is no secret.
    pub(crate) fn take_from(
        &self,
        env: &mut Map<String, Value>,
        named: &BTreeSet<String>,
    ) -> Map<String, Value> {
        let mut secrets = Map::new();
        for (key, value) in env.iter_mut() {
            if !value.is_null() && (named.contains(key) || self.is_secret(key)) {
                secrets.insert(key.clone(), value.take());
            }
        }
        secrets
    }
}

/// The variables of an `env` object as a program gets them.
///
/// Text as it is, booleans as `True` and `False`, numbers as text, lists and objects as JSON;
/// null is left out.
#[must_use]
pub fn environment_variables(env: &Map<String, Value>) -> BTreeMap<String, String> {
    env.iter()
        .filter_map(|(key, value)| Some((key.clone(), variable_text(value)?)))
        .collect()
}

fn variable_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

/// Why a variable was refused. Its value is never named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVariable {
    /// The key is empty or holds `=` or a NUL byte.
    #[error("{key:?} cannot name an environment variable: it is empty or holds '=' or a NUL byte")]
    Key {
        /// The key.
        key: String,
    },
    /// The value holds a NUL byte.
    #[error("the value of the environment variable {key} holds a NUL byte")]
    NulByte {
        /// The key.
        key: String,
    },
}

/// Checks that every variable can be given to a program.
pub(crate) fn check(env: &Map<String, Value>) -> Result<(), InvalidVariable> {
    for key in env.keys() {
        if key.is_empty() || key.contains(['=', '\0']) {
            return Err(InvalidVariable::Key { key: key.clone() });
        }
    }
    match environment_variables(env)
        .into_iter()
        .find(|(_, text)| text.contains('\0'))
    {
        Some((key, _)) => Err(InvalidVariable::NulByte { key }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_word_between_underscores_makes_a_key_secret() {
        let words = SecretWords::default();
        for key in [
            "API_KEY",
            "api_token",
            "MYSQL_PASSWORD",
            "AUTH",
            "X_PRIVATE_Y",
            "AWS_CREDENTIALS",
        ] {
            assert!(words.is_secret(key), "{key}");
        }
        for word in SECRET_WORDS {
            let lower = word.to_lowercase();
            for key in [
                word,
                &lower,
                &format!("{word}_2"),
                &format!("my_{lower}"),
                &format!("A__{word}_"),
            ] {
                assert!(words.is_secret(key), "{key}");
            }
            for key in [format!("X{word}"), format!("{lower}x_A")] {
                assert!(!words.is_secret(&key), "{key}");
            }
        }
        for key in ["KEYBOARD", "AUTHOR", "MONKEY", "PATH", "TOKENIZER_NAME", ""] {
            assert!(!words.is_secret(key), "{key}");
        }
        assert!(SecretWords::new(["pin".to_owned()]).is_secret("CARD_PIN"));
        assert!(!SecretWords::new([String::new()]).is_secret("_PATH"));
    }

    #[test]
    fn values_become_text_as_python_programs_expect() {
        let env = object(
            &json!({"A": "x", "B": true, "C": false, "N": 1.5, "Z": null, "L": [1, "a"], "O": {"k": 1}}),
        );
        let pairs: Vec<_> = environment_variables(&env).into_iter().collect();
        let expected = [
            ("A", "x"),
            ("B", "True"),
            ("C", "False"),
            ("L", "[1,\"a\"]"),
            ("N", "1.5"),
            ("O", "{\"k\":1}"),
        ];
        assert_eq!(pairs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn secret_values_leave_their_key_behind() {
        let mut env = object(&json!({"A": "x", "API_TOKEN": "hunter2", "KEY": null}));
        let secrets = SecretWords::default().take_from(&mut env, &BTreeSet::new());
        assert_eq!(
            Value::Object(env),
            json!({"A": "x", "API_TOKEN": null, "KEY": null})
        );
        assert_eq!(Value::Object(secrets), json!({"API_TOKEN": "hunter2"}));
    }

    #[test]
    fn what_cannot_be_a_variable_is_refused_without_its_value() {
        assert!(check(&object(&json!({"A=B": "x"}))).is_err());
        assert!(check(&object(&json!({"": "x"}))).is_err());
        let error = check(&object(&json!({"A": "hunter2\0"}))).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
        assert_eq!(check(&object(&json!({"A": "x"}))), Ok(()));
    }
}
