//! From whom a process descends.

use hostledger_model::Pid;
use procfs::ProcError;
use procfs::process::Process;

use crate::IdentityError;

/// The parent of a process, its parent and so on, nearest first, up to the namespace's first.
///
/// It ends early at a process that /proc does not show to us. A picture of a moment: a parent that ends meanwhile ends the list, or its place is taken by
/// whoever adopted its children. The caller compares identities before it believes a number.
///
/// # Errors
/// When `pid` itself does not exist or /proc cannot be read.
pub fn ancestors(pid: Pid) -> Result<Vec<Pid>, IdentityError> {
    let mut chain = Vec::new();
    let mut next = parent(pid)?;
    while let Some(ancestor) = next {
        // Numbers that are used again meanwhile could make a ring.
        if ancestor == pid || chain.contains(&ancestor) {
            break;
        }
        chain.push(ancestor);
        next = match parent(ancestor) {
            Err(IdentityError::NoProcess { .. }) => None,
            // /proc can be mounted so that other users' processes are hidden (proc(5), hidepid).
            Err(IdentityError::Stat {
                source: ProcError::PermissionDenied(_),
                ..
            }) => None,
            other => other?,
        };
    }
    Ok(chain)
}

/// `None` when the parent is outside of our namespace, or there is none.
fn parent(pid: Pid) -> Result<Option<Pid>, IdentityError> {
    match Process::new(pid.get()).and_then(|process| process.stat()) {
        Ok(stat) => Ok(Pid::new(stat.ppid)),
        Err(ProcError::NotFound(_)) => Err(IdentityError::NoProcess { pid }),
        Err(source) => Err(IdentityError::Stat { pid, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_this_process_begins_with_its_parent() {
        let own = Pid::new(i32::try_from(std::process::id()).unwrap()).unwrap();
        let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap();
        let chain = ancestors(own).unwrap();
        assert_eq!(chain.first().copied(), Pid::new(parent));
        assert!(!chain.contains(&own));
    }

    #[test]
    fn a_pid_nobody_has_is_an_error() {
        let nobody = Pid::new(i32::MAX).unwrap();
        assert!(matches!(
            ancestors(nobody),
            Err(IdentityError::NoProcess { .. })
        ));
    }
}
