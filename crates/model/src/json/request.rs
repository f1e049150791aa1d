//! A command to be queued, as a line of JSON asks for it.

use std::fmt;
use std::time::Duration;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::line::{NotAnObject, kind};
use super::process::GivenEnvironment;
use crate::{CommandLine, InvalidCommand, MachineId, ProcessDraft, Timestamp, parse_duration};

/// A command to be queued: `cmd`, and what else is said of it.
///
/// Unlike a record it has no other fields than these: one that is misspelt would be a command
/// without what was meant.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRequest {
    cmd: Vec<String>,
    pwd: Option<String>,
    #[serde(default)]
    env: GivenEnvironment,
    timeout: Option<RequestedTime>,
    max_attempts: Option<u32>,
    retry_at: Option<Timestamp>,
    name: Option<String>,
}

/// Why a line asks for no command.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRequest {
    /// It is no JSON object.
    #[error(transparent)]
    NotAnObject(#[from] NotAnObject),
    /// A field is unknown or missing, or does not hold what it should.
    #[error("{field} cannot be read")]
    Field {
        /// Which field, such as `cmd[1]`.
        field: String,
        /// What was found, and what was expected.
        #[source]
        source: serde_json::Error,
    },
    /// Its command cannot be run.
    #[error("cmd cannot be run")]
    Command(#[source] InvalidCommand),
}

impl CommandRequest {
    /// Reads a line.
    ///
    /// # Errors
    /// [`InvalidRequest`] says which field is wrong; it never shows the value of a variable.
    pub fn from_json(line: &str) -> Result<Self, InvalidRequest> {
        let parsed = match line.trim_start().starts_with('{') {
            true => serde_json::from_str(line).ok(),
            // A list would be read as the fields in their order.
            false => None,
        };
        parsed.map_or_else(|| Err(refusal(line)), Ok)
    }

    /// What is to be queued; without `pwd` in `directory`, as is one that is relative.
    ///
    /// Texts are checked when the draft becomes a process.
    ///
    /// # Errors
    /// The command is empty or holds a NUL character.
    pub fn into_draft(
        self,
        machine: MachineId,
        directory: Vec<u8>,
    ) -> Result<ProcessDraft, InvalidRequest> {
        let parts = self.cmd.into_iter().map(String::into_bytes).collect();
        let command = CommandLine::new(parts).map_err(InvalidRequest::Command)?;
        let pwd = match self.pwd {
            Some(pwd) if pwd.is_empty() || pwd.starts_with('/') => pwd.into_bytes(),
            Some(pwd) => [directory.as_slice(), b"/", pwd.as_bytes()].concat(),
            None => directory,
        };
        Ok(ProcessDraft {
            env: self.env.0,
            timeout_ms: self.timeout.map(|time| time.0),
            max_attempts: self.max_attempts.unwrap_or(1),
            due_at: self.retry_at,
            name: self.name,
            ..ProcessDraft::new(machine, command, pwd)
        })
    }
}

/// Says of a line that could not be read what is wrong with it: more than is known when it is
/// read at once, which is faster.
fn refusal(line: &str) -> InvalidRequest {
    let object = match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        Ok(other) => {
            let found = kind(&other);
            return NotAnObject::Other { found }.into();
        }
        Err(source) => return NotAnObject::Syntax(source).into(),
    };
    match serde_path_to_error::deserialize::<_, CommandRequest>(Value::Object(object)) {
        Err(error) => InvalidRequest::Field {
            field: error.path().to_string(),
            source: error.into_inner(),
        },
        // As an object is read, the last of several fields of one name counts.
        Ok(_) => InvalidRequest::Field {
            field: "the object".to_owned(),
            source: serde_json::Error::custom("a field is there twice"),
        },
    }
}

/// Milliseconds, read from seconds as a number, or from text such as `1.5s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RequestedTime(u64);

impl RequestedTime {
    fn new(time: Duration) -> Self {
        Self(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

impl<'de> Deserialize<'de> for RequestedTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = RequestedTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds, or a length of time such as \"1.5s\"")
            }

            fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<RequestedTime, E> {
                Ok(RequestedTime(seconds.saturating_mul(1000)))
            }

            fn visit_i64<E: serde::de::Error>(self, seconds: i64) -> Result<RequestedTime, E> {
                u64::try_from(seconds)
                    .map_err(|_| E::custom(format!("{seconds} is less than no time")))
                    .and_then(|seconds| self.visit_u64(seconds))
            }

            fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<RequestedTime, E> {
                Duration::try_from_secs_f64(seconds)
                    .map(RequestedTime::new)
                    .map_err(E::custom)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RequestedTime, E> {
                parse_duration(text)
                    .map(RequestedTime::new)
                    .map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::with_causes;
    use serde_json::json;

    fn draft(line: &str) -> ProcessDraft {
        let request = CommandRequest::from_json(line).unwrap();
        request
            .into_draft(MachineId::generate(), b"/here".to_vec())
            .unwrap()
    }

    fn refused(line: &str) -> String {
        let error = CommandRequest::from_json(line)
            .and_then(|it| it.into_draft(MachineId::generate(), b"/here".to_vec()))
            .unwrap_err();
        with_causes(&error)
    }

    #[test]
    fn a_command_is_enough() {
        let draft = draft(r#" {"cmd":["echo","a b"]} "#);
        assert_eq!(draft.command.to_text(), ["echo", "a b"]);
        assert_eq!(
            (draft.pwd.as_slice(), draft.timeout_ms),
            (&b"/here"[..], None)
        );
        assert_eq!((draft.max_attempts, draft.due_at), (1, None));
    }

    #[test]
    fn everything_can_be_said() {
        let draft = draft(
            r#"{"cmd":["x"],"pwd":"/tmp","env":{"A":1,"B":null},"timeout":"1.5s",
                "max_attempts":3,"retry_at":"2026-01-31T13:00:00+01:00","name":"n"}"#,
        );
        assert_eq!(
            (draft.pwd.as_slice(), draft.timeout_ms),
            (&b"/tmp"[..], Some(1500))
        );
        assert_eq!(Value::Object(draft.env), json!({"A": 1, "B": null}));
        assert_eq!((draft.max_attempts, draft.name.as_deref()), (3, Some("n")));
        assert_eq!(draft.due_at, "2026-01-31T12:00:00Z".parse().ok());
        let nothing = r#"{"cmd":["x"],"pwd":null,"env":null,"timeout":null,"name":null}"#;
        assert_eq!(super::tests::draft(nothing).timeout_ms, None);
    }

    #[test]
    fn a_timeout_is_seconds_or_a_length_of_time() {
        for (timeout, millis) in [("2", 2000), ("0.25", 250), ("\"2m\"", 120_000), ("0", 0)] {
            let line = format!("{{\"cmd\":[\"x\"],\"timeout\":{timeout}}}");
            assert_eq!(draft(&line).timeout_ms, Some(millis));
        }
        for timeout in ["-1", "-0.5", "\"5\"", "\"soon\"", "true", "1e300"] {
            let error = refused(&format!("{{\"cmd\":[\"x\"],\"timeout\":{timeout}}}"));
            assert!(error.starts_with("timeout"), "{error}");
        }
    }

    #[test]
    fn a_relative_directory_is_below_the_usual_one() {
        assert_eq!(draft(r#"{"cmd":["x"],"pwd":"a/b"}"#).pwd, b"/here/a/b");
        assert_eq!(draft(r#"{"cmd":["x"],"pwd":""}"#).pwd, b"");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, says) in [
            ("[[\"x\"]]", "a list"),
            ("\"x\"", "a text"),
            ("{\"cmd\":[\"x\"]", "not JSON"),
            ("{\"cmd\":[\"x\"],\"retries\":2}", "retries"),
            ("{}", "cmd"),
            ("{\"cmd\":\"ls -l\"}", "cmd"),
            ("{\"cmd\":[]}", "cmd"),
            ("{\"cmd\":[\"a\\u0000b\"]}", "NUL"),
            ("{\"cmd\":[\"x\",5]}", "cmd[1]"),
            ("{\"cmd\":[\"x\"],\"retry_at\":\"tomorrow\"}", "retry_at"),
            ("{\"cmd\":[\"x\"],\"max_attempts\":-1}", "max_attempts"),
            ("{\"cmd\":[\"x\"],\"cmd\":[\"y\"]}", "twice"),
        ] {
            let error = refused(line);
            assert!(error.contains(says), "{line}: {error}");
        }
    }

    #[test]
    fn no_message_shows_a_variables_value() {
        for env in ["\"TOKEN=hunter2\"", "[\"hunter2\"]"] {
            let error = refused(&format!("{{\"cmd\":[\"x\"],\"env\":{env}}}"));
            assert!(
                error.contains("env") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
