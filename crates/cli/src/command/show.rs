//! `hostledger show`: everything about one record.

use std::collections::HashMap;
use std::io::Write as _;

use anstyle::Style;
use hostledger::model::json::AttemptRecord;
use hostledger::model::{Attempt, KillMode, LogPlace, Outcome, ResourceUsage};
use hostledger::{AnyRecord, Ledger, LedgerError, Process, ProcessId, Stream, Timestamp};
use serde_json::Value;

use super::fields::{self, Fields};
use super::live;
use crate::args::Globals;
use crate::error::OutputLost;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::text::command_line;
use crate::time;

/// How many relatives are in memory at once, each with a part of its output.
const AT_A_TIME: usize = 100;

const EXAMPLES: &str = "\
Examples:
  hostledger show 0198c0de-7a3f         an id, or as much of it as is unique
  hostledger show pid:4711              the running process with this pid
  hostledger show 0198c0de --json
  hostledger show --script 0198c0de > again.sh";

/// Show everything about one record: a process, machine, network interface or binary
///
/// Of variables only the names are shown. What a running process uses at the moment is shown with
/// it, under the key "live" with --json; so are the attempts before the present one, under
/// "earlier_attempts".
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The record's id or the beginning of it, or pid:N for a running process
    id: String,
    /// Print a shell script that runs the command of a process again, from any directory
    #[arg(long, conflicts_with = "json")]
    script: bool,
}

/// Prints it.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    if args.script {
        let process = ledger.process(ledger.find_process(&args.id)?)?;
        printer
            .raw()
            .write_all(&ledger.script(&process))
            .map_err(OutputLost)?;
        return Ok(Exit::Success);
    }
    let record = ledger.record(ledger.find(&args.id)?)?;
    if printer.is_json() {
        match &record {
            AnyRecord::Machine(machine) => printer.json(&machine.to_json())?,
            AnyRecord::Interface(interface) => printer.json(&interface.to_json())?,
            AnyRecord::Binary(binary) => printer.json(&binary.to_json())?,
            AnyRecord::Process(process) => {
                printer.json_with(&process.to_json(), beside(&ledger, process)?)?;
            }
        }
        return Ok(Exit::Success);
    }
    match &record {
        AnyRecord::Machine(machine) => fields::machine(machine).print(printer)?,
        AnyRecord::Interface(interface) => fields::interface(interface).print(printer)?,
        AnyRecord::Binary(binary) => fields::binary(binary).print(printer)?,
        AnyRecord::Process(process) => show_process(&ledger, process, printer)?,
    }
    Ok(Exit::Success)
}

/// What is shown with the record of a process and is not of it.
fn beside(ledger: &Ledger, process: &Process) -> anyhow::Result<Vec<(&'static str, Value)>> {
    let mut fields = Vec::new();
    if let Some(live) = ledger.live_usage(process)? {
        fields.push(("live", live::to_json(&live, ledger.cgroup(process)?)));
    }
    if process.outcome == Some(Outcome::SpawnFailed) {
        fields.push(("reason", process.stderr.clone().into()));
    }
    let attempts = ledger.attempts(process.id)?;
    if !attempts.is_empty() {
        let attempts: Vec<_> = attempts.iter().map(AttemptRecord::from).collect();
        fields.push(("earlier_attempts", serde_json::to_value(attempts)?));
    }
    Ok(fields)
}

fn show_process(ledger: &Ledger, process: &Process, printer: &mut Printer) -> anyhow::Result<()> {
    let mut fields = what(process);
    add_course(&mut fields, process, Timestamp::now());
    if let Some(live) = ledger.live_usage(process)? {
        live::add(&mut fields, &live);
        let cgroup = ledger.cgroup(process)?;
        fields.add_some("cgroup", cgroup.as_ref().map(|path| path.display()));
    }
    add_relatives(&mut fields, ledger, process)?;
    add_output(&mut fields, ledger, process)?;
    for attempt in ledger.attempts(process.id)? {
        fields.add(format!("attempt {}", attempt.number), &earlier(&attempt));
    }
    fields.print(printer)?;
    if process.outcome != Some(Outcome::SpawnFailed) {
        print_captured(printer, "stdout", &process.stdout)?;
        print_captured(printer, "stderr", &process.stderr)?;
    }
    Ok(())
}

