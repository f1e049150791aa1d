//! Starts that were under way when their keeper died.

use std::time::Duration;

use hostledger_keeper::{Entry, State, Table};
use hostledger_process::{PidSpace, Verdict};

use crate::entry;
use crate::moment::wait_for;

/// How long a child may take from its birth to its program.
const UNTIL_EXECUTED: Duration = Duration::from_secs(5);

/// What became of a start that was under way when its keeper died: the child goes on by itself,
/// and has executed its program, or written down why it could not, in a moment.
pub(crate) fn settled_start(table: &Table, entry: &Entry, space: &PidSpace) -> State {
    let settled = || {
        let entry = table.entry(entry.slot)?;
        if entry.failure.is_some() {
            return Some(State::Failed);
        }
        let identity = entry::identity(&entry, table, space)?;
        match space.verify(&identity).ok()? {
            Verdict::Alive(pidfd) => space.has_executed(&pidfd).then_some(State::Running),
            _ => Some(State::Running),
        }
    };
    wait_for(UNTIL_EXECUTED, settled).unwrap_or(State::Running)
}
