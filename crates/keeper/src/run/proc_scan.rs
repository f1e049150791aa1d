//! All processes, one after the other, without allocation.

use std::mem::MaybeUninit;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, OwnedFd};

use hostledger_sys::{Pidfd, soft_limit};
use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::process::{Pid, Resource};

use super::name::Name;

/// A live process as it was when it was looked at, and a hold on it.
pub(super) struct Member {
    pub(super) pidfd: Pidfd,
    pub(super) pid: u64,
    pub(super) parent: u64,
    pub(super) group: u64,
    pub(super) session: u64,
    pub(super) start_ticks: u64,
    /// Its soft `RLIMIT_LOCKS`; 0 when it cannot be asked.
    pub(super) tag: u64,
}

/// Shows each live process to `see`: first a descriptor, then what is asked, then whether it was
/// still the one.
pub(super) fn each_process(mut see: impl FnMut(&Member)) -> Result<(), Errno> {
    let proc = open_proc()?;
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(&proc, &mut buffer);
    while let Some(entry) = entries.next() {
        if let Some(member) = number(entry?.file_name().to_bytes()).and_then(|pid| look(&proc, pid))
        {
            see(&member);
        }
    }
    Ok(())
}

/// Shows each live process whose number is one of these.
pub(super) fn each_numbered(
    numbers: RangeInclusive<u64>,
    mut see: impl FnMut(&Member),
) -> Result<(), Errno> {
    let proc = open_proc()?;
    for member in numbers.filter_map(|number| look(&proc, number)) {
        see(&member);
    }
    Ok(())
}

/// The number that was given out last, in the pid namespace that /proc shows
/// (proc_loadavg(5)).
pub(super) fn newest() -> Result<u64, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(c"/proc/loadavg", flags, Mode::empty())?;
    let mut text = [0; 128];
    let length = rustix::io::read(&file, &mut text)?;
    let text = text.get(..length).unwrap_or_default().trim_ascii_end();
    let last = text.rsplit(|byte| *byte == b' ').next();
    last.and_then(number).ok_or(Errno::IO)
}

fn open_proc() -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(c"/proc", flags, Mode::empty())
}

fn look(proc: &OwnedFd, number: u64) -> Option<Member> {
    let pid = Pid::from_raw(i32::try_from(number).ok()?)?;
    let pidfd = Pidfd::open(pid).ok()?;
    let mut text = [0; 1024];
    let text = read_stat(proc, number, &mut text)?;
    // The name before the last parenthesis may hold anything.
    let end_of_name = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = text.get(end_of_name + 2..)?.split(|byte| *byte == b' ');
    // Fields 3 to 6 and 22 (proc_pid_stat(5)).
    let state = fields.next()?;
    let [parent, group, session] =
        [(); 3].map(|()| fields.next().and_then(self::number).unwrap_or_default());
    let start_ticks = fields.nth(15).and_then(self::number)?;
    let tag = soft_limit(pid, Resource::Locks).ok().flatten();
    let is_zombie = matches!(state, b"Z" | b"X");
    let still = !is_zombie && pidfd.is_unreaped().unwrap_or(false);
    still.then(|| Member {
        pidfd,
        pid: number,
        parent,
        group,
        session,
        start_ticks,
        tag: tag.unwrap_or_default(),
    })
}

fn read_stat<'t>(proc: &OwnedFd, pid: u64, text: &'t mut [u8]) -> Option<&'t [u8]> {
    let name = Name::new().number(pid).text(b"/stat");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(proc.as_fd(), name.as_c_str(), flags, Mode::empty()).ok()?;
    let length = rustix::io::read(&file, &mut *text).ok()?;
    text.get(..length)
}

/// A number in decimal digits, of which there is one at least.
fn number(text: &[u8]) -> Option<u64> {
    text.first()?;
    text.iter().try_fold(0u64, |number, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_among_all_processes_as_we_are() {
        let own = u64::from(std::process::id());
        let mut found = Vec::new();
        each_process(|member| {
            if member.pid == own {
                found.push((member.parent, member.start_ticks > 0));
            }
        })
        .unwrap();
        let parent = u64::from(std::os::unix::process::parent_id());
        assert_eq!(found, [(parent, true)]);
    }

    #[test]
    fn a_new_process_has_a_number_between_two_newest() {
        let before = newest().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let child = hostledger_sys::spawn(&hostledger_sys::Spawn {
            programs: &[c"/bin/sleep".into()],
            arguments: &[c"sleep".into(), c"1000".into()],
            environment: &[],
            directory: c"/",
            stdio: [null.as_fd(); 3],
            session: hostledger_sys::Session::New,
            umask: None,
            nice: None,
            limits: &[],
        })
        .unwrap()
        .pidfd;
        let after = newest().unwrap();
        let mut found = Vec::new();
        each_numbered(before..=after, |member| found.push(member.pid)).unwrap();
        child.send_signal(hostledger_sys::Signal::KILL).unwrap();
        child.wait_ended(None).unwrap();
        hostledger_sys::reap(&child).unwrap();
        let pid = u64::from(child.pid().as_raw_pid().unsigned_abs());
        if before > after {
            println!("SKIPPED: the numbers began anew");
            return;
        }
        assert!(
            found.contains(&pid),
            "{pid} in {before} to {after}: {found:?}"
        );
    }
}
