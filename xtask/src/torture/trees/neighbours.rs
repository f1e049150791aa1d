//! Two trees of one program, and so of one keeper: the one is ended, the other stays.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::Means;
use super::case::Count;
use crate::torture::Bench;
use crate::torture::place::Place;

/// Both trees, each counted in a place of its own.
pub(super) fn prove(bench: &Bench<'_>, rounds: usize) -> Vec<Count> {
    let mut counts = Vec::new();
    for means in std::iter::repeat_n(Means::ALL, rounds).flatten() {
        counts.push(round(bench, means).unwrap_or_else(|error| Count::failed(&error)));
    }
    counts
}

fn round(bench: &Bench<'_>, means: Means) -> Result<Count> {
    let one = Place::make(bench)?.without(means.disabled());
    let other = Place::make(bench)?;
    let program = one.launch_many();
    let mut program = program.start(Stdio::piped(), Stdio::piped(), Stdio::inherit())?;
    let mut stdin = program.stdin.take().context("its input is piped")?;
    let stdout = program.stdout.take().context("its output is piped")?;
    let mut lines = BufReader::new(stdout).lines();
    let role = ["lead", "plain", "session", "session+twice", "group"];
    let mut ids = Vec::new();
    for place in [&one, &other] {
        let command = place.offspring(&role).join(" ") + "\n";
        stdin.write_all(command.as_bytes())?;
        let line = lines.next().context("it says who runs")??;
        let id = line.split(' ').next().context("an id")?;
        ids.push(id.to_owned());
    }
    one.wait_there(role.len())?;
    other.wait_there(role.len())?;
    let kill = |id: &str| one.hostledger().args("kill --tree").arg(id).output();
    kill(&ids[0])?;
    let mut count = Count::of(&one)?;
    let lives = other.living()?;
    if lives.len() != role.len() {
        let lives: Vec<_> = lives.iter().map(ToString::to_string).collect();
        count.wrong.push(format!(
            "{means:?}: of the neighbour's {} processes live {lives:?}",
            role.len()
        ));
    }
    kill(&ids[1])?;
    drop(stdin);
    if !program.wait()?.success() {
        bail!("the program that had launched both failed");
    }
    Ok(count)
}
