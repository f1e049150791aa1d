//! No signal reaches a stranger: a recorded process ends while nobody is left to write that down,
//! and another process is given its pid. Then the recorded one is to be ended.
//!
//! Which pid comes next can be said in a pid namespace (/proc/sys/kernel/ns_last_pid, proc(5)), so
//! this program runs itself again in one, as its first process.

mod actions;
mod namespace;
mod round;
mod victim;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Bench;
use super::living::Living;
use super::place::Place;
use super::programs::Programs;
use super::random::Random;
use super::request::Torture;
use super::verdict::Verdict;
use crate::extent::Extent;
use crate::program::Program;
use crate::waiting::within;
use crate::workspace::Workspace;
use actions::ACTIONS;
use round::{Moment, Round};

/// Set for the program in the namespace: where the programs are.
const INSIDE: &str = "HOSTLEDGER_TORTURE_INSIDE";

/// Has the rounds carried out in a namespace, where that can be had.
pub(super) fn prove(bench: &Bench<'_>) -> Result<Verdict> {
    if let Err(reason) = namespace::can_be_had(bench.workspace) {
        return Ok(Verdict::skipped(&format!(
            "pids cannot be chosen here: {reason:#}"
        )));
    }
    let own = std::env::current_exe().context("this program is nowhere")?;
    let programs = &bench.programs;
    let programs = std::env::join_paths([
        &programs.hostledger,
        &programs.offspring,
        &programs.launch_many,
    ])?;
    let mut inside = Program::new(bench.workspace, "unshare")
        .args("--pid --fork --mount-proc --kill-child")
        .arg(own)
        .args("torture reuse --seed")
        .arg(bench.seed.to_string());
    if bench.extent == Extent::Short {
        inside = inside.arg("--short");
    }
    inside.env(INSIDE, programs).run()?;
    let mut verdict = Verdict::default();
    verdict.note("in a pid namespace; the counts stand above");
    Ok(verdict)
}

/// Whether this is the program in the namespace.
pub(super) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// The rounds, as the first process of a namespace.
///
/// # Errors
/// A stranger was hit, or pids cannot be chosen after all.
pub(super) fn inside(workspace: &Workspace, request: &Torture) -> Result<()> {
    let programs = std::env::var_os(INSIDE).context("where are the programs?")?;
    let programs: Vec<PathBuf> = std::env::split_paths(&programs).collect();
    let programs = programs
        .try_into()
        .ok()
        .context("three programs are handed in")?;
    let bench = Bench {
        workspace,
        programs: Programs::given(programs),
        extent: request.extent,
        databases: request.databases.clone(),
        seed: request.seed,
    };
    let verdict = rounds(&bench)?;
    eprintln!("{verdict}");
    if verdict.is_broken() {
        bail!("strangers were signalled, or what had ended was not settled");
    }
    Ok(())
}

/// What processes are told apart by, what is switched off for that, and how many tenths of the
/// rounds it gets later and at once.
const WAYS: [(Option<&str>, &str, [usize; 2]); 2] = [
    (None, "pidfs inode", [3, 4]),
    (Some("pidfs"), "start time", [1, 2]),
];

/// Those who should have gone by now: everybody was killed, or has ended.
fn left(place: &Place<'_>) -> Result<Vec<Living>> {
    let mut left = Ok(Vec::new());
    within(Duration::from_secs(5), || {
        left = place.living();
        left.as_ref().is_ok_and(Vec::is_empty)
    });
    left
}

fn rounds(bench: &Bench<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::table(&[
        "pids told apart by",
        "rounds",
        "same 10 ms",
        "not forced",
        "signalled",
        "unsettled",
    ]);
    let count = bench.extent.of(100, 1000);
    let mut random = Random::new(bench.seed, 3);
    for (ways, name, shares) in WAYS {
        for (moment, share) in [Moment::Later, Moment::AtOnce].into_iter().zip(shares) {
            let place = Place::make(bench)?.without(ways);
            let mut rounds = Vec::new();
            for number in 0..count * share / 10 {
                let action = random.of(&ACTIONS);
                let round = round::carry_out(&place, moment, number, action);
                let round = round.with_context(|| format!("{name}, {moment:?}, round {number}"))?;
                rounds.push(round);
            }
            let name = format!("{name}, {moment:?}");
            tell(&mut verdict, &name, ways, &rounds);
            for left in left(&place)? {
                verdict.broken(format!("{name}: still there: {left}"));
            }
        }
    }
    Ok(verdict)
}

fn tell(verdict: &mut Verdict, name: &str, ways: Option<&str>, rounds: &[Round]) {
    let count = |of: fn(&Round) -> bool| rounds.iter().filter(|round| of(round)).count();
    verdict.row([
        name.to_owned(),
        rounds.len().to_string(),
        count(|it| it.same_tick).to_string(),
        count(|it| !it.forced).to_string(),
        count(|it| it.signalled).to_string(),
        count(|it| it.unsettled.is_some()).to_string(),
    ]);
    let mut excused = 0;
    for round in rounds {
        // Two processes of one pid and one start time are one and the same without pidfs.
        let same = ways.is_some() && round.same_tick;
        let Round { action, .. } = round;
        match (&round.unsettled, round.signalled, same) {
            (_, true, true) | (Some(_), _, true) => excused += 1,
            (_, true, false) => verdict.broken(format!("{name}: {action} hit a stranger")),
            (Some(record), false, false) => {
                verdict.broken(format!("{name}: {action} left this unsettled: {record}"));
            }
            (None, false, _) => {}
        }
    }
    if excused > 0 {
        verdict.note(format!(
            "{name}: {excused} strangers of the same 10 ms were taken for the recorded process"
        ));
    }
}
