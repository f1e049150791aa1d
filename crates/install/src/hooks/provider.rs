//! Hooks that install programs, as providers.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::Arc;

use hostledger_model::{Process, ProcessType};
use serde_json::{Map, Value};

use super::{Hook, HookOutput, LogBegin, Variables, Verdict, command, tag};
use crate::providers::failure;
use crate::{BinaryProvider, Found, Order, Request, RunError, Runner, Unsuccessful};

/// Takes the records that installers print besides the one that answers them.
///
/// Implemented by the layers above.
pub trait RecordSink: Send + Sync {
    /// Takes the records of one hook, each of which says which hook it comes from, and writes
    /// them. One that makes no sense is passed over.
    ///
    /// # Errors
    /// One of them cannot be read, or the ledger cannot be read or written.
    fn take(&self, records: &mut dyn Iterator<Item = HookRecord>) -> Result<(), RunError>;
}

/// A record that a hook has printed, unless its output could not be read.
pub type HookRecord = Result<Map<String, Value>, RunError>;

/// A hook of the event `BinaryRequest`: allowed by the name of its plugin.
pub struct HookProvider {
    hook: Hook,
    python: String,
    variables: Variables,
    sink: Arc<dyn RecordSink>,
}

impl HookProvider {
    /// A hook, what interprets it if it is written in Python, and what it finds in its environment
    /// besides what the launcher has.
    #[must_use]
    pub fn new(
        hook: Hook,
        python: String,
        variables: Variables,
        sink: Arc<dyn RecordSink>,
    ) -> Self {
        Self {
            hook,
            python,
            variables,
            sink,
        }
    }

    fn order(&self, request: &Request<'_>) -> Result<Order, Unsuccessful> {
        let command = command(&self.hook.path, &self.python, &arguments(request));
        let command = command.map_err(|error| Unsuccessful::failed(error.to_string()))?;
        let plain = request.order(self.name(), "".as_ref());
        let object = |variables: &BTreeMap<String, String>| {
            let variables = variables.iter();
            variables
                .map(|(key, text)| (key.clone(), Value::from(&**text)))
                .collect()
        };
        Ok(Order {
            env: object(&self.variables.plain),
            secret_env: object(&self.variables.secret),
            process_type: ProcessType::Hook,
            ..Order { command, ..plain }
        })
    }

    /// The program that the hook says is there; what else it has printed goes to the sink.
    fn read(
        &self,
        request: &Request<'_>,
        begin: LogBegin,
        process: &Process,
        runner: &dyn Runner,
    ) -> Result<Option<Found>, RunError> {
        if process.started_at.is_none() {
            return Ok(None);
        }
        let unreadable = |error: std::io::Error| RunError(error.into());
        let output: Box<dyn BufRead> = match runner.open_stdout(process)? {
            Some(log) => Box::new(begin.open(log, process).map_err(unreadable)?),
            // It has removed its own log: what the row has of it is all there is.
            None => Box::new(process.stdout.as_bytes()),
        };
        let mut output = HookOutput::new(output);
        let has_failed = Verdict::of(process, None).is_failure();
        let mut answer = None;
        let mut others = output.by_ref().filter_map(|record| {
            let mut record = match record {
                Ok(record) => record,
                Err(error) => return Some(Err(unreadable(error))),
            };
            if let Some(found) = found(&record, request, self.name()) {
                answer = Some(found);
                return None;
            }
            // That something is installed is not believed of a hook that has failed.
            if has_failed && is_installed(&record) {
                return None;
            }
            tag(&mut record, &self.hook);
            Some(Ok(record))
        });
        self.sink.take(&mut others)?;
        tracing::debug!(hook = self.hook.name, passed_over = ?output.passed_over(), "read");
        Ok(answer)
    }
}

impl BinaryProvider for HookProvider {
    fn name(&self) -> &str {
        self.hook.plugin.as_str()
    }

    fn install(&self, request: &Request<'_>, runner: &dyn Runner) -> Result<Found, Unsuccessful> {
        let order = self.order(request)?;
        let begin = LogBegin::now(&order.working_directory, &self.hook);
        let process = runner.run(order)?;
        let answer = self.read(request, begin, &process, runner)?;
        let name = &self.hook.name;
        let script = PathBuf::from(name);
        let why = || failure(&process, &script).unwrap_or_else(|| format!("{name} has failed"));
        match (Verdict::of(&process, Some(answer.is_some())), answer) {
            (Verdict::Succeeded, Some(found)) => Ok(found),
            (Verdict::Skipped | Verdict::Succeeded, _) => {
                Err(Unsuccessful::skipped(skipped(&process, name)))
            }
            (Verdict::Usage, _) => Err(Unsuccessful::failed(format!(
                "{name} does not understand how it was called: {}",
                why()
            ))),
            _ => Err(Unsuccessful::failed(why())),
        }
    }
}

/// What installers are told.
fn arguments(request: &Request<'_>) -> Map<String, Value> {
    let binary = request.binary;
    Map::from_iter([
        ("binary_id".to_owned(), binary.id.to_string().into()),
        (
            "machine_id".to_owned(),
            binary.machine_id.to_string().into(),
        ),
        ("name".to_owned(), binary.name.clone().into()),
        (
            "binproviders".to_owned(),
            binary.binproviders.clone().into(),
        ),
        ("min_version".to_owned(), binary.min_version.clone().into()),
        ("overrides".to_owned(), binary.overrides.clone()),
    ])
}

/// The program of a record, when it is the one that was asked for.
fn found(record: &Map<String, Value>, request: &Request<'_>, provider: &str) -> Option<Found> {
    let text = |key: &str| {
        let text = record.get(key).and_then(Value::as_str)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let name = text("name")?;
    let is_asked_for = name == request.binary.name || name == request.name();
    if text("type").as_deref() != Some("Binary") || !is_asked_for {
        return None;
    }
    Some(Found {
        abspath: text("abspath")?.into(),
        version: text("version"),
        sha256: text("sha256"),
        binprovider: Some(text("binprovider").unwrap_or_else(|| provider.to_owned())),
    })
}

fn is_installed(record: &Map<String, Value>) -> bool {
    record.get("type").and_then(Value::as_str) == Some("Binary")
}

/// What a hook that had nothing to do said of that, on stderr.
fn skipped(process: &Process, name: &str) -> String {
    let said = process.stderr.lines().rev().map(str::trim);
    match said.into_iter().find(|line| !line.is_empty()) {
        Some(said) => format!("{name} found nothing to do: {said}"),
        None => format!("{name} found nothing to do"),
    }
}
