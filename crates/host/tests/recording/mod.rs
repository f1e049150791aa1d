//! Hosts recorded as directories under `tests/fixtures`: `root` holds the files, `recorded.json`
//! the answers of the kernel and the environment, `data` (if any) the data directory, and
//! `expected.json` what is to be detected.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hostledger_host::{DiskUsage, Environment, Host, HostRoot, Kernel, MachineOptions, Uname};
use serde_json::Value;

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The names of all recorded hosts, sorted.
pub(crate) fn names() -> Vec<String> {
    let entries = std::fs::read_dir(fixtures()).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The host recorded in `directory`, with what to ask of its machine.
pub(crate) fn load(directory: &Path) -> (Host, MachineOptions) {
    let recorded = json(&directory.join("recorded.json"));
    let variable = |name: &str| recorded["environment"][name].as_str().map(Into::into);
    let environment = Environment {
        in_docker: variable("IN_DOCKER"),
        temporary_directory: variable("TMPDIR"),
    };
    let data_dir = directory.join("data");
    let kernel = RecordedKernel::new(&recorded, &data_dir);
    let host = Host::new(HostRoot::new(directory.join("root")), kernel, environment);
    (host, MachineOptions::new(data_dir))
}

struct RecordedKernel {
    uname: Uname,
    executable: PathBuf,
    disks: HashMap<PathBuf, DiskUsage>,
    sources: HashMap<IpAddr, IpAddr>,
}

impl RecordedKernel {
    fn new(recorded: &Value, data_dir: &Path) -> Self {
        let uname = |name: &str| recorded["uname"][name].as_str().unwrap().to_owned();
        let disk = |(path, sizes): (&String, &Value)| {
            let size = |index: usize| sizes[index].as_u64().unwrap();
            let path = if path == "data" {
                data_dir.to_owned()
            } else {
                PathBuf::from(path)
            };
            (
                path,
                DiskUsage {
                    total: size(0),
                    free: size(1),
                    available: size(2),
                },
            )
        };
        let ip = |text: &str| text.parse().unwrap();
        Self {
            uname: Uname {
                system: uname("system"),
                node: uname("node"),
                release: uname("release"),
                version: uname("version"),
                machine: uname("machine"),
            },
            executable: recorded["executable"].as_str().unwrap().into(),
            disks: recorded["disks"]
                .as_object()
                .unwrap()
                .iter()
                .map(disk)
                .collect(),
            sources: recorded["sources"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(to, from)| (ip(to), ip(from.as_str().unwrap())))
                .collect(),
        }
    }
}

impl Kernel for RecordedKernel {
    fn uname(&self) -> Uname {
        self.uname.clone()
    }

    fn disk_usage(&self, paths: &[PathBuf]) -> Vec<io::Result<DiskUsage>> {
        let usage = |path| self.disks.get(path).copied();
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        paths
            .iter()
            .map(|path| usage(path).ok_or_else(denied))
            .collect()
    }

    fn source_address(&self, destination: IpAddr) -> io::Result<IpAddr> {
        self.sources
            .get(&destination)
            .copied()
            .ok_or_else(|| io::ErrorKind::NetworkUnreachable.into())
    }

    fn executable(&self) -> io::Result<PathBuf> {
        Ok(self.executable.clone())
    }
}
