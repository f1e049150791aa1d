//! Running the hooks of an event.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hostledger_engine::logs::SHARED;
use hostledger_install::hooks::{
    EventName, Hook, LogBegin, Mode, PassedOver, Variables, Verdict, allows,
};
use hostledger_model::json::Refusal;
use hostledger_model::{Process, ProcessType};
use hostledger_process::{Signal, Stream};
use serde_json::{Map, Value};

use super::own_log::OwnLog;
use super::records::{FoundRecords, RecordReader, has_to_answer};
use super::{Interruption, Plugins};
use crate::{Ledger, LedgerError, Output, Running};

/// How long a daemon has to finish when it is asked to end, unless the caller says otherwise.
const DAEMON_GRACE: Duration = Duration::from_secs(30);
/// How long the rest of its tree has after it.
const TREE_GRACE: Duration = Duration::from_secs(2);

/// The hooks of an event, to be run; made by [`Ledger::event`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let plugin = directory.path().join("plugins/greeter");
/// # std::fs::create_dir_all(&plugin)?;
/// # let script = r#"echo "hello $1"; echo '{"type":"Greeting","to":"all"}'"#;
/// # std::fs::write(plugin.join("on_Morning__10_greet.sh"), script)?;
/// # let ledger = hostledger::Ledger::open(directory.path().join("ledger"))?;
/// # let plugins = directory.path().join("plugins");
/// use hostledger::{HookNews, LedgerError, Verdict};
///
/// let plugins = ledger.plugins().directories([plugins]).find()?;
/// let event = ledger
///     .event(&plugins, "Morning".parse()?)
///     .argument("loud", true)
///     .directory(directory.path());
/// let mut greetings = Vec::new();
/// let ends = event.run(|news| -> Result<(), LedgerError> {
///     if let HookNews::Record { record, .. } = news {
///         greetings.push(record["to"].clone());
///     }
///     Ok(())
/// })?;
///
/// assert_eq!(ends[0].verdict, Verdict::Succeeded);
/// assert_eq!(ends[0].process.stdout.lines().next(), Some("hello --loud"));
/// assert_eq!(greetings, ["all"]);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing runs before run is called"]
pub struct EventRun<'a> {
    ledger: &'a Ledger,
    plugins: &'a Plugins,
    event: EventName,
    only: Vec<String>,
    arguments: Map<String, Value>,
    directory: PathBuf,
    daemon_time: Duration,
    interruption: Interruption,
}

/// What happens while the hooks of an event run.
#[derive(Debug)]
pub enum HookNews<'a> {
    /// A hook was started, or could not be: its process tells.
    Started {
        /// Which.
        hook: &'a Hook,
        /// Its row.
        process: &'a Process,
    },
    /// A hook that has ended had printed a record.
    Record {
        /// Which.
        hook: &'a Hook,
        /// The record; it says which hook it comes from.
        record: Map<String, Value>,
        /// Whether it was taken into the ledger: binaries, requests for them, and what a machine
        /// is told. Others are the caller's.
        taken: bool,
    },
    /// A hook had printed what should be a record of ours and is none.
    Refused {
        /// Which.
        hook: &'a Hook,
        /// Why.
        reason: Refusal,
    },
    /// A hook has ended and all its records were told.
    Ended(&'a HookEnd),
}

/// How a hook ended.
#[derive(Debug, Clone)]
pub struct HookEnd {
    /// Which.
    pub hook: Hook,
    /// Its row.
    pub process: Process,
    /// What that means.
    pub verdict: Verdict,
    /// How many records it printed.
    pub records: u64,
    /// How many of them should be records of ours and are none.
    pub refused: u64,
    /// What it printed besides.
    pub passed_over: PassedOver,
}

/// A hook and how it is run.
struct Planned {
    hook: Hook,
    command: Vec<OsString>,
    variables: Variables,
    directory: PathBuf,
    timeout: Duration,
}

/// A hook that runs.
struct Started {
    hook: Hook,
    running: Arc<Running>,
    /// Its own log; none when its log is with all others, as another run of it has that.
    log: Option<OwnLog>,
}

