//! What the work of a ledger costs with little history and with much.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use hostledger_test_postgres::Database;
use serde_json::Value;

use super::disk::Disk;
use super::place::Place;
use super::statistics::Spread;
use super::{Bench, server, verdict};
use crate::program::Program;

/// How many times as long each may take with the most history as with the least.
const BUDGET: f64 = 1.2;

/// What the example measures, and what it is.
const QUESTIONS: [(&str, &str); 6] = [
    ("claim", "claiming 32 that are due"),
    ("end", "writing down the ends of 32, in one commit"),
    ("ps", "listing 100 that run"),
    ("cleanup", "what `cleanup` asks with 100 that run"),
    ("hostledger ps", "`hostledger ps`, the whole program"),
    (
        "hostledger cleanup",
        "`hostledger cleanup`, the whole program",
    ),
];

/// A ledger with so much history.
struct Ledger<'p> {
    place: &'p Place<'p>,
    /// Where it is, and its database.
    data: PathBuf,
    database: String,
    /// Where it is on a server, the database itself.
    server: Option<Database>,
    machine: String,
    rows: u64,
    /// For each of [`QUESTIONS`] its milliseconds, one number a round.
    times: [Vec<f64>; QUESTIONS.len()],
}

pub(super) fn measure(bench: &Bench<'_>, place: &Place<'_>) -> Result<String> {
    let sizes = bench
        .extent
        .of([100, 200, 400], [1_000, 100_000, 1_000_000]);
    let rounds = bench.extent.of(1, 5);
    let mut text = format!(
        "Rows of history are processes that have ended. {rounds} rounds in turn over the ledgers of all sizes,\n\
         in milliseconds; each number of a round is the median of many. The ratio is that of the most\n\
         history to the least, round by round.\n"
    );
    let directory = place.path().join("growth");
    let sqlite = |rows: u64| {
        let data = directory.join(rows.to_string());
        let database = format!("sqlite:{}", data.join("ledger.sqlite3").display());
        Ledger::make(place, data, database, None, rows)
    };
    table(&mut text, bench, "SQLite", sizes.map(sqlite), rounds)?;
    let disk = Disk::make(place)?;
    let Some(server) = server::start(&disk) else {
        writeln!(text, "\n{}", server::ABSENT)?;
        return Ok(text);
    };
    let postgres = |rows: u64| {
        let database = server.database();
        let data = disk.root().join(rows.to_string());
        Ledger::make(place, data, database.url(), Some(database), rows)
    };
    table(&mut text, bench, "PostgreSQL", sizes.map(postgres), rounds)?;
    writeln!(
        text,
        "\nThe server is on the same machine, with the settings it comes with, on\n\
         {}.\n\
         It has vacuumed and analysed its tables after they were filled.",
        disk.told()
    )?;
    Ok(text)
}

fn table(
    text: &mut String,
    bench: &Bench<'_>,
    engine: &str,
    ledgers: [Result<Ledger<'_>>; 3],
    rounds: usize,
) -> Result<()> {
    let mut ledgers = ledgers.into_iter().collect::<Result<Vec<_>>>()?;
    for ledger in &mut ledgers {
        eprintln!("    {engine}: filling up to {} rows", ledger.rows);
        // What is measured while it is filled up does not count.
        ledger.measure(bench)?;
        ledger.times = Default::default();
        if let Some(server) = &ledger.server {
            // As the server does by itself some time later.
            server.run("VACUUM ANALYZE");
        }
    }
    for round in 0..rounds {
        eprintln!("    {engine}: round {} of {rounds}", round + 1);
        for ledger in &mut ledgers {
            ledger.measure(bench)?;
        }
    }
    write!(text, "\n### {engine}\n\n| what |")?;
    for ledger in &ledgers {
        write!(text, " {} rows |", ledger.rows)?;
    }
    writeln!(
        text,
        " ratio | budget |\n| --- | --: | --: | --: | --: | --- |"
    )?;
    for (number, (_, what)) in QUESTIONS.iter().enumerate() {
        write!(text, "| {what} |")?;
        for ledger in &ledgers {
            let times = ledger.times[number].iter().copied();
            let times = Spread::of(times).context("nothing was measured")?;
            write!(text, " {times:.2} |")?;
        }
        let [least, .., most] = ledgers.as_slice() else {
            continue;
        };
        let pairs = most.times[number].iter().zip(&least.times[number]);
        let ratio = Spread::of(pairs.map(|(most, least)| most / least));
        let ratio = ratio.context("nothing was measured")?;
        let met = verdict(ratio.median, BUDGET);
        writeln!(text, " **{ratio:.2}** | {BUDGET}, {met} |")?;
    }
    Ok(())
}

impl<'p> Ledger<'p> {
    /// One that knows its machine and nothing else.
    fn make(
        place: &'p Place<'p>,
        data: PathBuf,
        database: String,
        server: Option<Database>,
        rows: u64,
    ) -> Result<Self> {
        std::fs::create_dir_all(&data)?;
        let mut ledger = Self {
            place,
            data,
            database,
            server,
            machine: String::new(),
            rows,
            times: Default::default(),
        };
        let machine = ledger.hostledger().args("machine --json").output()?;
        let machine: Value = serde_json::from_slice(&machine).context("a machine is JSON")?;
        machine["id"]
            .as_str()
            .context("a machine has an id")?
            .clone_into(&mut ledger.machine);
        Ok(ledger)
    }

    fn hostledger(&self) -> Program {
        let program = self.place.hostledger(&self.data);
        program.env("HOSTLEDGER_DATABASE", &self.database)
    }

    /// Asks everything once, after filling it up to its size if it is not.
    fn measure(&mut self, bench: &Bench<'_>) -> Result<()> {
        let program = Program::new(bench.workspace, bench.programs.example("growth")?);
        let program = program.arg(&self.database).arg(&self.machine);
        let lines = program.arg(self.rows.to_string()).output()?;
        let lines = String::from_utf8(lines).context("the times are no text")?;
        for (number, (question, _)) in QUESTIONS.iter().enumerate() {
            let time = match question.strip_prefix("hostledger ") {
                Some(command) => self.time(command)?,
                None => {
                    let line = lines.lines().find_map(|line| line.strip_prefix(question));
                    line.context("not all was measured")?.trim().parse()?
                }
            };
            self.times[number].push(time);
        }
        Ok(())
    }

    /// Milliseconds, the median of a few runs.
    fn time(&self, command: &str) -> Result<f64> {
        let run = |_| {
            let begun = Instant::now();
            self.hostledger().args(command).output()?;
            Ok(begun.elapsed().as_secs_f64() * 1e3)
        };
        let times: Result<Vec<f64>> = (0..5).map(run).collect();
        let spread = Spread::of(times?).context("nothing was run")?;
        Ok(spread.median)
    }
}
