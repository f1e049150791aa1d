//! A leader and its descendants.

use std::process::Command;

use crate::place::{Place, command};
use crate::traits::Traits;

/// Starts descendants, and stays.
pub(crate) fn lead(place: &Place, kinds: &[&str]) {
    leave(place, kinds);
    place.stay();
}

/// Starts descendants.
pub(crate) fn leave(place: &Place, kinds: &[&str]) {
    for kind in kinds {
        start(place, &Traits::new(kind));
    }
}

/// Many children of one parent, and daemons besides.
pub(crate) fn mass(place: &Place, children: u64, daemons: u64) {
    for _ in 0..children {
        start(place, &Traits::new("plain"));
    }
    for _ in 0..daemons {
        start(place, &Traits::new("session+twice"));
    }
    place.stay();
}

/// Becomes what it was started to be: itself, or the parent of that.
pub(crate) fn grow_up(place: &Place, traits: &str) {
    let traits = Traits::new(traits);
    if traits.has("session") {
        rustix::process::setsid().unwrap();
    }
    if traits.has("twice") {
        // The leader of the session goes, and the one that stays can never lead one.
        start(place, &traits.without("twice").without("session"));
        return;
    }
    if traits.has("renamed") {
        std::fs::write("/proc/self/comm", "kworker/u4:2").unwrap();
    }
    place.stay();
}

/// Runs a command, which is a ledger's, and stays.
pub(crate) fn nest(place: &Place, words: &[&str]) {
    let [program, arguments @ ..] = words else {
        panic!("nest COMMAND…");
    };
    spawn(command(program).args(arguments));
    place.stay();
}

fn start(place: &Place, traits: &Traits) {
    let mut child = spawn(&mut traits.command(place));
    if traits.has("twice") {
        assert!(child.wait().unwrap().success());
    }
}

fn spawn(command: &mut Command) -> std::process::Child {
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}
