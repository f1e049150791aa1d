//! `hostledger work`: runs what is queued.

mod progress;

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread;
use std::time::Duration;

use anstyle::Style;
use anyhow::Context as _;
use chrono::TimeDelta;
use clap::ValueEnum;
use hostledger::model::{parse_duration, with_causes};
use hostledger::{BinaryCheck, LedgerError, OnExit, Process, Worker};

use super::installers::Installers;
use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::signals::Stopping;

const EXAMPLES: &str = "\
Examples:
  hostledger submit -- make test; hostledger work --once
  hostledger work                       until SIGTERM or Ctrl-C, as many at a time as cores
  hostledger work --jobs 8 --on-exit stop
  hostledger work --once --json | jq .exit_code
  hostledger work --plugins ./plugins   programs that are asked for are installed by hooks as well

Exit codes:
  0  the work is done, or was stopped, whatever the exit codes of what was run
  1  it could not begin
  2  the command line makes no sense

On SIGTERM, SIGINT or SIGHUP nothing more is started and what was taken on is given back; what
runs goes on and is looked after by its keeper, or is stopped, as --on-exit says. A second signal
ends the worker at once: whoever opens the ledger next writes down what has become of its work.
Several workers may share a ledger.

The work does not wait for whoever reads its records with --json. When 16384 of them wait to be read,
those that follow are not printed; how many is said at the end. hostledger ps --all --json has them.

Programs that are asked for (hostledger import --help) are installed beside the processes: by the
built-in providers, then by the hooks of plugins, as they are when the worker begins
(hostledger binary install --help). With the global --strict a program that has changed since it was
installed is not started: its process ends with 126, and says why.";

/// Run what is queued, several at a time, until it is stopped
///
/// What is due is run in the order of its time; what fails is tried again if it has attempts
/// left. What a worker that was killed has left behind is taken over. With --json the record of
/// each process is printed as it ends.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How many to run at a time [default: the number of cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// End when nothing is due and nothing runs; what is due later stays queued
    #[arg(long)]
    once: bool,
    /// What becomes of what runs when we are to end
    #[arg(long, value_name = "HOW", default_value = "leave")]
    on_exit: AtExit,
    /// How long beyond its timeout what is claimed stays ours; tests shorten it
    #[arg(long, hide = true, value_name = "TIME", value_parser = parse_duration)]
    lease_slack: Option<Duration>,
    /// How many records wait to be printed, before others are not printed; tests shorten it
    #[arg(long, hide = true, value_name = "N", default_value = "16384")]
    unread: NonZeroUsize,
    /// What is written survives our death (normal), or the loss of power as well (full)
    #[arg(long, value_name = "HOW", default_value = "normal")]
    durability: Durability,
    #[command(flatten)]
    installers: Installers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AtExit {
    /// It goes on by itself
    Leave,
    /// It is ended
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Durability {
    /// No wait for the disk
    Normal,
    /// Each commit waits for the disk
    Full,
}

/// Works.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let durability = match args.durability {
        Durability::Normal => hostledger::Durability::Normal,
        Durability::Full => hostledger::Durability::Full,
    };
    // Should a keeper die, its programs become ours.
    let options = globals.options().subreaper(true).durability(durability);
    let ledger = options.open()?;
    let signals = Stopping::begin().context("cannot heed signals")?;
    let on_exit = match args.on_exit {
        AtExit::Leave => OnExit::Leave,
        AtExit::Stop => OnExit::Stop,
    };
    let providers = args.installers.providers(&ledger)?;
    let mut builder = ledger.worker().on_exit(on_exit).installing_by(providers);
    if let Some(jobs) = args.jobs {
        builder = builder.jobs(jobs.get());
    }
    if let Some(slack) = args.lease_slack {
        builder = builder.lease_slack(TimeDelta::from_std(slack)?);
    }
    if args.once {
        builder = builder.once();
    }
    let ended = printer.is_json().then(|| {
        let (sender, ended) = sync_channel(args.unread.get());
        builder = builder.clone().tell_ended_without_output(sender);
        ended
    });
    let (sender, changed) = channel();
    let (troubled, trouble) = channel();
    let worker = builder.tell_changed(sender).tell_trouble(troubled);
    let worker = worker.start()?;
    // Ends with the work.
    let telling = thread::spawn(move || tell_changed(&changed));
    // Ends with the last claim, which may wait for a server that is gone: nobody waits for it.
    thread::spawn(move || tell_trouble(&trouble));
    signals.during(&worker, |worker| match ended {
        Some(ended) => print_records(worker, ended, printer),
        None => show(worker, printer),
    })?;
    if telling.join().is_err() {
        tracing::error!("who tells of changed programs has panicked");
    }
    Ok(Exit::Success)
}

fn tell_changed(changed: &Receiver<BinaryCheck>) {
    for check in changed {
        error::warn(&check.to_string());
    }
}

fn tell_trouble(trouble: &Receiver<LedgerError>) {
    for trouble in trouble {
        let what = with_causes(&trouble);
        error::warn(&format!(
            "what is due cannot be taken on, which is tried again: {what}"
        ));
        if let Some(hint) = trouble.hint() {
            error::hint(&hint);
        }
    }
}

/// The work goes on when nobody reads its records any more.
fn print_records(
    worker: &Worker,
    ended: Receiver<Process>,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let printed = ended.iter().try_for_each(|process| {
        printer.json(&process.to_json())?;
        printer.flush()
    });
    drop(ended);
    let counts = worker.wait();
    printed?;
    if counts.untold > 0 {
        let untold = counts.untold;
        error::warn(&format!(
            "{untold} records were not printed, as they were not read in time; hostledger ps --all --json has them"
        ));
    }
    Ok(())
}

fn show(worker: &Worker, printer: &mut Printer) -> anyhow::Result<()> {
    let counts = if progress::is_wanted(printer) {
        progress::show(worker)
    } else {
        worker.wait()
    };
    printer.line(Style::new(), &progress::summary(&counts))?;
    Ok(())
}