/// What was to be run.
fn what(process: &Process) -> Fields {
    let mut fields = Fields::default();
    fields.add("type", "Process");
    fields.add("id", &process.id);
    fields.add_some("name", process.name.as_ref());
    fields.add("command", &command_line(process));
    fields.add("pwd", &process.pwd);
    fields.add("process_type", &process.process_type);
    if !process.worker_type.is_empty() {
        fields.add("worker_type", &process.worker_type);
    }
    let names: Vec<_> = process
        .env
        .keys()
        .map(|key| variable(process, key))
        .collect();
    if !names.is_empty() {
        fields.add("env", &names.join(", "));
    }
    let launch = &process.launch;
    fields.add_some("clear_env", launch.clear_env.then_some(true));
    fields.add_some("nice", launch.nice);
    fields.add_some("umask", launch.umask.map(|mask| format!("{mask:03o}")));
    fields.add_some("max_log_bytes", launch.max_log_bytes);
    for limit in &launch.rlimits {
        fields.add("rlimit", limit);
    }
    fields.add_some("url", process.url.as_ref());
    fields
}

/// The name of a variable; never its value.
fn variable(process: &Process, key: &str) -> String {
    let secret = process.secret_env.iter().any(|name| name == key);
    format!("{key}{}", if secret { " (secret)" } else { "" })
}

/// What happened, and when.
fn add_course(fields: &mut Fields, process: &Process, now: Timestamp) {
    fields.add("status", &process.status);
    fields.add_some("outcome", process.outcome);
    fields.add_some("exit_code", process.exit_code);
    if process.outcome == Some(Outcome::SpawnFailed) {
        fields.add("reason", &process.stderr);
    }
    if let Some(stop) = &process.stop {
        let signal = hostledger::Signal::new(stop.signal);
        let signal = signal.map_or_else(|| stop.signal.to_string(), |signal| signal.to_string());
        fields.add(
            "stop",
            &format!("{signal} by {} at {}", stop.by, time::local_exact(stop.at)),
        );
    }
    fields.add_some("pid", process.pid);
    fields.add_time("created_at", Some(process.created_at));
    fields.add_time("started_at", process.started_at);
    fields.add_time("ended_at", process.ended_at);
    fields.add_some("wall", time::wall(process, now));
    if let Some(usage) = &process.usage {
        add_usage(fields, usage);
    }
    fields.add_some("timeout_ms", process.timeout_ms);
    if process.kill_mode != KillMode::Tree {
        fields.add("kill_mode", &process.kill_mode);
    }
    fields.add_some("detached", process.detached.then_some(true));
    if process.max_attempts > 1 {
        fields.add(
            "attempt",
            &format!("{} of {}", process.attempt, process.max_attempts),
        );
    }
    fields.add_some("retry_lost", process.retry_lost.then_some(true));
    fields.add_time("retry_at", process.retry_at);
    if let Some(identity) = &process.identity {
        fields.add("boot_id", &identity.boot_id.0);
        fields.add("pid_namespace", &identity.pid_namespace.0);
        fields.add("start_ticks", &identity.start_ticks.0);
        fields.add_some("pidfd_inode", identity.pidfd_inode);
    }
}

fn add_usage(fields: &mut Fields, usage: &ResourceUsage) {
    let time = |micros| time::brief(std::time::Duration::from_micros(micros));
    fields.add("cpu_user", &time(usage.cpu_user_us));
    fields.add("cpu_system", &time(usage.cpu_system_us));
    fields.add("max_rss_kib", &usage.max_rss_kib);
    fields.add("block_inputs", &usage.block_inputs);
    fields.add("block_outputs", &usage.block_outputs);
    fields.add("voluntary_switches", &usage.voluntary_switches);
    fields.add("involuntary_switches", &usage.involuntary_switches);
}

