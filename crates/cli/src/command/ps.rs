//! `hostledger ps`: the processes.

use std::collections::HashMap;

use anstyle::{AnsiColor, Style};
use hostledger::model::Outcome;
use hostledger::{
    Ledger, LiveUsage, Process, ProcessFilter, ProcessId, ProcessStatus, ProcessType, Rows,
    Timestamp,
};

use super::live;
use super::tree::{self, Drawing};
use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::size::size_text;
use crate::table::Table;
use crate::text::{command_line, escape};
use crate::time;

const EXAMPLES: &str = "\
Examples:
  hostledger ps                          what runs now
  hostledger ps --all --since 2h         what was recorded in the last two hours
  hostledger ps --all --tree             who started whom
  hostledger ps --all --json | jq 'select(.exit_code != 0)'

The id is shown as far as it is unique in the list; any command takes it like that.";

/// How many are listed on a terminal unless it is said.
const SCREENFUL: u32 = 100;

/// Fewest digits of an id to show: all of its time, so that it is rarely another record's too.
const FEWEST_DIGITS: usize = 12;

/// List processes: those that run, or all that are recorded
///
/// Oldest first. On a terminal the newest 100 are listed, otherwise all.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// All processes, not only those that run
    #[arg(long, conflicts_with = "status")]
    all: bool,
    /// Those of this status: queued, running or exited
    #[arg(long)]
    status: Option<ProcessStatus>,
    /// Those of this type: supervisord, orchestrator, worker, cli, hook or binary
    #[arg(long = "type", value_name = "TYPE")]
    process_type: Option<ProcessType>,
    /// Draw who started whom
    #[arg(long)]
    tree: bool,
    /// Those recorded since then: so long ago (2h, 1d12h), or a time (2026-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = time::parse_since)]
    since: Option<Timestamp>,
    /// Only the newest N; 0 for all
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Those of this machine, by its id or the beginning of it
    #[arg(long, value_name = "ID")]
    machine: Option<String>,
}

/// Lists them.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let listed = select(args, &ledger, printer.is_terminal())?;
    let Rows { records, corrupt } = listed.rows;
    let drawings = if args.tree {
        tree::draw(&records, printer.is_terminal())
    } else {
        flat(records.len())
    };
    if printer.is_json() {
        for drawing in &drawings {
            if let Some(process) = records.get(drawing.index) {
                let live = ledger.live_usage(process)?;
                let live = live.map(|live| ("live", live::to_json(&live, None)));
                printer.json_with(&process.to_json(), live.into_iter().collect())?;
            }
        }
    } else {
        let now = Timestamp::now();
        let narrow = printer.is_terminal();
        let time = |at| {
            if narrow {
                time::local_brief(at, now)
            } else {
                time::local(at)
            }
        };
        let live = live::of(&ledger, &records)?;
        printer.table(table(&records, &drawings, &live, now, time))?;
    }
    printer.flush()?;
    if listed.cut && !printer.is_quiet() {
        error::hint(&format!(
            "these are the newest {SCREENFUL}; --limit 0 lists all"
        ));
    }
    let exit = if corrupt.is_empty() {
        Exit::Success
    } else {
        Exit::Failure
    };
    for row in corrupt {
        error::report(&row.into());
    }
    Ok(exit)
}

struct Listed {
    rows: Rows<Process>,
    /// Whether there are more, of which nobody said that they are not wanted.
    cut: bool,
}

fn select(args: &Args, ledger: &Ledger, terminal: bool) -> anyhow::Result<Listed> {
    let running = (!args.all).then_some(ProcessStatus::Running);
    let unasked = args.limit.is_none() && terminal;
    let mut filter = ProcessFilter {
        status: args.status.or(running),
        process_type: args.process_type,
        machine_id: args
            .machine
            .as_deref()
            .map(|id| ledger.find_machine(id))
            .transpose()?,
        since: args.since,
        limit: args.limit.filter(|limit| *limit > 0),
        ..ProcessFilter::default()
    };
    if unasked {
        // One more tells whether there are more.
        filter.limit = Some(SCREENFUL + 1);
    }
    let mut rows = ledger.processes(&filter)?;
    let cut = unasked && rows.records.len() > SCREENFUL as usize;
    if cut {
        rows.records.remove(0);
    }
    Ok(Listed { rows, cut })
}

fn flat(count: usize) -> Vec<Drawing> {
    (0..count)
        .map(|index| Drawing {
            index,
            lines: String::new(),
        })
        .collect()
}

fn table(
    records: &[Process],
    drawings: &[Drawing],
    live: &HashMap<ProcessId, LiveUsage>,
    now: Timestamp,
    time: impl Fn(Timestamp) -> String,
) -> Table {
    let ids = short_ids(records);
    let named = records.iter().any(|process| process.name.is_some());
    let mut header = vec!["id", "pid", "status", "exit", "started", "wall"];
    let measured = !live.is_empty();
    header.extend(["cpu", "rss"].into_iter().filter(|_| measured));
    header.extend(named.then_some("name"));
    header.push("command");
    let mut table = Table::new(&header);
    for drawing in drawings {
        let Some(process) = records.get(drawing.index) else {
            continue;
        };
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let mut cells = vec![
            ids.get(&process.id).cloned().unwrap_or_default(),
            or_none(process.pid.map(|pid| pid.to_string())),
            state(process).to_owned(),
            or_none(process.exit_code.map(|code| code.to_string())),
            or_none(process.started_at.map(&time)),
            or_none(time::wall(process, now)),
        ];
        if measured {
            let live = live.get(&process.id);
            cells.push(or_none(live.map(|it| format!("{:.0}%", it.cpu_percent))));
            cells.push(or_none(live.map(|it| size_text(it.rss_bytes))));
        }
        cells.extend(named.then(|| or_none(process.name.as_deref().map(escape))));
        cells.push(format!("{}{}", drawing.lines, command_line(process)));
        table.row(cells, style(process));
    }
    table
}

