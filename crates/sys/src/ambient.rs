//! What a process hands down to its children without being asked.

use std::fs;
use std::io;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getpriority_process, getrlimit};

/// Who a process acts as: user ids, group ids and supplementary groups, as
/// `/proc/thread-self/status` shows them (proc_pid_status(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The lines `Uid:`, `Gid:`, `Groups:`, `NoNewPrivs:` and `CapEff:`, which are compared and
    /// never taken apart.
    lines: Vec<String>,
}

/// What programs started now would inherit from us.
#[derive(Debug, Clone)]
pub struct Ambient {
    pub(crate) umask: Mode,
    pub(crate) nice: i32,
    pub(crate) limits: [(Resource, Rlimit); 16],
    pub(crate) credentials: Credentials,
}

const STATUS: &str = "/proc/thread-self/status";
const CREDENTIALS: &[&str] = &["Uid:", "Gid:", "Groups:", "NoNewPrivs:", "CapEff:"];

/// All there are (getrlimit(2)).
const RESOURCES: [Resource; 16] = [
    Resource::Cpu,
    Resource::Fsize,
    Resource::Data,
    Resource::Stack,
    Resource::Core,
    Resource::Rss,
    Resource::Nproc,
    Resource::Nofile,
    Resource::Memlock,
    Resource::As,
    Resource::Locks,
    Resource::Sigpending,
    Resource::Msgqueue,
    Resource::Nice,
    Resource::Rtprio,
    Resource::Rttime,
];

/// All limits of ours, in the order of [`RESOURCES`].
pub(crate) fn own_limits() -> [(Resource, Rlimit); 16] {
    RESOURCES.map(|resource| (resource, getrlimit(resource)))
}

impl Ambient {
    /// Ours at this moment. The umask is read from /proc, as umask(2) can only be asked by
    /// changing it for all threads.
    ///
    /// # Errors
    /// When /proc cannot be read, or does not tell.
    pub fn read() -> io::Result<Self> {
        let status = fs::read_to_string(STATUS)?;
        let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        let umask = umask.and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok());
        let umask = umask.ok_or_else(|| io::Error::other(format!("{STATUS} has no Umask")))?;
        let credentials = status
            .lines()
            .filter(|line| CREDENTIALS.iter().any(|name| line.starts_with(name)));
        Ok(Self {
            umask: Mode::from_raw_mode(umask),
            nice: getpriority_process(None)?,
            limits: own_limits(),
            credentials: Credentials {
                lines: credentials.map(str::to_owned).collect(),
            },
        })
    }

    /// Who we act as.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_the_kernel_says() {
        let ambient = Ambient::read().unwrap();
        let before = rustix::process::umask(ambient.umask);
        assert_eq!(before, ambient.umask);
        assert_eq!(&ambient.credentials, Ambient::read().unwrap().credentials());
        assert_eq!(ambient.credentials.lines.len(), CREDENTIALS.len());
        let locks = ambient.limits.iter().find(|(r, _)| *r == Resource::Locks);
        assert_eq!(locks.unwrap().1, getrlimit(Resource::Locks));
    }
}