/// Where it belongs.
fn add_relatives(
    fields: &mut Fields,
    ledger: &Ledger,
    process: &Process,
) -> Result<(), LedgerError> {
    fields.add("machine_id", &process.machine_id);
    fields.add_some("iface_id", process.interface_id);
    fields.add_some("binary_id", process.binary_id);
    fields.add_some("parent_id", process.parent_id);
    fields.add_some("restart_of", process.restart_of);
    let tree = ledger.tree(process.id)?;
    if tree.depth() > 1 {
        fields.add("root_id", &tree.root());
    }
    if tree.depth() > 0 {
        fields.add("depth", &tree.depth());
    }
    for some in tree.descendants.chunks(AT_A_TIME) {
        let ids: Vec<ProcessId> = some.iter().map(|it| it.id).collect();
        let rows = ledger.processes_by_id(&ids)?.records;
        let commands: HashMap<ProcessId, String> =
            rows.iter().map(|row| (row.id, command_line(row))).collect();
        for descendant in some {
            let kind = if descendant.depth == 1 {
                "child"
            } else {
                "descendant"
            };
            let command = commands.get(&descendant.id).map_or("", String::as_str);
            fields.add(kind, &format!("{} {command}", descendant.id));
        }
    }
    Ok(())
}

/// Where its output is.
fn add_output(fields: &mut Fields, ledger: &Ledger, process: &Process) -> Result<(), LedgerError> {
    let of_stdout = (Stream::Stdout, process.stdout_bytes, process.stdout_dropped);
    let of_stderr = (Stream::Stderr, process.stderr_bytes, process.stderr_dropped);
    for (stream, bytes, dropped) in [of_stdout, of_stderr] {
        match &process.log {
            None => {}
            Some(LogPlace::Terminal) => fields.add(stream.to_string(), "terminal"),
            Some(LogPlace::Piped) => fields.add(stream.to_string(), "pipe"),
            // A terminal of its own has one stream.
            Some(LogPlace::Merged { .. }) if stream == Stream::Stderr => {}
            Some(LogPlace::Files { .. } | LogPlace::Directory { .. } | LogPlace::Merged { .. }) => {
                let path = ledger.log_path(process, stream)?;
                let size = written(bytes, dropped);
                fields.add(stream.to_string(), &format!("{}{size}", path.display()));
            }
        }
    }
    Ok(())
}

/// How much was written, and how much of that the log has lost.
fn written(bytes: Option<u64>, dropped: Option<u64>) -> String {
    match (bytes, dropped) {
        (None, _) => String::new(),
        (Some(bytes), None | Some(0)) => format!(" ({bytes} bytes)"),
        (Some(bytes), Some(dropped)) => {
            format!(" ({bytes} bytes, the first {dropped} are not kept)")
        }
    }
}

fn earlier(attempt: &Attempt) -> String {
    let ended = &attempt.ended;
    let code = ended
        .exit_code
        .map(|code| format!(" {code}"))
        .unwrap_or_default();
    format!(
        "{}{code} at {}",
        ended.outcome,
        time::local_exact(ended.ended_at)
    )
}

/// What the row keeps of a stream, unchanged.
fn print_captured(printer: &mut Printer, name: &str, text: &str) -> Result<(), OutputLost> {
    if text.is_empty() || printer.is_quiet() {
        return Ok(());
    }
    printer.line(Style::new(), "")?;
    printer.line(Style::new().bold(), &format!("--- {name} ---"))?;
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write!(printer.raw(), "{text}{end}").map_err(OutputLost)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::text::tests::process;

    #[test]
    fn variables_are_named_and_their_values_never_shown() {
        let mut process = process(&["env"]);
        process.env = json!({"LANG": "C-hunter1", "API_TOKEN": null})
            .as_object()
            .unwrap()
            .clone();
        process.secret_env = vec!["API_TOKEN".to_owned()];
        let text = what(&process).text();
        assert!(text.contains("env: LANG, API_TOKEN (secret)\n"), "{text}");
        assert!(!text.contains("hunter1"), "{text}");
    }

    #[test]
    fn what_a_log_has_lost_is_said() {
        assert_eq!(written(None, None), "");
        assert_eq!(written(Some(7), None), " (7 bytes)");
        assert_eq!(
            written(Some(7), Some(4)),
            " (7 bytes, the first 4 are not kept)"
        );
    }

    #[test]
    fn why_it_could_not_be_started_is_a_field() {
        let mut process = process(&["nope"]);
        process.outcome = Some(Outcome::SpawnFailed);
        process.stderr = "nope: no such program".to_owned();
        let mut fields = Fields::default();
        add_course(&mut fields, &process, Timestamp::now());
        assert!(fields.text().contains("reason: nope: no such program\n"));
    }
}
