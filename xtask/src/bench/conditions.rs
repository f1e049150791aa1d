//! What a measurement depends on, besides the program.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::place::Place;
use crate::program::Program;
use crate::workspace::Workspace;

/// The host while something was measured.
pub(crate) struct Conditions {
    /// The commit, and whether the work tree differs from it.
    commit: String,
    /// The compiler.
    rustc: String,
    /// The kernel's release.
    kernel: String,
    /// How many processors we may use, and what they are called.
    processors: String,
    /// Where the ledgers lay.
    file_system: String,
    /// How many programs wanted a processor in the last minute, before we began.
    load: String,
}

impl Conditions {
    pub(super) fn look(workspace: &Workspace, place: &Place<'_>) -> Result<Self> {
        let said = |program: &str, arguments: &str| -> Result<String> {
            let output = Program::new(workspace, program).args(arguments).output()?;
            Ok(String::from_utf8_lossy(&output).trim().to_owned())
        };
        let mut commit = said("git", "log -1 --format=%h,%x20%cs")?;
        // What is written here does not count.
        let changes = format!(
            "status --porcelain -- . :(exclude){}",
            super::document::PATH
        );
        if !said("git", &changes)?.is_empty() {
            commit.push_str(", with changes that are not committed");
        }
        let count = std::thread::available_parallelism().context("no processor?")?;
        let model = model_name(&read("/proc/cpuinfo")?);
        let load = read("/proc/loadavg")?;
        Ok(Self {
            commit,
            rustc: said("rustc", "--version")?,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            processors: format!("{count} × {model}"),
            file_system: file_system_of(place.path())?,
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        })
    }
}

impl Conditions {
    /// For the end of a section.
    pub(super) fn table(&self) -> String {
        let Self {
            commit,
            rustc,
            kernel,
            processors,
            file_system,
            load,
        } = self;
        format!(
            "| measured | |\n\
             | --- | --- |\n\
             | commit | {commit} |\n\
             | compiler | {rustc} |\n\
             | kernel | Linux {kernel} |\n\
             | processors | {processors} |\n\
             | file system of the ledgers | {file_system} |\n\
             | load in the minute before | {load} |\n"
        )
    }
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))
}

/// By the first processor, where the architecture tells one (proc(5)).
fn model_name(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = line.and_then(|line| line.split_once(": "));
    model.map_or_else(
        || format!("{} processor", std::env::consts::ARCH),
        |(_, model)| model.to_owned(),
    )
}

/// The type of the file system that a path is on.
pub(super) fn file_system_of(path: &Path) -> Result<String> {
    Ok(file_system(&read("/proc/self/mountinfo")?, path))
}

/// The type of the file system that is mounted deepest above a path (proc(5)).
fn file_system(mountinfo: &str, path: &Path) -> String {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        Some((mount.split(' ').nth(4)?, kind.split(' ').next()?))
    });
    mounts
        .filter(|(mount, _)| path.starts_with(mount))
        .max_by_key(|(mount, _)| mount.len())
        .map_or("unknown", |(_, kind)| kind)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_above_a_path_tells_its_file_system() {
        let mounts = "27 1 254:0 / / rw - ext4 /dev/vda rw\n\
                      30 27 0:27 / /dev/shm rw shared:1 - tmpfs tmpfs rw\n";
        let of = |path: &str| file_system(mounts, Path::new(path));
        assert_eq!(of("/dev/shm/bench"), "tmpfs");
        assert_eq!(of("/dev/shmall"), "ext4");
        assert_eq!(file_system("", Path::new("/a")), "unknown");
    }

    #[test]
    fn the_processor_has_its_name_or_its_architecture() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A fast one: really\n";
        assert_eq!(model_name(cpuinfo), "A fast one: really");
        assert!(model_name("processor\t: 0\n").ends_with(" processor"));
    }
}
