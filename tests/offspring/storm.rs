//! Processes that come into being while others are ended. Each kind ends by itself after a number
//! of forks, and what it has made stays.

use std::process::ExitCode;

use crate::place::{Place, append, command};

/// Each subshell forks the next one and stays.
const CHAIN: &str = r#"
f() {
    if [ $1 -gt 0 ]; then f $(($1 - 1)) & fi
    echo here >>there
    read -r line <&8
}
exec 8<hold
f $0"#;

/// Each subshell forks the next one and ends: whoever looks sees one process, and another every
/// time.
const RELAY: &str = r#"
f() {
    echo here >>there
    if [ $1 -gt 0 ]; then f $(($1 - 1)) & exit; fi
    read -r line <&8
}
exec 8<hold
f $0"#;

/// Runs one kind of storm.
pub(crate) fn run(place: &Place, kind: &str, forks: u64) -> ExitCode {
    match kind {
        "chain" => shell(place, CHAIN, forks),
        "relay" => shell(place, RELAY, forks),
        "sessions" => {
            next(place, forks);
            place.stay();
        }
        "hop" => hop(place, forks),
        _ => panic!("no storm is called {kind:?}"),
    }
    ExitCode::SUCCESS
}

/// The leader stays with the shell it has started.
fn shell(place: &Place, script: &str, forks: u64) {
    command("sh")
        .current_dir(place.path())
        .args(["-c", script, &forks.to_string()])
        // Not read: how its processes are told from others.
        .arg(place.path())
        .spawn()
        .unwrap();
    place.stay();
}

/// Each process starts the next one in a session of its own, and ends.
fn hop(place: &Place, forks: u64) {
    rustix::process::setsid().unwrap();
    match forks.checked_sub(1) {
        None => place.stay(),
        Some(left) => {
            append(&place.path().join("there"), "here\n");
            next(place, left);
        }
    }
}

fn next(place: &Place, forks: u64) {
    let mut next = place.again("storm");
    next.args(["hop", &forks.to_string()]).spawn().unwrap();
}