/// How it ended, or where it is in its life.
fn state(process: &Process) -> &'static str {
    process
        .outcome
        .map_or(process.status.as_str(), Outcome::as_str)
}

fn style(process: &Process) -> Style {
    match (process.status, process.exit_code) {
        (ProcessStatus::Queued, _) => Style::new().dimmed(),
        (ProcessStatus::Running, _) => AnsiColor::Green.on_default(),
        (ProcessStatus::Exited, Some(0)) => Style::new(),
        (ProcessStatus::Exited, _) => AnsiColor::Red.on_default(),
    }
}

/// The beginnings of the ids, as short as they are different, all of one length.
fn short_ids(records: &[Process]) -> HashMap<ProcessId, String> {
    let mut digits: Vec<String> = records.iter().map(|process| process.id.simple()).collect();
    digits.sort_unstable();
    let pairs = digits
        .windows(2)
        .filter_map(|pair| Some((pair.first()?, pair.get(1)?)));
    let shared = pairs
        .map(|(one, next)| same_at_start(one, next))
        .max()
        .unwrap_or(0);
    let length = with_dashes(FEWEST_DIGITS.max(shared + 1));
    let short = |id: ProcessId| id.to_string().chars().take(length).collect();
    records
        .iter()
        .map(|process| (process.id, short(process.id)))
        .collect()
}

fn same_at_start(one: &str, other: &str) -> usize {
    one.bytes()
        .zip(other.bytes())
        .take_while(|(one, other)| one == other)
        .count()
}

/// How many characters of an id with dashes (after 8, 12, 16 and 20 digits) hold these digits.
fn with_dashes(digits: usize) -> usize {
    digits
        + [8, 12, 16, 20]
            .iter()
            .filter(|before| digits > **before)
            .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::process;

    fn with_id(id: &str) -> Process {
        Process {
            id: id.parse().unwrap(),
            ..process(&["true"])
        }
    }

    #[test]
    fn ids_are_shown_as_far_as_they_differ() {
        let records = [
            with_id("0198c0de-0000-7000-8000-000000000000"),
            with_id("0198c0de-0000-7000-9000-000000000000"),
            with_id("0198c0de-0001-7000-8000-000000000000"),
        ];
        let ids = short_ids(&records);
        assert_eq!(ids[&records[0].id], "0198c0de-0000-7000-8");
        assert_eq!(ids[&records[1].id], "0198c0de-0000-7000-9");
        assert_eq!(short_ids(&records[1..])[&records[1].id], "0198c0de-0000");
        assert_eq!(short_ids(&[]), HashMap::new());
    }

    #[test]
    fn a_process_is_a_line() {
        let at = |text: &str| Some(text.parse().unwrap());
        let ended = Process {
            status: ProcessStatus::Exited,
            outcome: Some(Outcome::Exited),
            exit_code: Some(7),
            pid: hostledger::Pid::new(4711),
            started_at: at("2026-01-31T12:00:00Z"),
            ended_at: at("2026-01-31T12:00:01.5Z"),
            name: Some("the\nname".to_owned()),
            ..with_id("0198c0de-0000-7000-8000-000000000000")
        };
        let queued = with_id("0198c0df-0000-7000-8000-000000000000");
        let time = |_| "<time>".to_owned();
        let table = table(
            &[ended, queued],
            &flat(2),
            &HashMap::new(),
            Timestamp::now(),
            time,
        );
        let lines: Vec<_> = table
            .lines(None)
            .into_iter()
            .map(|(_, line)| line)
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        ID             PID   STATUS  EXIT  STARTED  WALL  NAME       COMMAND
        0198c0de-0000  4711  exited  7     <time>   1.5s  the\nname  true
        0198c0df-0000  -     queued  -     -        -     -          true
        ");
    }
    #[test]
    fn what_runs_shows_what_it_uses() {
        let mut running = with_id("0198c0de-0000-7000-8000-000000000000");
        running.status = ProcessStatus::Running;
        let queued = with_id("0198c0df-0000-7000-8000-000000000000");
        let usage = LiveUsage {
            rss_bytes: 8796 << 10,
            vms_bytes: 12 << 20,
            cpu_percent: 12.345,
            threads: 1,
            children: Vec::new(),
            open_files: None,
        };
        let live = HashMap::from([(running.id, usage)]);
        let time = |_| "<time>".to_owned();
        let table = table(&[running, queued], &flat(2), &live, Timestamp::now(), time);
        let lines: Vec<_> = table
            .lines(None)
            .into_iter()
            .map(|(_, line)| line)
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        ID             PID  STATUS   EXIT  STARTED  WALL  CPU  RSS  COMMAND
        0198c0de-0000  -    running  -     -        -     12%  8M   true
        0198c0df-0000  -    queued   -     -        -     -    -    true
        ");
    }
}
