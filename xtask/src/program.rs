//! Running other programs: the only place in xtask that starts one.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// A program to be run in the root of the workspace, without standard input.
pub(crate) struct Program {
    command: Command,
    shown: String,
}

impl Program {
    /// A program by name or path.
    pub(crate) fn new(workspace: &Workspace, program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        #[expect(
            clippy::disallowed_methods,
            reason = "chores are run by hand or by CI; the ledger has nothing to record about them"
        )]
        let mut command = Command::new(program);
        command.current_dir(&workspace.root).stdin(Stdio::null());
        // `cargo run` describes xtask itself in these. A nested cargo would hand them to build
        // scripts that ask to be run again when they change, and so build crates twice.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&*name);
            }
        }
        Self {
            command,
            shown: program.to_string_lossy().into_owned(),
        }
    }

    /// The cargo that runs this xtask.
    pub(crate) fn cargo(workspace: &Workspace) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let program = Self::new(workspace, cargo);
        Self {
            shown: "cargo".to_owned(),
            ..program
        }
    }

    /// Adds arguments; a string is split at its spaces.
    pub(crate) fn args(mut self, arguments: &str) -> Self {
        for argument in arguments.split_whitespace() {
            self = self.arg(argument);
        }
        self
    }

    /// Adds one argument, spaces and all.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&argument.as_ref().to_string_lossy());
        self.command.arg(argument);
        self
    }

    /// Sets one environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.shown = format!("{name}={:?} {}", value.as_ref(), self.shown);
        self.command.env(name, value);
        self
    }

    /// Adds arguments, spaces and all.
    pub(crate) fn words<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(self, arguments: I) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Starts it in a process group of its own; this is what it reads and where it writes.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(
        mut self,
        stdin: impl Into<Stdio>,
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
    ) -> Result<Child> {
        let command = self.command.process_group(0).stdin(stdin);
        command
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("`{}` cannot be started", self.shown))
    }

    /// Runs it quietly to its end, however that is.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn ended(mut self) -> Result<Output> {
        self.command
            .output()
            .with_context(|| format!("`{}` cannot be started", self.shown))
    }

    /// Shows the command line, runs it with our output and waits.
    ///
    /// # Errors
    /// It cannot be started, or it fails.
    pub(crate) fn run(mut self) -> Result<()> {
        eprintln!("    $ {}", self.shown);
        let status = self
            .command
            .status()
            .with_context(|| format!("`{}` cannot be started", self.shown))?;
        if !status.success() {
            bail!("`{}` ended with {status}", self.shown);
        }
        Ok(())
    }

    /// Runs it quietly and returns its standard output.
    ///
    /// # Errors
    /// It cannot be started, or it fails: then the error holds what it wrote to standard error.
    pub(crate) fn output(mut self) -> Result<Vec<u8>> {
        let output = self
            .command
            .output()
            .with_context(|| format!("`{}` cannot be started", self.shown))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!(
                "`{}` ended with {}: {}",
                self.shown,
                output.status,
                said.trim_end()
            );
        }
        Ok(output.stdout)
    }
}
