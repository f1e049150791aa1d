//! What stands beside the logs of a program that has a directory of its own: its pid file, while it
//! runs, and a script that runs it again.

use std::error::Error;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use hostledger_model::{LogPlace, Process, environment_variables};
use hostledger_process::{LogError, ProgramDirectory, ScriptOf, script};

/// The text of a shell script that runs the command of a process again; see [`script`].
#[must_use]
pub fn script_of(process: &Process) -> Vec<u8> {
    script(&ScriptOf {
        id: process.id,
        command: &process.command(),
        directory: process.working_directory(),
        variables: &environment_variables(&process.env),
        secrets: &process.secret_env,
        launch: &process.launch,
    })
}

/// Writes the pid file and the script of a process that has just started.
///
/// A program without them is accounted for all the same, so that they cannot be written is told
/// in the log only.
pub(crate) fn note_start(process: &Process) {
    let (Some(pid), Some(started_at)) = (process.pid, process.started_at) else {
        return;
    };
    each_own(process, |directory| {
        directory.write_pid_file(pid, started_at)?;
        directory.write_script(&script_of(process))
    });
}

/// Removes the pid file of a process that has ended, unless it is another one's by now.
pub(crate) fn note_end(process: &Process) {
    let Some(pid) = process.pid else { return };
    each_own(process, |directory| {
        directory.remove_pid_file(pid).map(drop)
    });
}

fn each_own(process: &Process, act: impl FnOnce(&ProgramDirectory) -> Result<(), LogError>) {
    let Some(LogPlace::Directory { path }) = &process.log else {
        return;
    };
    let working_directory = Path::new(OsStr::from_bytes(process.working_directory()));
    let done = ProgramDirectory::open(working_directory, path).and_then(|it| act(&it));
    if let Err(error) = done {
        let (id, error) = (process.id, &error as &dyn Error);
        tracing::warn!(error, %id, "the directory of a program is not as it should be");
    }
}
