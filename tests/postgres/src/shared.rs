//! The server that all tests of a run share.
//!
//! Each test may be a process of its own, so none of them can own it. Whoever started the tests
//! does: the first test that needs a server makes one, under a lock, in a directory named after
//! the test's parent, and leaves a guardian with it, a shell that ends the server and removes the
//! directory once that parent is gone.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::installation::{command, unprivileged};
use crate::server::{PORT, accepts, data, make};

const DEADLINE: Duration = Duration::from_secs(60);

/// `$1`: the parent's directory in /proc; `$2`: its start; `$3`: the server's directory; the rest:
/// the server.
const GUARDIAN: &str = r#"
parent=$1 start=$2 directory=$3
shift 3
"$@" >"$directory/log" 2>&1 &
server=$!
while [ "$(cut -d ' ' -f 22 "$parent/stat" 2>/dev/null)" = "$start" ]; do sleep 0.3; done
kill -QUIT $server
wait $server
rm -rf "$directory" "$directory.lock"
"#;

/// The directory of the server's socket; started when it was not.
pub(crate) fn directory() -> PathBuf {
    let parent = rustix::process::getppid().map_or(1, |pid| pid.as_raw_nonzero().get());
    let start = start_of(parent);
    let directory = env::temp_dir().join(format!("hostledger-pg-{parent}-{start}"));
    let lock = directory.with_extension("lock");
    let lock = fs::File::create(&lock).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    if !accepts(&directory, PORT) {
        begin(&directory, parent, &start);
    }
    directory
}

fn begin(directory: &Path, parent: i32, start: &str) {
    // What is there was left half made by one who was killed.
    if directory.exists() {
        fs::remove_dir_all(directory).unwrap();
    }
    fs::create_dir(directory).unwrap();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    make(directory, "listen_addresses = ''\n", &[]);
    let server = unprivileged("postgres", directory);
    let started = command("sh")
        // Nobody's child, as the test is over before it.
        .args(["-c", r#"sh -c "$0" guardian "$@" &"#, GUARDIAN])
        .arg(format!("/proc/{parent}"))
        .arg(start)
        .arg(directory)
        .arg(server.get_program())
        .args(server.get_args())
        .arg("-D")
        .arg(data(directory))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .current_dir("/")
        .status();
    assert!(started.unwrap().success());
    let deadline = Instant::now() + DEADLINE;
    while !accepts(directory, PORT) {
        assert!(
            Instant::now() < deadline,
            "the server does not start:\n{}",
            fs::read_to_string(directory.join("log")).unwrap_or_default()
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// When a process started, in the kernel's ticks: with its pid, who it is.
fn start_of(pid: i32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let start = after_name.split_whitespace().nth(19);
    start.unwrap_or("0").to_owned()
}
