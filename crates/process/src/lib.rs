//! Control of processes for hostledger: identity, launch, output, termination.
//!
//! Linux 5.10 and later. No signal is sent by number: whoever acts on a process does it through
//! a [`Pidfd`] that was opened before its identity was compared ([`PidSpace::verify`]). An end
//! is read, written down by the caller, and only then reaped ([`Children`]).
//!
//! Nothing here knows of records or databases. What is started is described by a [`LaunchSpec`];
//! its [`Launch::start`] answers with the program's exact identity, or with why the exec failed.
//!
//! ```
//! use hostledger_model::Termination;
//! use hostledger_process::{Children, LaunchSpec, LogDirectory, Output, PidSpace};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let place = tempfile::tempdir()?;
//! let space = PidSpace::current()?;
//! let logs = LogDirectory::open(place.path())?.create("job.1")?;
//! let command = ["sh", "-c", "echo hello; exit 7"].map(Into::into).to_vec();
//! let launch = LaunchSpec::new(command, "/".into()).check()?;
//!
//! let launched = launch.start(space, Output::Files(&logs))?;
//! // Written down here: launched.identity, launched.started_at.
//! let mut children = Children::new(space)?;
//! children.add("job", launched.pidfd)?;
//!
//! // An event loop polls `children`; here there is one child to wait for.
//! children.pidfd(&"job").ok_or("no such child")?.wait_ended(None)?;
//! for ended in children.take_ended()? {
//!     assert_eq!(ended.status.termination(), Some(Termination::Exited(7)));
//!     // Written down here, and only then:
//!     children.release(&ended.key)?;
//! }
//! assert_eq!(std::fs::read_to_string(&logs.stdout_path)?, "hello\n");
//! # Ok(())
//! # }
//! ```

mod ancestors;
mod cgroup;
mod children;
mod end;
mod foreign;
mod held;
mod identity;
mod launch;
mod live;
mod means;
mod output;
mod pid_file;
mod pid_space;
mod pty;
mod script;
mod signal;
mod start_time;
mod terminal;
mod tree;
mod verify;

pub use ancestors::ancestors;
pub use cgroup::{CgroupError, Hierarchy, NoCgroup};
pub use children::{Children, ChildrenError, Ended};
pub use end::EndStatus;
pub use foreign::ForeignRow;
pub use hostledger_sys::{
    Ambient, Features, GroupSignalError, LaunchBlock, ParseSignalError, Pidfd, Session, Signal,
    SpawnError, Stage,
};
pub use identity::IdentityError;
pub use launch::{
    InvalidLaunch, Launch, LaunchError, LaunchSpec, Launched, Output, Stdin, program_files,
};
pub use live::LiveUsage;
pub use means::{Means, UnknownMeans};
pub use output::{
    Begin, Captured, DEFAULT_CAPTURE_LIMIT, DroppedBytes, Followed, LogDirectory, LogError,
    LogFiles, LogName, LogPart, LogPlacement, Passed, ProgramDirectory, RelayError, Removal,
    Removed, Stream, capture, follow, hook_script, log_file_name, relay, tail, tail_offset,
};
pub use pid_file::{SweepError, SweepVerdict, Swept, sweep_pid_files};
pub use pid_space::{PidSpace, PidSpaceError};
pub use pty::{Pty, PtyError, PtyMaster};
pub use script::{ScriptOf, script};
pub use signal::{SignalError, send_signal, wait_ended};
pub use start_time::start_time;
pub use terminal::{TerminalError, TerminalGuard};
pub use tree::{
    GroupHold, Member, Survivor, TreeEnd, TreeError, TreeRoot, end_trees, signal_trees,
    tree_members,
};
pub use verify::Verdict;
