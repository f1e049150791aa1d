//! One launch, and the death in it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context, Result};

use super::death::{Moment, Struck};
use super::judge::number_of;
use super::plan::{Launch, Launcher, Subject};
use crate::held::Held;
use crate::torture::place::Place;

/// What came of a launch, besides what is recorded.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) launch: Launch,
    pub(super) struck: Struck,
    /// What the launcher itself ended with; none when it was killed.
    pub(super) launcher_code: Option<i32>,
    /// What `hostledger wait` for the first program ended with.
    pub(super) waited_code: Option<i32>,
    /// What the launcher said, to be told when something is wrong.
    pub(super) said: String,
}

/// Launches, kills, and waits for the launcher's end.
pub(super) fn carry_out(place: &Place<'_>, launch: &Launch) -> Result<Told> {
    let child = start(place, launch)?;
    let launcher = Held::open(child.id().cast_signed()).context("it has not been waited for")?;
    let moment = Moment {
        since: launch.since,
        after: launch.after,
        runs: || runs_file(place, launch.programs[0]).exists(),
    };
    let struck = launch.death.strike(&launcher, &moment)?;
    let waited_code = if launch.waits {
        wait_through_the_ledger(place, launch.programs[0].number)?
    } else {
        None
    };
    let output = child.wait_with_output()?;
    Ok(Told {
        launch: launch.clone(),
        struck,
        launcher_code: output.status.code(),
        waited_code,
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn start(place: &Place<'_>, launch: &Launch) -> Result<Child> {
    let run = match launch.by {
        Launcher::Run => "run --",
        Launcher::Detach => "run --detach --",
        Launcher::Embedded => return embed(place, &launch.programs),
    };
    let run = place.hostledger().args(run);
    run.words(command(place, launch.programs[0])).start(
        Stdio::null(),
        Stdio::null(),
        Stdio::piped(),
    )
}

fn embed(place: &Place<'_>, programs: &[Subject]) -> Result<Child> {
    let program = place.launch_many();
    let mut child = program.start(Stdio::piped(), Stdio::null(), Stdio::piped())?;
    let mut stdin = child.stdin.take().context("its input is piped")?;
    for program in programs {
        let line = command(place, *program).join(" ") + "\n";
        // All of it fits into the pipe, so this fails only when it has ended already.
        if stdin.write_all(line.as_bytes()).is_err() {
            break;
        }
    }
    Ok(child)
}

/// Gets a line each time the program runs.
pub(super) fn runs_file(place: &Place<'_>, program: Subject) -> PathBuf {
    place.path("runs").join(program.number.to_string())
}

fn command(place: &Place<'_>, program: Subject) -> Vec<String> {
    let file = runs_file(place, program).display().to_string();
    let millis = program.millis.to_string();
    let [how, number] = program.end.words();
    place.offspring(&["end", &file, &millis, &how, &number])
}

/// What `hostledger wait` ends with, when the program is known to have started by now.
fn wait_through_the_ledger(place: &Place<'_>, number: usize) -> Result<Option<i32>> {
    let records = place.records()?;
    let record = records.iter().find(|it| number_of(it) == Some(number));
    let Some(record) = record.filter(|it| it.text("status") != "queued") else {
        return Ok(None);
    };
    let wait = place.hostledger().args("wait --timeout 30s");
    Ok(wait.arg(record.id()).ended()?.status.code())
}
