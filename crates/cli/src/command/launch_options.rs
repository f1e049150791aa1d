//! What can be said of a command that is to be run, now or later.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use hostledger::model::{
    KillMode, LimitExceeded, ResourceLimit, parse_duration, parse_umask, process_limits,
};
use hostledger::{CommandBuilder, Ledger};

use crate::size::parse_size;

/// Options of `run` and `submit`.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub(super) struct LaunchOptions {
    /// End it when it runs longer than this, such as 500ms, 90s or 1h30m; no limit without
    #[arg(long, value_name = "TIME", value_parser = parse_timeout)]
    timeout: Option<Duration>,
    /// A name for people
    #[arg(long, value_parser = parse_name)]
    name: Option<String>,
    /// Run it in this directory
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Give it a variable, in addition to the environment of whoever starts it; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    env: Vec<OsString>,
    /// Start from an empty environment
    #[arg(long)]
    clear_env: bool,
    /// What is ended with it, by a timeout, a signal or kill: all that descends from it (tree), its
    /// process group (group) or it alone (process)
    #[arg(long, value_name = "MODE", value_parser = kill_mode(), default_value = "tree")]
    kill_mode: KillMode,
    /// Keep at most this much of each stream in its log, the newest: bytes, or with K, M or G; 0
    /// for all of it [default: 1G]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_log_size: Option<u64>,
    /// Its nice value, -20 (most favoured) to 19
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32).range(-20..=19)
    )]
    nice: Option<i32>,
    /// Its file mode creation mask, in octal
    #[arg(long, value_name = "MASK", value_parser = parse_umask)]
    umask: Option<u32>,
    /// A resource limit such as nofile=1024 or core=0:unlimited; repeatable
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    rlimit: Vec<ResourceLimit>,
}

impl LaunchOptions {
    /// The command that is meant by a program and its arguments.
    pub(super) fn command(
        &self,
        words: &[OsString],
        ledger: &Ledger,
    ) -> anyhow::Result<CommandBuilder> {
        let mut words = words.iter().cloned();
        let program = words.next().unwrap_or_default();
        let mut command = ledger
            .command(program)
            .args(words)
            .kill_mode(self.kill_mode);
        command = match self.timeout {
            Some(timeout) => command.timeout(timeout),
            None => command.no_timeout(),
        };
        for variable in &self.env {
            let (key, value) = parse_variable(variable)?;
            command = command.env(key, value);
        }
        for limit in &self.rlimit {
            command = command.limit(limit.clone());
        }
        if let Some(name) = &self.name {
            command = command.name(name);
        }
        if let Some(directory) = &self.cwd {
            command = command.current_dir(directory);
        }
        if let Some(nice) = self.nice {
            command = command.nice(nice);
        }
        if let Some(umask) = self.umask {
            command = command.umask(umask);
        }
        if let Some(bytes) = self.max_log_size {
            command = command.max_log_bytes(bytes);
        }
        if self.clear_env {
            command = command.env_clear();
        }
        Ok(command)
    }

    /// Whether any of them was given.
    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// None was given.
impl Default for LaunchOptions {
    fn default() -> Self {
        Self {
            timeout: None,
            name: None,
            cwd: None,
            env: Vec::new(),
            clear_env: false,
            kill_mode: KillMode::Tree,
            max_log_size: None,
            nice: None,
            umask: None,
            rlimit: Vec::new(),
        }
    }
}

fn parse_name(name: &str) -> Result<String, LimitExceeded> {
    process_limits::NAME.check(name)?;
    Ok(name.to_owned())
}

/// Timeouts are kept in milliseconds.
fn parse_timeout(text: &str) -> Result<Duration, Box<dyn Error + Send + Sync>> {
    let timeout = parse_duration(text)?;
    if timeout < Duration::from_millis(1) {
        return Err("give 1ms or more, or no timeout".into());
    }
    Ok(timeout)
}

/// Shows the words that there are in help and completions.
fn kill_mode() -> impl clap::builder::TypedValueParser<Value = KillMode> {
    let words = KillMode::ALL.iter().map(|mode| mode.as_str());
    PossibleValuesParser::new(words).try_map(|word| word.parse())
}

/// Splits `KEY=VALUE`. No message ever shows a value: it may be secret.
fn parse_variable(variable: &OsStr) -> anyhow::Result<(String, String)> {
    let bytes = variable.as_bytes();
    let Some(at) = bytes.iter().position(|byte| *byte == b'=') else {
        return Err(anyhow!(
            "--env {}: there is no '=': write KEY=VALUE",
            variable.display()
        ));
    };
    let (key, value) = (bytes.get(..at), bytes.get(at + 1..));
    let text = |part: Option<&[u8]>| String::from_utf8(part.unwrap_or_default().to_vec());
    let name = String::from_utf8_lossy(key.unwrap_or_default()).into_owned();
    match (text(key), text(value)) {
        (Ok(key), _) if key.is_empty() => Err(anyhow!("--env: there is no name before the '='")),
        (Ok(key), Ok(value)) => Ok((key, value)),
        (Err(_), _) => Err(anyhow!("--env {name}: the name is not UTF-8")),
        (_, Err(_)) => Err(anyhow!(
            "--env {name}: the value is not UTF-8, which cannot be recorded"
        )),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Options {
        #[command(flatten)]
        options: LaunchOptions,
    }

    fn options(words: &[&str]) -> LaunchOptions {
        let words = ["x"].iter().chain(words);
        Options::try_parse_from(words).unwrap().options
    }

    #[test]
    fn limits_of_time_and_logs_are_read_as_people_write_them() {
        let read = options(&[
            "--timeout",
            "1m30s",
            "--max-log-size",
            "64M",
            "--nice",
            "-5",
        ]);
        assert_eq!(read.timeout, Some(Duration::from_secs(90)));
        assert_eq!((read.max_log_size, read.nice), (Some(64 << 20), Some(-5)));
        let read = options(&["--kill-mode", "process", "--max-log-size", "0"]);
        assert_eq!((read.timeout, read.max_log_size), (None, Some(0)));
        assert_eq!(read.kill_mode, KillMode::Process);
        assert!(read.any());
    }

    #[test]
    fn without_any_they_are_as_by_default() {
        assert_eq!(options(&[]), LaunchOptions::default());
        assert!(!options(&[]).any());
    }

    #[test]
    fn a_variable_is_split_at_its_first_equals_sign() {
        let split = |text: &str| parse_variable(OsStr::new(text)).unwrap();
        assert_eq!(split("A=b=c"), ("A".to_owned(), "b=c".to_owned()));
        assert_eq!(split("A="), ("A".to_owned(), String::new()));
    }

    #[test]
    fn a_variable_that_is_refused_is_named_and_its_value_is_not() {
        let refused = |bytes: &[u8]| {
            parse_variable(OsStr::from_bytes(bytes))
                .unwrap_err()
                .to_string()
        };
        assert!(refused(b"FOO").contains("FOO") && refused(b"FOO").contains("KEY=VALUE"));
        assert!(!refused(b"=hunter2").contains("hunter2"));
        let error = refused(b"FOO=hunter2\xff");
        assert!(
            error.contains("FOO") && !error.contains("hunter2"),
            "{error}"
        );
        assert!(!refused(b"\xff=hunter2").contains("hunter2"));
    }
}
