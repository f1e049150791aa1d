//! Nothing of a queue is forgotten, runs unrecorded, or is recorded otherwise than it ran: several
//! workers on one ledger, while workers and keepers are killed, and the database's server where
//! it has one.

mod judge;
mod plan;
mod server;
mod workers;

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hostledger_test_postgres::available;

use super::place::Place;
use super::random::Random;
use super::verdict::Verdict;
use super::{Bench, Database};
use crate::waiting::{LONG, within};
use judge::Tally;
use plan::Job;
use server::Server;
use workers::{Deaths, Workers};

/// Workers on the ledger at a time.
const WORKERS: usize = 3;

/// How long all of it may take, however busy the machine is.
const AT_MOST: Duration = Duration::from_secs(1200);

/// Fills a queue, has workers drain it, kills them in between, and looks at what is recorded:
/// once with only one of a worker and its keeper killed, once with whoever it hits.
pub(super) fn prove(bench: &Bench<'_>) -> Result<Verdict> {
    let mut tally = Tally::default();
    for database in &bench.databases {
        for deaths in Deaths::ALL {
            one(bench, *database, deaths, &mut tally)?;
        }
    }
    Ok(tally.verdict())
}

fn one(bench: &Bench<'_>, database: Database, deaths: Deaths, tally: &mut Tally) -> Result<()> {
    let mut server = match database {
        Database::Sqlite => None,
        Database::Postgres if !available() => {
            tally.skipped("PostgreSQL is not installed");
            return Ok(());
        }
        Database::Postgres => Some(Server::start()),
    };
    let mut random = Random::new(bench.seed, deaths as u64);
    let jobs = Job::some(bench.extent.of(60, 1000), &mut random);
    let strikes = bench.extent.of(20, 250);
    let mut place = Place::make(bench)?;
    if let Some(server) = &server {
        place = place.at(server.url());
    }
    std::fs::create_dir(place.path("runs"))?;
    submit(&place, &jobs)?;
    let struck = drain(&place, server.as_mut(), deaths, strikes, &mut random)?;
    let server_struck = server.as_ref().map_or(0, |it| it.struck);
    tally.take(&place, (database, deaths), &jobs, struck, server_struck)?;
    tally.left_running(&place)
}

/// Queues the jobs, all in one go.
fn submit(place: &Place<'_>, jobs: &[Job]) -> Result<()> {
    let submit = place.hostledger().args("submit --quiet -");
    let mut child = submit.start(Stdio::piped(), Stdio::null(), Stdio::inherit())?;
    let mut lines = child.stdin.take().context("its input is piped")?;
    for job in jobs {
        writeln!(lines, "{}", job.line(place))?;
    }
    drop(lines);
    let status = child.wait()?;
    if !status.success() {
        bail!("submit ended with {status}");
    }
    Ok(())
}

/// Has workers work until nothing is left to do; says how many were killed.
fn drain(
    place: &Place<'_>,
    mut server: Option<&mut Server>,
    deaths: Deaths,
    strikes: usize,
    random: &mut Random,
) -> Result<usize> {
    let mut workers = Workers::new(place, WORKERS, server.is_some());
    let begun = Instant::now();
    let mut struck = 0;
    while struck < strikes && left_to_do(place)? > 0 {
        // Between two looks at what is left, so that most of the time is spent working.
        for _ in 0..10 {
            workers.refill()?;
            std::thread::sleep(random.within(Duration::from_millis(80)));
            if let Some(server) = &mut server
                && random.below(6) == 0
            {
                server.strike(random);
            }
            workers.refill()?;
            struck += workers.strike(deaths, random)?;
        }
        if begun.elapsed() > AT_MOST {
            bail!("{} of the jobs are not done", left_to_do(place)?);
        }
    }
    workers.refill()?;
    let done = within(AT_MOST, || {
        std::thread::sleep(Duration::from_millis(200));
        left_to_do(place).is_ok_and(|left| left == 0)
    });
    if !done {
        bail!("{} of the jobs are never done", left_to_do(place)?);
    }
    workers.end()?;
    if !within(LONG, || place.is_quiet().unwrap_or(false)) {
        bail!("programs run that should have ended: {:?}", place.living()?);
    }
    place.hostledger().args("cleanup").output()?;
    Ok(struck)
}

/// How many have not ended for good.
fn left_to_do(place: &Place<'_>) -> Result<usize> {
    Ok(place.of_status("queued")?.len() + place.running()?.len())
}
