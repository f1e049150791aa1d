//! Whether a recorded process is still the one that has its number.

use hostledger_model::ProcessIdentity;
use hostledger_sys::Pidfd;

use crate::identity::{open, stat_of};
use crate::{IdentityError, PidSpace};

/// What has become of a recorded process.
#[derive(Debug)]
pub enum Verdict {
    /// It runs (or is stopped); to act on it, use this descriptor and no number.
    Alive(Pidfd),
    /// It has ended and waits to be reaped.
    Zombie(Pidfd),
    /// It is no more; whoever has its number now is somebody else.
    Gone,
    /// It ran before the machine was started last, so it is no more.
    OtherBoot,
    /// It lives in another pid namespace, where its number means something else: unknown.
    OtherNamespace,
}

impl PidSpace {
    /// Looks for a recorded process.
    ///
    /// The descriptor is opened first and then compared: by inode where one is recorded and the
    /// kernel has them, and by start time. So there is no instant at which another process that
    /// got the number could be taken for it.
    ///
    /// # Errors
    /// When descriptors run out or /proc cannot be read; that nobody is there is no error.
    pub fn verify(&self, recorded: &ProcessIdentity) -> Result<Verdict, IdentityError> {
        if recorded.boot_id != self.boot_id {
            return Ok(Verdict::OtherBoot);
        }
        if recorded.pid_namespace != self.pid_namespace {
            return Ok(Verdict::OtherNamespace);
        }
        let pid = recorded.pid;
        let Some(held) = open(pid)? else {
            return Ok(Verdict::Gone);
        };
        let Some(stat) = stat_of(&held, pid)? else {
            return Ok(Verdict::Gone);
        };
        let found = self.identity(&held, pid, &stat)?;
        let same_inode = match (recorded.pidfd_inode, found.pidfd_inode) {
            (Some(recorded), Some(found)) => recorded == found,
            _ => true,
        };
        if !same_inode || recorded.start_ticks != found.start_ticks {
            return Ok(Verdict::Gone);
        }
        // Not by the state letter in stat: that is the main thread's, which can end before others.
        let ended = held.wait_ended(Some(std::time::Duration::ZERO));
        if ended.map_err(|source| IdentityError::Pidfd { pid, source })? {
            Ok(Verdict::Zombie(held))
        } else {
            Ok(Verdict::Alive(held))
        }
    }
}