impl Ledger {
    /// The hooks of an event, to be run in directories of their plugins below the current one.
    pub fn event<'a>(&'a self, plugins: &'a Plugins, event: EventName) -> EventRun<'a> {
        EventRun {
            ledger: self,
            plugins,
            event,
            only: Vec::new(),
            arguments: Map::new(),
            directory: PathBuf::from("."),
            daemon_time: DAEMON_GRACE,
            interruption: Interruption::default(),
        }
    }
}

impl EventRun<'_> {
    /// Runs only the hooks of this plugin, and of others that are named like this.
    pub fn plugin(mut self, name: impl Into<String>) -> Self {
        self.only.push(name.into());
        self
    }

    /// Gives them an argument; see [`command`](hostledger_install::hooks::command) for how it is
    /// written.
    pub fn argument(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.arguments.insert(key.into(), value.into());
        self
    }

    /// Runs them in directories of their plugins below this one, which are made.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Says how long daemons have to finish when they are asked to end: 30 s unless you say
    /// otherwise.
    pub fn daemon_time(mut self, time: Duration) -> Self {
        self.daemon_time = time;
        self
    }

    /// What ends them from another thread.
    #[must_use]
    pub fn interruption(&self) -> Interruption {
        self.interruption.clone()
    }

    /// The hooks that will be run, in their order.
    #[must_use]
    pub fn hooks(&self) -> Vec<&Hook> {
        let plugins = self.plugins;
        let named = |hook: &&Hook| self.only.is_empty() || self.only.contains(&hook.plugin);
        let hooks = plugins.hooks_of(&self.event).filter(named);
        hooks.filter(|hook| self.is_on(hook)).collect()
    }

    /// Runs the hooks of the event: those in the foreground one after the other, those in the
    /// background beside them from when their turn comes. After the last in the foreground,
    /// daemons get SIGTERM and 30 s to finish, and the others are waited for.
    ///
    /// A hook that fails does not keep the others from running. Records are told as each hook has
    /// ended, one at a time.
    ///
    /// # Errors
    /// An argument cannot be given, and nothing was run; or the ledger failed, and what ran was
    /// ended.
    pub fn run<E: From<LedgerError>>(
        &self,
        mut news: impl FnMut(HookNews<'_>) -> Result<(), E>,
    ) -> Result<Vec<HookEnd>, E> {
        let planned = self.plan()?;
        let mut background = Vec::new();
        let done = self.run_planned(planned, &mut background, &mut news);
        if done.is_err() {
            for started in &background {
                started
                    .running
                    .stop(Signal::TERM, Some(TimeDelta::seconds(2)));
            }
            for started in &background {
                drop(started.running.wait());
            }
        }
        done
    }

    fn run_planned<E: From<LedgerError>>(
        &self,
        planned: Vec<Planned>,
        background: &mut Vec<Started>,
        news: &mut impl FnMut(HookNews<'_>) -> Result<(), E>,
    ) -> Result<Vec<HookEnd>, E> {
        let mut ends = Vec::new();
        let mut reader = RecordReader::new(self.ledger, &self.arguments)?;
        for planned in planned {
            if self.interruption.signal().is_some() {
                break;
            }
            let started = self.start(planned)?;
            let process = started.running.process()?;
            let hook = &started.hook;
            news(HookNews::Started {
                hook,
                process: &process,
            })?;
            if started.hook.mode == Mode::Foreground {
                let process = started.running.wait()?;
                ends.push(self.finish(&started, process, &mut reader, news)?);
            } else {
                background.push(started);
            }
        }
        for daemon in background.iter().filter(|it| it.hook.mode == Mode::Daemon) {
            self.ask_to_end(daemon);
        }
        self.give_daemons_time(background)?;
        for started in background.iter() {
            let process = started.running.wait()?;
            if started.hook.mode == Mode::Daemon && process.started_at.is_some() {
                self.ledger.kill_tree(process.id, TREE_GRACE)?;
            }
            ends.push(self.finish(started, process, &mut reader, news)?);
        }
        background.clear();
        Ok(ends)
    }

    fn is_on(&self, hook: &Hook) -> bool {
        if hook.event != EventName::binary_request() {
            return self.plugins.disabled(hook).is_none();
        }
        let list = self.arguments.get("binproviders").and_then(Value::as_str);
        allows(list.unwrap_or_default(), &hook.plugin)
    }

    /// How each is run: all of it is known before the first one is.
    fn plan(&self) -> Result<Vec<Planned>, LedgerError> {
        let base = std::path::absolute(&self.directory).map_err(LedgerError::CurrentDirectory)?;
        self.hooks()
            .into_iter()
            .map(|hook| self.plan_one(hook, &base))
            .collect()
    }

    fn plan_one(&self, hook: &Hook, base: &Path) -> Result<Planned, LedgerError> {
        let bases = ["SNAP_DIR", "CRAWL_DIR"].map(|key| (key, base.to_owned()));
        Ok(Planned {
            command: self.plugins.command(&hook.path, &self.arguments)?,
            variables: self.plugins.variables(hook, bases.to_vec()),
            directory: base.join(&hook.plugin),
            timeout: self.plugins.timeout(hook),
            hook: hook.clone(),
        })
    }

    fn start(&self, planned: Planned) -> Result<Started, LedgerError> {
        let Planned {
            hook,
            command,
            variables,
            directory,
            timeout,
        } = planned;
        std::fs::create_dir_all(&directory).map_err(|source| LedgerError::HookDirectory {
            path: directory.clone(),
            source,
        })?;
        let log = OwnLog::take(self.ledger, &directory, &hook)?;
        let mut words = command.into_iter();
        let program = words.next().unwrap_or_default();
        let mut builder = self
            .ledger
            .command(program)
            .args(words)
            .current_dir(&directory)
            .process_type(ProcessType::Hook)
            .timeout(timeout)
            .name(format!("{} {}", hook.event, hook.plugin));
        builder = match log {
            Some(_) => builder.log_in_working_directory(),
            None => builder.log_directory(SHARED),
        };
        for (key, value) in variables.plain {
            builder = builder.env(key, value);
        }
        for (key, value) in variables.secret {
            builder = builder.secret_env(key, value);
        }
        let running = Arc::new(builder.launch()?);
        self.interruption.watch(&running);
        Ok(Started { hook, running, log })
    }

    /// Only the daemon itself: what it has started it ends as it likes.
    fn ask_to_end(&self, daemon: &Started) {
        let id = daemon.running.id();
        if let Err(error) = self.ledger.kill(id, Signal::TERM) {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, %id, "a daemon was not asked to end");
        }
    }

    /// All of them were asked at once and have the same time; those that have not ended then are
    /// stopped, at once too.
    fn give_daemons_time(&self, background: &[Started]) -> Result<(), LedgerError> {
        let deadline = Instant::now() + self.daemon_time;
        let mut late = Vec::new();
        for daemon in background.iter().filter(|it| it.hook.mode == Mode::Daemon) {
            let left = deadline.saturating_duration_since(Instant::now());
            if daemon.running.wait_timeout(left)?.is_none() {
                late.push(daemon);
            }
        }
        for daemon in late {
            let grace = TimeDelta::from_std(TREE_GRACE).unwrap_or_default();
            daemon.running.stop(Signal::TERM, Some(grace));
        }
        Ok(())
    }

    /// Reads what a hook has printed.
    fn finish<E: From<LedgerError>>(
        &self,
        started: &Started,
        process: Process,
        reader: &mut RecordReader,
        news: &mut impl FnMut(HookNews<'_>) -> Result<(), E>,
    ) -> Result<HookEnd, E> {
        let Started { hook, running, log } = started;
        self.interruption.forget(running);
        let must_answer = has_to_answer(&hook.event);
        let has_failed = Verdict::of(&process, None).is_failure();
        let mut found = FoundRecords::default();
        let begin = log.as_ref().map_or(LogBegin::NEW, |log| log.begin);
        if let Output::Log(log) = self.ledger.output(&process, Stream::Stdout)? {
            let output =
                begin
                    .records(log, &process)
                    .map_err(|source| LedgerError::HookOutput {
                        hook: hook.name.clone(),
                        source,
                    })?;
            found = reader.read(hook, output, has_failed, news)?;
        }
        let end = HookEnd {
            hook: hook.clone(),
            verdict: Verdict::of(&process, must_answer.then_some(found.has_answer)),
            records: found.records,
            refused: found.refused,
            passed_over: found.passed_over,
            process,
        };
        news(HookNews::Ended(&end))?;
        Ok(end)
    }
}
