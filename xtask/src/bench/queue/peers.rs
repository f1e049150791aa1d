//! Runners that have to be installed first, and those that leave a server behind.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::runner::{Runner, Work};
use crate::bench::Bench;
use crate::debian;
use crate::extent::Extent;
use crate::program::Program;

/// The version of pueue that this was written for.
const PUEUE: &str = "pueue@4.0.4";

/// No runner takes so long for its work.
const TOO_LONG: Duration = Duration::from_secs(120);

/// Those who are here, or can be had; and those who cannot, with the reason.
pub(super) fn present(bench: &Bench<'_>) -> Result<(Vec<Runner>, Vec<String>)> {
    let mut runners = Runner::OURS.to_vec();
    runners.extend([Runner::Bare, Runner::Xargs, Runner::Python]);
    let mut skipped = Vec::new();
    for (runner, program, package) in [
        (Runner::Parallel, "parallel", "parallel"),
        (Runner::Spooler, "tsp", "task-spooler"),
        (Runner::Pueue, "pueue", PUEUE),
    ] {
        match available(bench, runner, program, package) {
            Ok(()) => runners.push(runner),
            Err(reason) => {
                let told = format!("{program} was left out: {reason:#}");
                eprintln!("    SKIPPED: {told}");
                skipped.push(told);
            }
        }
    }
    Ok((runners, skipped))
}

fn available(bench: &Bench<'_>, runner: Runner, program: &str, package: &str) -> Result<()> {
    if debian::find(program).is_some() {
        return Ok(());
    }
    if runner == Runner::Pueue {
        bail!(
            "it is not installed, and takes minutes to build: `cargo install --locked {package}`"
        );
    }
    if bench.extent == Extent::Short {
        bail!("it is not installed, and the short form installs nothing");
    }
    debian::install(bench.workspace, program, package)
}

/// Its server takes the jobs, behind one that keeps the only slot until the work begins.
pub(super) fn fill_spooler(work: &Work<'_>, job: &str) -> Result<()> {
    tsp(work).args("-S 1").output()?;
    tsp(work).args("-n sleep 600").output()?;
    for _ in 0..work.jobs {
        tsp(work).arg("-n").arg(job).output()?;
    }
    Ok(())
}

/// One slot stays with the job that was there first.
pub(super) fn run_spooler(work: &Work<'_>) -> Result<()> {
    let slots = (work.at_once + 1).to_string();
    tsp(work).arg("-S").arg(slots).output()?;
    // They begin in order, so only those that were begun last can be running when the last has
    // ended.
    for job in (work.jobs.saturating_sub(work.at_once) + 1..=work.jobs).rev() {
        tsp(work).arg("-w").arg(job.to_string()).output()?;
    }
    Ok(())
}

pub(super) fn end_spooler(work: &Work<'_>) -> Result<()> {
    // Without `-K`'s server the first job would go on.
    let first = tsp(work).args("-p 0").output()?;
    tsp(work).arg("-K").output()?;
    let first = String::from_utf8(first).context("a pid is text")?;
    work.program("kill").arg(first.trim()).ended().map(drop)
}

fn tsp(work: &Work<'_>) -> Program {
    work.program("tsp")
        .env("TS_SOCKET", work.path("socket"))
        .env("TMPDIR", &work.directory)
}

/// Its server takes the jobs while it is paused.
pub(super) fn fill_pueue(work: &Work<'_>, job: &str) -> Result<()> {
    let directory = work.directory.display();
    let settings = format!(
        "client: {{}}\n\
         daemon: {{}}\n\
         shared:\n  pueue_directory: {directory}/pueue\n  runtime_directory: {directory}\n\
         \x20 use_unix_socket: true\n"
    );
    fs::write(work.path("pueue.yml"), settings)?;
    // It keeps what it is given to write to.
    let null = Stdio::null;
    let mut begins = pueue(work, "pueued")
        .arg("-d")
        .start(null(), null(), null())?;
    begins.wait().context("pueued cannot be waited for")?;
    add_to_pueue(work, job).inspect_err(|_| drop(end_pueue(work)))
}

fn add_to_pueue(work: &Work<'_>, job: &str) -> Result<()> {
    let begun = Instant::now();
    while !pueue(work, "pueue").arg("status").ended()?.status.success() {
        if begun.elapsed() > TOO_LONG {
            bail!("pueue's server does not answer");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    pueue(work, "pueue").arg("pause").output()?;
    let at_once = work.at_once.to_string();
    pueue(work, "pueue").arg("parallel").arg(at_once).output()?;
    for _ in 0..work.jobs {
        pueue(work, "pueue").args("add --").arg(job).output()?;
    }
    Ok(())
}

pub(super) fn run_pueue(work: &Work<'_>) -> Result<()> {
    let begun = Instant::now();
    pueue(work, "pueue").arg("start").output()?;
    while begun.elapsed() < TOO_LONG {
        let status = pueue(work, "pueue").args("status --json").output()?;
        let status: Value = serde_json::from_slice(&status).context("pueue gave no JSON")?;
        let tasks = status["tasks"]
            .as_object()
            .context("pueue tells of no tasks")?;
        if tasks
            .values()
            .all(|task| task["status"].get("Done").is_some())
        {
            let succeeded = |task: &Value| task["status"]["Done"]["result"] == "Success";
            if tasks.values().all(succeeded) {
                return Ok(());
            }
            bail!("pueue has failed with some of its jobs");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("pueue has not ended its work")
}

pub(super) fn end_pueue(work: &Work<'_>) -> Result<()> {
    pueue(work, "pueue").arg("shutdown").output().map(drop)
}

fn pueue(work: &Work<'_>, program: &str) -> Program {
    work.program(program).arg("-c").arg(work.path("pueue.yml"))
}
