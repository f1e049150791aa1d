//! The end of a process that somebody else reaped (`PIDFD_GET_INFO`, ioctl_pidfd(2)).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use rustix::ioctl::{self, Opcode, Updater};

use crate::EndStatus;

/// `struct pidfd_info` in its first size, which every kernel with the call takes.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup_id: u64,
    pid: u32,
    tgid: u32,
    ppid: u32,
    user_and_group_ids: [u32; 8],
    exit_code: i32,
}

const _: () = assert!(size_of::<PidfdInfo>() == 64);

/// `PIDFD_INFO_EXIT`: asked for, and set in the answer when the exit code is there (Linux 6.15).
const PIDFD_INFO_EXIT: u64 = 1 << 3;
/// `PIDFD_GET_INFO` (Linux 6.13).
const PIDFD_GET_INFO: Opcode = ioctl::opcode::read_write::<PidfdInfo>(0xFF, 11);

/// How a process ended, told to any holder of a pidfd that was opened before it was reaped.
///
/// `None` while it is not reaped, and always on kernels before 6.15: [`Features::exit_info`]
/// says which. It carries no resource use.
///
/// [`Features::exit_info`]: crate::Features::exit_info
///
/// # Errors
/// `EBADF` and the like, when what is given is no pidfd.
pub fn exit_status(pidfd: impl AsFd) -> io::Result<Option<EndStatus>> {
    match get_info(pidfd.as_fd()) {
        Ok(info) if info.mask & PIDFD_INFO_EXIT != 0 => {
            Ok(EndStatus::of_wait_status(info.exit_code))
        }
        Ok(_) => Ok(None),
        // No such call (before 6.13, or a sandbox), or reaped and nothing kept.
        Err(Errno::NOTTY | Errno::INVAL | Errno::SRCH | Errno::OPNOTSUPP) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn get_info(pidfd: BorrowedFd<'_>) -> Result<PidfdInfo, Errno> {
    let mut info = PidfdInfo {
        mask: PIDFD_INFO_EXIT,
        ..PidfdInfo::default()
    };
    // SAFETY: the opcode carries the size of PidfdInfo, of which the kernel writes no more.
    let request = unsafe { Updater::<PIDFD_GET_INFO, PidfdInfo>::new(&mut info) };
    // SAFETY: PIDFD_GET_INFO reads and writes the struct behind its pointer and nothing else;
    // another kind of descriptor would answer ENOTTY.
    unsafe { ioctl::ioctl(pidfd, request) }?;
    Ok(info)
}
