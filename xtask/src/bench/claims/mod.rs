//! Several workers on one PostgreSQL: what they get done through the store, against what the server
//! itself gets done when pgbench asks it for the same in the barest way.

mod bare;

use std::fmt::Write as _;

use anyhow::{Context, Result};
use hostledger_test_postgres::Server;
use serde_json::Value;

use super::disk::Disk;
use super::place::Place;
use super::statistics::Spread;
use super::{Bench, server};
use bare::Table;

/// How many work at the same time.
const WORKERS: u64 = 8;

/// How many are claimed at once.
const BATCH: u64 = 32;

/// How many times as much as pgbench they are to get done.
const BUDGET: f64 = 0.5;

/// Jobs a second, one number a round.
#[derive(Default)]
struct Speeds {
    ours: Vec<f64>,
    /// For each of [`Table::ALL`].
    bare: [Vec<f64>; Table::ALL.len()],
}

pub(super) fn measure(bench: &Bench<'_>, place: &Place<'_>) -> Result<String> {
    let disk = Disk::make(place)?;
    let Some(server) = server::start(&disk) else {
        return Ok(format!("{}\n", server::ABSENT));
    };
    let rounds = bench.extent.of(1, 9);
    let jobs = bench.extent.of(2, 64) * WORKERS * BATCH;
    let mut speeds = Speeds::default();
    for round in 0..rounds {
        let mut ours = || -> Result<()> {
            let speed = Ours::make(bench, &disk, &server)?.work(jobs)?;
            speeds.ours.push(speed);
            Ok(())
        };
        let mut bare = || -> Result<()> {
            for (table, speeds) in Table::ALL.iter().zip(&mut speeds.bare) {
                let ours = Ours::make(bench, &disk, &server)?;
                speeds.push(table.work(&ours, &disk, jobs)?);
            }
            Ok(())
        };
        // The other way round every other time.
        if round % 2 == 0 {
            ours()?;
            bare()?;
        } else {
            bare()?;
            ours()?;
        }
        eprintln!("    round {} of {rounds} is over", round + 1);
    }
    report(&disk, rounds, jobs, &speeds)
}

/// A database of ours for one round, which knows its machine.
struct Ours<'b> {
    bench: &'b Bench<'b>,
    disk: &'b Disk<'b>,
    database: hostledger_test_postgres::Database,
    machine: String,
}

impl<'b> Ours<'b> {
    fn make(bench: &'b Bench<'_>, disk: &'b Disk<'_>, server: &Server) -> Result<Self> {
        let database = server.database();
        let hostledger = disk.place().hostledger(&disk.fresh()?);
        let machine = hostledger
            .env("HOSTLEDGER_DATABASE", database.url())
            .args("machine --json")
            .output()?;
        let machine: Value = serde_json::from_slice(&machine).context("a machine is JSON")?;
        let machine = machine["id"].as_str().context("a machine has an id")?;
        Ok(Self {
            bench,
            disk,
            database,
            machine: machine.to_owned(),
        })
    }

    /// Jobs a second.
    fn work(&self, jobs: u64) -> Result<f64> {
        let millis = self.settle(WORKERS, jobs)?;
        Ok(jobs as f64 * 1e3 / millis)
    }

    /// Fills the queue and has so many workers work it off: in how many milliseconds.
    fn settle(&self, workers: u64, jobs: u64) -> Result<f64> {
        let settle = self
            .disk
            .place()
            .program(self.bench.programs.example("settle")?);
        let settle = settle.arg(self.database.url()).arg(&self.machine);
        let millis = settle.args(&format!("{workers} {jobs}")).output()?;
        let millis = String::from_utf8(millis).context("the time is no text")?;
        millis.trim().parse().context("the time is no number")
    }
}

fn report(disk: &Disk<'_>, rounds: usize, jobs: u64, speeds: &Speeds) -> Result<String> {
    let mut text = format!(
        "{WORKERS} workers, {jobs} jobs, {rounds} rounds of all in turn, the other way round every other time, each\n\
         on a database of its own. The server is on the same machine, with the settings it comes with, on\n\
         {}.\n\n\
         A worker of ours (`settle`, an example) has a store, and so a connection, of its own. It claims\n\
         {BATCH} at a time, writes {BATCH} starts, then {BATCH} ends, each of which counts a use of the machine,\n\
         and claims the next {BATCH} while the ends are written: three changes of each row, which is read\n\
         as a whole, and each may be refused by itself. pgbench has {WORKERS} connections and prepared\n\
         statements; a transaction of its is `SELECT … LIMIT {BATCH} FOR UPDATE SKIP LOCKED` and one\n\
         `UPDATE` that ends those {BATCH}.\n\n\
         | who | jobs/s | ours of that | budget |\n\
         | --- | --: | --: | --- |\n",
        disk.told()
    );
    let speed = Spread::of(speeds.ours.iter().copied()).context("nothing was measured")?;
    writeln!(
        text,
        "| ours: claimed, started and ended | {speed:.0} | | |"
    )?;
    for (table, bare) in Table::ALL.iter().zip(&speeds.bare) {
        let speed = Spread::of(bare.iter().copied()).context("nothing was measured")?;
        let ratios = speeds.ours.iter().zip(bare).map(|(ours, bare)| ours / bare);
        let ratio = Spread::of(ratios).context("nothing was measured")?;
        let budget = match table {
            Table::Narrow => String::new(),
            Table::Processes if ratio.median >= BUDGET => format!("≥ {BUDGET}, met"),
            Table::Processes => format!("≥ {BUDGET}, missed"),
        };
        writeln!(
            text,
            "| {} | {speed:.0} | **{ratio:.2}** | {budget} |",
            table.told()
        )?;
    }
    Ok(text)
}
