//! Asking a program for its version.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hostledger_model::{Outcome, Process};

use crate::{Order, Request, RunError, Runner, find_version};

/// How programs are asked, in this order.
const QUESTIONS: [&str; 4] = ["--version", "-version", "version", "-V"];
/// How long one may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which version a program says it has: the first thing that looks like one in its output, then in
/// its error output, to the first question that it answers; none when it answers none.
///
/// It runs in an empty directory and reads nothing. An answer with which it fails counts only when
/// there is none without.
///
/// # Errors
/// It could not be run and recorded.
pub fn ask_version(
    request: &Request<'_>,
    provider: &str,
    program: &Path,
    runner: &dyn Runner,
) -> Result<Option<String>, RunError> {
    let empty = request.own_directory().join("empty");
    let mut with_failure = None;
    for question in QUESTIONS {
        clear(&empty);
        let order = Order {
            working_directory: empty.clone(),
            timeout: PATIENCE,
            ..request.order(provider, program).args([question])
        };
        let process = runner.run(order)?;
        if process.outcome != Some(Outcome::Exited) {
            continue;
        }
        let Some(version) = version_in(&process) else {
            continue;
        };
        if process.exit_code == Some(0) {
            clear(&empty);
            return Ok(Some(version));
        }
        with_failure.get_or_insert(version);
    }
    clear(&empty);
    Ok(with_failure)
}

fn version_in(process: &Process) -> Option<String> {
    [&process.stdout, &process.stderr]
        .into_iter()
        .find_map(|text| find_version(text))
        .map(str::to_owned)
}

/// Removes what an earlier program has left there; whoever runs the next makes it anew.
fn clear(directory: &Path) {
    if let Err(error) = fs::remove_dir_all(directory)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::debug!(path = %directory.display(), %error, "a directory is not empty");
    }
}
