//! Requests that wait for room.
//!
//! The descriptors that a user may have on their way are counted over all of its programs
//! (unix(7)). When others have used that up, no keeper of ours tells that there is room again:
//! then a timer has it tried again.

use std::os::fd::OwnedFd;
use std::time::Duration;

use hostledger_keeper::Keeper;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::KeptPrograms;

/// Between two tries to send what there was no room for.
const PAUSE: Duration = Duration::from_millis(20);

impl KeptPrograms {
    /// Has `readiness` tell in a moment, if requests wait for room.
    pub(super) fn try_again_later(&mut self, readiness: &OwnedFd) {
        let keepers = self.keepers.iter().filter_map(|kept| kept.keeper.as_ref());
        if keepers.into_iter().any(Keeper::is_waiting)
            && let Err(error) = self.arm(readiness)
        {
            tracing::warn!(%error, "no timer: a program waits until something else happens");
        }
    }

    fn arm(&mut self, readiness: &OwnedFd) -> Result<(), Errno> {
        let timer = match &mut self.again_at {
            Some(timer) => timer,
            none => none.insert(begin(readiness)?),
        };
        let pause = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec {
                tv_sec: 0,
                tv_nsec: PAUSE.subsec_nanos().into(),
            },
        };
        timerfd_settime(timer, TimerfdTimerFlags::empty(), &pause).map(drop)
    }

    /// What has told that a moment is over tells it no longer.
    pub(super) fn clear_timer(&self) {
        if let Some(timer) = &self.again_at {
            // EAGAIN: it has not gone off.
            let _ = rustix::io::read(timer, &mut [0; 8]);
        }
    }
}

fn begin(readiness: &OwnedFd) -> Result<OwnedFd, Errno> {
    let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
    let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
    let token = epoll::EventData::new_u64(0);
    epoll::add(readiness, &timer, token, epoll::EventFlags::IN)?;
    Ok(timer)
}
