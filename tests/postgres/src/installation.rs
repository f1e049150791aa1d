//! Where the programs of PostgreSQL are, and as whom they run.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Whether there is a PostgreSQL to test with; where not, says so for the test's report.
///
/// # Panics
/// There is none although `CI` says `true`.
#[must_use]
pub fn available() -> bool {
    if binaries().is_some() {
        return true;
    }
    assert!(
        env::var_os("CI").is_none_or(|it| it != "true"),
        "PostgreSQL is not installed: CI has to test with it"
    );
    eprintln!("SKIPPED: PostgreSQL is not installed (Debian: apt-get install postgresql)");
    false
}

/// The directory of `initdb`, `postgres` and `psql`: the one that `pg_config` names, the newest
/// of Debian's, or one on PATH.
pub(crate) fn binaries() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let configured = command("pg_config").arg("--bindir").output().ok();
        let configured = configured.map(|it| PathBuf::from(text(&it).trim()));
        let mut debian: Vec<_> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(|version| Some(version.ok()?.path().join("bin")))
            .collect();
        debian.sort();
        let path = env::var_os("PATH").unwrap_or_default();
        let path: Vec<_> = env::split_paths(&path).collect();
        let mut candidates = configured
            .into_iter()
            .chain(debian.into_iter().rev())
            .chain(path);
        candidates.find(|it| it.join("initdb").is_file() && it.join("postgres").is_file())
    });
    found.as_deref()
}

/// A program of PostgreSQL's.
pub(crate) fn program(name: &str) -> PathBuf {
    binaries().expect("PostgreSQL is installed").join(name)
}

/// The same as it runs: servers refuse to be root, so root has somebody else run it, in a
/// directory that is made theirs. It is ended when the thread that started it ends, whatever
/// becomes of the test.
pub(crate) fn unprivileged(name: &str, directory: &Path) -> Command {
    let mut setpriv = command("setpriv");
    if let Some((uid, gid)) = somebody_else() {
        chown(directory, Some(uid), Some(gid)).unwrap();
        setpriv
            .arg(format!("--reuid={uid}"))
            .arg(format!("--regid={gid}"))
            .arg("--clear-groups");
    }
    setpriv.args(["--pdeathsig=QUIT", "--"]).arg(program(name));
    setpriv
}

/// For root, who servers run as; none for anybody else.
pub(crate) fn somebody_else() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let line = users
            .lines()
            .find(|it| it.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    Some(
        ids("postgres")
            .or_else(|| ids("nobody"))
            .unwrap_or((65534, 65534)),
    )
}

/// A program with nothing of ours but PATH, so that no `PGHOST` counts.
#[expect(
    clippy::disallowed_methods,
    reason = "what tests a ledger from outside cannot be started by it"
)]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C.UTF-8");
    command
}

/// Runs a program to its end, which must be a good one; what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        text(&output),
        String::from_utf8_lossy(&output.stderr)
    );
    text(&output)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
