//! Running a package manager, and what is said of one that fails.

use std::path::{Path, PathBuf};

use hostledger_model::{Outcome, Process, format_duration};

use crate::{BinaryProvider, Found, Order, Request, Runner, Unsuccessful};

/// How much of what a failed program wrote is a reason, in lines and in characters.
const LINES: usize = 3;
const CHARACTERS: usize = 600;

/// A package manager on `PATH`, or that there is none.
pub(super) fn tool(request: &Request<'_>, name: &str) -> Result<PathBuf, Unsuccessful> {
    let absent = || Unsuccessful::skipped(format!("{name} is not on PATH"));
    request.place.on_path(name).ok_or_else(absent)
}

/// Runs a program that has to succeed.
pub(super) fn run(order: Order, runner: &dyn Runner) -> Result<Process, Unsuccessful> {
    let program = order.command.first().cloned().unwrap_or_default();
    let process = runner.run(order)?;
    match failure(&process, Path::new(&program)) {
        None => Ok(process),
        Some(reason) => Err(Unsuccessful::failed(reason)),
    }
}

/// Why a process has failed, in words; none when it has not.
pub(crate) fn failure(process: &Process, program: &Path) -> Option<String> {
    let name = program.file_name().unwrap_or(program.as_os_str());
    let name = name.to_string_lossy();
    let code = process.exit_code.unwrap_or_default();
    let what = match process.outcome {
        Some(Outcome::Exited) if code == 0 => return None,
        Some(Outcome::Exited) => format!("{name} ended with exit code {code}"),
        Some(Outcome::Signaled) => format!("{name} was ended by signal {}", code - 128),
        Some(Outcome::TimedOut) => {
            let after = process.timeout_ms.map(std::time::Duration::from_millis);
            let after = after.map(|it| format!(" after {}", format_duration(it)));
            format!("{name} timed out{}", after.unwrap_or_default())
        }
        Some(Outcome::SpawnFailed) => format!("{name} could not be started"),
        Some(outcome) => format!("{name}: {outcome}"),
        None => format!("{name} has not ended"),
    };
    let said = [&process.stderr, &process.stdout]
        .into_iter()
        .map(|text| last_lines(text))
        .find(|text| !text.is_empty());
    Some(match said {
        Some(said) => format!("{what}: {said}"),
        None => what,
    })
}

/// The last lines of a text that are not blank.
fn last_lines(text: &str) -> String {
    let mut lines: Vec<&str> = text
        .lines()
        .rev()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(LINES)
        .collect();
    lines.reverse();
    let all = lines.join("\n");
    let excess = all.chars().count().saturating_sub(CHARACTERS);
    all.chars().skip(excess).collect()
}

/// The program of a request at one of these places.
pub(super) fn found(
    request: &Request<'_>,
    provider: &str,
    places: &[PathBuf],
) -> Result<Found, Unsuccessful> {
    if let Some(path) = request.overrides(provider).abspath {
        return Ok(Found::at(path));
    }
    let name = request.name();
    let mut candidates = places.iter().map(|directory| directory.join(name));
    if let Some(path) = candidates.find(|path| crate::is_program(path)) {
        return Ok(Found::at(path));
    }
    let directories: Vec<_> = places.iter().map(|it| it.display().to_string()).collect();
    Err(Unsuccessful::failed(format!(
        "{} installed {}, and there is no program {name} in {}",
        provider,
        request.packages(provider).join(" "),
        directories.join(", ")
    )))
}

/// Runs the command that a request gives instead of what its provider would run.
pub(crate) fn run_command(
    provider: &dyn BinaryProvider,
    request: &Request<'_>,
    command: &[String],
    runner: &dyn Runner,
) -> Result<(), Unsuccessful> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Unsuccessful::failed("the command to install it is empty"));
    };
    let order = request
        .order(provider.name(), Path::new(program))
        .args(arguments);
    run(order, runner).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_the_end_of_what_was_written() {
        assert_eq!(last_lines("a\nb\n\n c \nd\n\n"), "b\nc\nd");
        assert_eq!(last_lines(" \n"), "");
        assert_eq!(last_lines(&"ü".repeat(5000)).chars().count(), CHARACTERS);
    }
}
