//! A program that is about to be started.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::output::Output;
use crate::program::command;
use crate::started::Started;
use crate::wait::DEADLINE;

/// A program with arguments and surroundings that are the same on every host.
#[derive(Debug)]
pub struct Invocation {
    command: Command,
    shown: String,
    input: Option<Vec<u8>>,
    limit: Duration,
}

impl Invocation {
    /// A program that gets no input and none of the variables of whoever runs the tests.
    pub(crate) fn new(program: &OsStr, directory: &Path, home: &Path) -> Self {
        let mut command = command(program);
        command
            .current_dir(directory)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let shown = Path::new(program).file_name().unwrap_or(program);
        Self {
            command,
            shown: shown.to_string_lossy().into_owned(),
            input: None,
            limit: DEADLINE,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        // Writing to a String cannot fail.
        let _ = write!(self.shown, " {}", argument.as_ref().display());
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(self, arguments: I) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(key);
        self
    }

    /// Starts it in another directory.
    #[must_use]
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Gives it this to read.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self.command.stdin(Stdio::piped());
        self
    }

    /// Gives it a pipe to read, into which nothing is ever written.
    #[must_use]
    pub fn silent_input(mut self) -> Self {
        self.command.stdin(Stdio::piped());
        self
    }

    /// Has it read from elsewhere.
    #[must_use]
    pub fn stdin(mut self, place: impl Into<Stdio>) -> Self {
        self.command.stdin(place);
        self
    }

    /// Has its standard output go elsewhere.
    #[must_use]
    pub fn stdout(mut self, place: impl Into<Stdio>) -> Self {
        self.command.stdout(place);
        self.shown.push_str(" >…");
        self
    }

    /// Has its standard error go elsewhere.
    #[must_use]
    pub fn stderr(mut self, place: impl Into<Stdio>) -> Self {
        self.command.stderr(place);
        self.shown.push_str(" 2>…");
        self
    }

    /// Has it ended, with the test, when it runs longer than this.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The command line as a shell takes it, to be typed.
    #[must_use]
    pub fn typed(&self) -> String {
        let parts = [self.command.get_program()]
            .into_iter()
            .chain(self.command.get_args());
        let quoted = parts.map(|part| {
            let part = part.to_str().unwrap().replace('\'', r"'\''");
            format!("'{part}'")
        });
        quoted.collect::<Vec<_>>().join(" ")
    }

    /// Starts it.
    #[must_use]
    #[track_caller]
    pub fn start(self) -> Started {
        let Self {
            mut command,
            shown,
            input,
            limit,
        } = self;
        // So that all of it can be ended when it takes too long.
        command.process_group(0);
        Started::new(command, shown, input, limit)
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn output(self) -> Output {
        self.start().wait()
    }

    /// Runs it to its end with all its output in one file, in the order in which it is written.
    #[must_use]
    #[track_caller]
    pub fn merged_output(self, file: &Path) -> (Output, Vec<u8>) {
        let out = fs::File::options().append(true).create(true).open(file);
        let out = out.unwrap();
        let err = out.try_clone().unwrap();
        let output = self.stdout(out).stderr(err).output();
        (output, fs::read(file).unwrap())
    }

    /// What is to be run, for a [`Terminal`](crate::Terminal).
    pub(crate) fn into_command(self) -> Command {
        self.command
    }
}
