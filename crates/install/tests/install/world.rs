//! A host of a test's own: a data directory, a `PATH`, and a runner that records what it ran.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hostledger_install::{
    Allowed, Digests, Order, Place, Providers, Request, RunError, Runner, Unsuccessful, attempt,
};
use hostledger_model::{
    Binary, CommandLine, InstalledFile, MachineId, Outcome, Process, ProcessDraft, SecretWords,
    Timestamp,
};
use serde_json::Value;

pub(crate) struct World {
    pub(crate) root: tempfile::TempDir,
    pub(crate) place: Place,
    pub(crate) binary: Binary,
    pub(crate) runner: Direct,
}

impl World {
    /// Nothing is installed, and nothing but what the shell needs can be found.
    pub(crate) fn asking_for(name: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (data, bin) = (root.path().join("data"), root.path().join("bin"));
        fs::create_dir(&data).unwrap();
        fs::create_dir(&bin).unwrap();
        let place = Place {
            data,
            search_path: bin.into_os_string(),
            named: BTreeMap::new(),
            is_root: true,
        };
        let binary = Binary::request(MachineId::generate(), name, Timestamp::now()).unwrap();
        Self {
            root,
            place,
            binary,
            runner: Direct::default(),
        }
    }

    pub(crate) fn with(mut self, overrides: Value) -> Self {
        self.binary.overrides = overrides;
        self
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            binary: &self.binary,
            place: &self.place,
        }
    }

    /// A script on `PATH`.
    pub(crate) fn tool(&self, name: &str, script: &str) -> PathBuf {
        let path = self.root.path().join("bin").join(name);
        program(&path, script);
        path
    }

    pub(crate) fn lib(&self, path: &str) -> PathBuf {
        self.place.lib().join(path)
    }

    /// Has a built-in provider try.
    pub(crate) fn attempt(&self, provider: &str) -> Result<InstalledFile, Unsuccessful> {
        let providers = Providers::built_in();
        let allowed = providers.allowed(provider);
        let [Allowed::Provider(provider)] = allowed.as_slice() else {
            panic!("a provider {provider}");
        };
        attempt(
            *provider,
            &self.request(),
            &self.runner,
            &Digests::default(),
        )
    }

    /// Why it did not, and whether it was skipped.
    #[track_caller]
    pub(crate) fn refusal(&self, provider: &str) -> (bool, String) {
        match self.attempt(provider) {
            Err(Unsuccessful::Skipped { reason }) => (true, reason),
            Err(Unsuccessful::Failed { reason }) => (false, reason),
            other => panic!("no refusal: {other:?}"),
        }
    }

    /// What was run, one command a line, without the world's own directory.
    pub(crate) fn commands(&self) -> Vec<String> {
        let root = format!("{}/", self.root.path().display());
        let orders = self.runner.orders.lock().unwrap();
        let line = |order: &Order| {
            let words = order.command.iter().map(|word| word.to_string_lossy());
            words.collect::<Vec<_>>().join(" ").replace(&root, "")
        };
        orders.iter().map(line).collect()
    }
}

/// Writes an executable shell script.
pub(crate) fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// A shell line that makes a program which says its version.
pub(crate) fn makes(path: &str, version: &str) -> String {
    format!(
        "/bin/mkdir -p \"$(/usr/bin/dirname \"{path}\")\"; \
         printf '#!/bin/sh\\necho {version}\\n' > \"{path}\"; /bin/chmod 755 \"{path}\""
    )
}

/// Runs programs itself, as nothing is recorded here.
#[derive(Default)]
pub(crate) struct Direct {
    pub(crate) orders: Mutex<Vec<Order>>,
}

impl Runner for Direct {
    #[expect(
        clippy::disallowed_methods,
        reason = "this stands for the layers that start programs"
    )]
    fn run(&self, order: Order) -> Result<Process, RunError> {
        fs::create_dir_all(&order.working_directory).unwrap();
        let words: Vec<Vec<u8>> = order
            .command
            .iter()
            .map(|word| word.clone().into_vec())
            .collect();
        let directory = order.working_directory.clone().into_os_string().into_vec();
        let command = CommandLine::new(words).unwrap();
        let draft = ProcessDraft::new(MachineId::generate(), command, directory);
        let (mut process, _) = draft
            .into_process(&SecretWords::default(), Timestamp::now())
            .unwrap();
        process.timeout_ms = Some(order.timeout.as_millis().try_into().unwrap());
        let variables = order.env.iter();
        let out = tempfile::NamedTempFile::new().unwrap();
        let err = tempfile::NamedTempFile::new().unwrap();
        let started = Command::new(&order.command[0])
            .args(&order.command[1..])
            .envs(variables.map(|(key, value)| (key, value.as_str().unwrap_or_default())))
            .current_dir(&order.working_directory)
            .stdin(Stdio::null())
            .stdout(out.reopen().unwrap())
            .stderr(err.reopen().unwrap())
            .process_group(0)
            .spawn();
        let deadline = Instant::now() + order.timeout.min(Duration::from_secs(20));
        self.orders.lock().unwrap().push(order);
        let Ok(mut child) = started else {
            process.outcome = Some(Outcome::SpawnFailed);
            process.exit_code = Some(127);
            return Ok(process);
        };
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                process.outcome = Some(Outcome::TimedOut);
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        process.outcome.get_or_insert(if status.code().is_some() {
            Outcome::Exited
        } else {
            Outcome::Signaled
        });
        let code = status.code().or(status.signal().map(|it| it + 128));
        process.exit_code = code;
        process.stdout = fs::read_to_string(out.path()).unwrap();
        process.stderr = fs::read_to_string(err.path()).unwrap();
        Ok(process)
    }

    fn open_stdout(&self, _: &Process) -> Result<Option<File>, RunError> {
        Ok(None)
    }
}

/// Directories joined as `PATH` has them.
pub(crate) fn search_path(directories: &[&Path]) -> OsString {
    std::env::join_paths(directories).unwrap()
}
