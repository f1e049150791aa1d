//! The program under test, built once per run.
//!
//! cargo tells a test where a program is (`CARGO_BIN_EXE_…`) only within one package, and builds
//! the programs of other packages for a test run only if those have integration tests. A file that
//! happens to lie in the target directory may be of last week. So cargo is asked to build it: that
//! takes part of a second when nothing has changed, and cargo's own lock keeps several test
//! programs apart. Under nextest every test is a process of its own; there the first one of a run
//! builds and leaves a note for the others.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use serde_json::Value;

use crate::program::command;

const PACKAGE: &str = "hostledger-cli";

const FAILED: &str = "hostledger-cli cannot be built";

/// What nextest calls the whole run in each of its tests.
const RUN_ID: &str = "NEXTEST_RUN_ID";

/// Path of the hostledger program, up to date with the sources.
///
/// # Panics
/// It cannot be built.
pub fn hostledger() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match env::var(RUN_ID) {
        Ok(run) => built_in_run(&run),
        Err(_) => build(),
    })
}

/// Builds unless another test of the same run has done so, or tried to.
fn built_in_run(run: &str) -> PathBuf {
    let profile = profile_directory();
    // Held until we return: the others wait for the one that builds.
    let lock = File::create(profile.join("hostledger-tests.lock")).unwrap();
    lock.lock().unwrap();
    let note = profile.join("hostledger-tests.built");
    if let Ok(text) = fs::read_to_string(&note)
        && let Some((noted, path)) = text.split_once('\n')
        && noted == run
    {
        assert!(!path.is_empty(), "{FAILED}, as the first test has shown");
        return path.into();
    }
    fs::write(&note, format!("{run}\n")).unwrap();
    let program = build();
    let path = program.to_str().expect("cargo's messages are UTF-8");
    fs::write(&note, format!("{run}\n{path}")).unwrap();
    program
}

/// Asks cargo for the program in the profile and target directory that this test was built in.
fn build() -> PathBuf {
    let profile = profile_directory();
    let name = profile.file_name().unwrap().to_str().unwrap();
    let mut cargo = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What describes the package of a test would make build scripts run again.
    for (key, _) in env::vars_os() {
        let key = key.to_string_lossy();
        if key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*key);
        }
    }
    let built = cargo
        .args(["build", "--quiet", "--package", PACKAGE])
        .args(["--profile", if name == "debug" { "dev" } else { name }])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(profile.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo cannot be started");
    assert!(built.status.success(), "{FAILED}");
    let messages = String::from_utf8(built.stdout).unwrap();
    let program = messages.lines().find_map(executable);
    program.expect("cargo names the program it has built")
}

/// The program a message of cargo's tells of.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let of_package = message["target"]["name"] == "hostledger";
    let path = message["executable"].as_str().filter(|_| of_package)?;
    Some(path.into())
}

/// Test programs lie in `<target>/<profile>/deps`.
fn profile_directory() -> PathBuf {
    let test = env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}
