//! The host facts that come from system calls and not from files.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::PathBuf;

use crate::file_system;

/// What the detection asks of the kernel; a recorded machine answers from its record.
///
/// Every method returns within a second.
pub trait Kernel: Send + Sync {
    /// Names and versions of the running system, as in `uname(2)`.
    fn uname(&self) -> Uname;

    /// The sizes of the file systems that hold `paths`, one for each in their order, as in
    /// `statvfs(3)`: an error where the path cannot be reached or its file system does not answer
    /// in time.
    fn disk_usage(&self, paths: &[PathBuf]) -> Vec<io::Result<DiskUsage>>;

    /// The address this host would send from to reach `destination`.
    ///
    /// # Errors
    /// When there is no route there.
    fn source_address(&self, destination: IpAddr) -> io::Result<IpAddr>;

    /// The file that this process executes.
    ///
    /// # Errors
    /// When `/proc` is not there to tell.
    fn executable(&self) -> io::Result<PathBuf>;
}

/// The fields of `uname(2)` that are used, as the kernel gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uname {
    /// `Linux`.
    pub system: String,
    /// The host name.
    pub node: String,
    /// Such as `6.1.0-18-amd64`.
    pub release: String,
    /// The build of the kernel, such as `#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)`.
    pub version: String,
    /// Such as `x86_64`.
    pub machine: String,
}

/// The size of a file system in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskUsage {
    /// All blocks.
    pub total: u64,
    /// Blocks free for the superuser.
    pub free: u64,
    /// Blocks free for everybody: fewer where some are reserved.
    pub available: u64,
}

/// The kernel of the host this process runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct LiveKernel;

impl Kernel for LiveKernel {
    fn uname(&self) -> Uname {
        let uname = rustix::system::uname();
        let text = |field: &std::ffi::CStr| field.to_string_lossy().into_owned();
        Uname {
            system: text(uname.sysname()),
            node: text(uname.nodename()),
            release: text(uname.release()),
            version: text(uname.version()),
            machine: text(uname.machine()),
        }
    }

    fn disk_usage(&self, paths: &[PathBuf]) -> Vec<io::Result<DiskUsage>> {
        file_system::disk_usage(paths)
    }

    /// Connects a UDP socket, which only looks up the route and sends nothing: `udp(7)`.
    fn source_address(&self, destination: IpAddr) -> io::Result<IpAddr> {
        let any: IpAddr = match destination {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((destination, 53))?;
        Ok(socket.local_addr()?.ip())
    }

    fn executable(&self) -> io::Result<PathBuf> {
        std::env::current_exe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_towards_loopback_is_loopback() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(LiveKernel.source_address(loopback).unwrap(), loopback);
    }
}
