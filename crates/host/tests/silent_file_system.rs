//! Detection on a host with a file system that never answers, as a network mount whose server is
//! gone.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use hostledger_host::{Environment, Host, HostRoot, LiveKernel, MachineOptions};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A FUSE file system without a server: requests wait until this is dropped.
struct SilentMount {
    directory: tempfile::TempDir,
    _device: File,
}

impl SilentMount {
    fn new() -> Result<Self, String> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .map_err(|error| format!("cannot open /dev/fuse: {error}"))?;
        let directory = tempfile::tempdir().unwrap();
        let data = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0",
            device.as_raw_fd()
        );
        let data = CString::new(data).unwrap();
        mount(
            "silent",
            directory.path(),
            "fuse",
            MountFlags::empty(),
            Some(data.as_c_str()),
        )
        .map_err(|error| format!("cannot mount: {error}"))?;
        Ok(Self {
            directory,
            _device: device,
        })
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for SilentMount {
    fn drop(&mut self) {
        unmount(self.path(), UnmountFlags::DETACH).unwrap();
    }
}

#[test]
fn a_file_system_that_never_answers_is_given_up_and_reads_zero() {
    let silent = match SilentMount::new() {
        Ok(silent) => silent,
        Err(reason) => {
            eprintln!("SKIPPED: {reason}");
            return;
        }
    };
    let data_dir = tempfile::tempdir().unwrap();
    let environment = Environment {
        temporary_directory: Some(silent.path().as_os_str().to_owned()),
        ..Environment::default()
    };
    let host = Host::new(HostRoot::new("/"), LiveKernel, environment);
    let started = Instant::now();
    let stats = host
        .detect_machine(&MachineOptions::new(data_dir.path()))
        .stats;
    let took = started.elapsed();
    assert_eq!(stats["disk_tmp_used_pct"], 0.0);
    assert_eq!(stats["disk_tmp_used_gb"], 0.0);
    assert_eq!(stats["disk_tmp_free_gb"], 0.0);
    assert_ne!(
        stats["disk_data_free_gb"], 0.0,
        "the other file systems still answer"
    );
    assert!(
        took >= Duration::from_millis(400),
        "the file system did answer, in {took:?}"
    );
    assert!(took < Duration::from_secs(2), "{took:?}");
}
