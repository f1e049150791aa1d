//! One installation: the record, the link, the logs, and that it is not done twice.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::{env, process};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::case::Case;
use super::hooks::Plugins;
use crate::program::Program;
use crate::workspace::Workspace;

/// The built program, and a ledger for it; gone when this is dropped.
pub(super) struct Ground<'w> {
    workspace: &'w Workspace,
    program: PathBuf,
    data: PathBuf,
    /// Hooks that are asked, and nobody else.
    hooks: Option<Plugins>,
}

impl<'w> Ground<'w> {
    pub(super) fn make(workspace: &'w Workspace) -> Result<Self> {
        let messages = Program::cargo(workspace)
            .args("build --quiet --message-format json-render-diagnostics")
            .args("--package hostledger-cli")
            .output()?;
        let messages = String::from_utf8(messages).context("cargo's messages are no text")?;
        let executable = |line: &str| {
            let message: Value = serde_json::from_str(line).ok()?;
            let path = message["executable"].as_str()?;
            (message["target"]["name"] == "hostledger").then(|| PathBuf::from(path))
        };
        let program = messages.lines().find_map(executable);
        let name = format!("hostledger-installs-{}", process::id());
        Ok(Self {
            workspace,
            program: program.context("cargo does not say where hostledger is")?,
            data: env::temp_dir().join(name),
            hooks: None,
        })
    }

    /// The same program and another ledger, in which hooks alone install.
    pub(super) fn by_hooks(&self, plugins: Plugins) -> Self {
        Self {
            workspace: self.workspace,
            program: self.program.clone(),
            data: self.data.with_extension("hooks"),
            hooks: Some(plugins),
        }
    }

    /// Runs installers by themselves; the record of the last one.
    pub(super) fn run_hooks(&self, arguments: &str) -> Result<Value> {
        let ended = self
            .hostledger()
            .args(&format!("hook run BinaryRequest {arguments} --json --cwd"))
            .arg(self.data.join("work"))
            .words(self.plugins())
            .ended()?;
        let text = String::from_utf8_lossy(&ended.stdout);
        let last = text.lines().last().context("no hook was run")?;
        serde_json::from_str(last).context("no JSON")
    }

    /// Runs an event's hooks; the record of the last one.
    pub(super) fn run_event(&self, event: &str, plugins: &Path) -> Result<Value> {
        let ended = self
            .hostledger()
            .args(&format!("hook run {event} --json --cwd"))
            .arg(self.data.join("work"))
            .arg("--plugins")
            .arg(plugins)
            .ended()?;
        let text = String::from_utf8_lossy(&ended.stdout);
        let last = text.lines().last().context("no hook was run")?;
        serde_json::from_str(last).context("no JSON")
    }

    fn plugins(&self) -> Vec<OsString> {
        let hooks = self.hooks.iter();
        hooks
            .flat_map(|it| ["--plugins".into(), it.directory.clone().into()])
            .collect()
    }

    fn hostledger(&self) -> Program {
        let program = Program::new(self.workspace, &self.program)
            .arg("--data")
            .arg(&self.data)
            .env("HOSTLEDGER_DATABASE", "");
        match &self.hooks {
            Some(plugins) => program.env("HOSTLEDGER_PYTHON", &plugins.python),
            None => program,
        }
    }

    fn json<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<Vec<Value>> {
        let output = self.hostledger().words(arguments).arg("--json").output()?;
        let text = String::from_utf8(output)?;
        text.lines()
            .map(|line| serde_json::from_str(line).context("no JSON"))
            .collect()
    }

    fn install(&self, case: &Case) -> Result<Value> {
        let line = [
            "binary",
            "install",
            case.name,
            "--providers",
            case.providers,
        ];
        let mut line: Vec<OsString> = line.map(OsString::from).into();
        if self.hooks.is_some() {
            line.push("--hooks-only".into());
            line.extend(self.plugins());
        }
        let mut records = self.json(&line)?;
        records.pop().context("no record was printed")
    }

    /// How many programs providers have run, hooks or others.
    fn runs(&self) -> Result<usize> {
        let kind = if self.hooks.is_some() {
            "hook"
        } else {
            "binary"
        };
        Ok(self.json(&["ps", "--all", "--type", kind])?.len())
    }

    /// Installs it, twice; says which version it is.
    pub(super) fn check(&self, case: &Case) -> Result<String> {
        let record = self.install(case)?;
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        ensure!(
            text("status") == "installed",
            "its status is {}",
            text("status")
        );
        ensure!(
            text("binprovider") == case.by,
            "it is by {}",
            text("binprovider")
        );
        ensure!(text("sha256").len() == 64, "its hash is {}", text("sha256"));
        let version = text("version");
        ensure!(!version.is_empty(), "it has no version");
        let link = self.data.join("lib/bin").join(case.name);
        let target = fs::read_link(&link).context("it is not linked")?;
        ensure!(
            target == Path::new(&text("abspath")),
            "its link leads elsewhere"
        );
        self.has_logs(case, &record)?;
        let shown = self.json(&["binary", "show", case.name])?;
        ensure!(shown == [record.clone()], "it is shown otherwise");

        let runs = self.runs()?;
        ensure!(self.install(case)? == record, "again, it is another one");
        ensure!(self.runs()? == runs, "again, something was run");
        let checks = self.json(&["binary", "verify", case.name])?;
        ensure!(checks[0]["check"] == "intact", "it is {}", checks[0]);
        Ok(version)
    }

    fn has_logs(&self, case: &Case, record: &Value) -> Result<()> {
        let id = |key: &str| record[key].as_str().unwrap_or_default();
        let directory = self
            .data
            .join("machines")
            .join(id("machine_id"))
            .join("binaries")
            .join(case.name)
            .join(id("id"))
            .join(case.by);
        let logs = fs::read_dir(&directory);
        let logs = logs.with_context(|| format!("there is no {}", directory.display()))?;
        if logs.count() == 0 {
            bail!("{} has no logs", directory.display());
        }
        Ok(())
    }
}

impl Drop for Ground<'_> {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.data) {
            eprintln!("    {} stays: {error}", self.data.display());
        }
    }
}
