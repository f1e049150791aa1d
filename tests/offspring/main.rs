//! Makes processes of every shape that is hard to find again: daemons, sessions of their own,
//! storms of forks, programs nested in the ledger.
//!
//! `offspring PLACE ROLE [ARGUMENT…]`. The place is a directory that whoever started it all has
//! made; in it are
//!
//! * `hold`, a named pipe: every process stays until its last writer has gone, so none outlives
//!   the one that looks after it;
//! * `alive`, a file that every process holds a shared lock on, however well it hides otherwise:
//!   as long as it cannot be locked exclusively, somebody lives;
//! * `there`, a file to which each process that stays appends a line.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test program that cannot do its part has to be seen failing"
)]
#![expect(
    clippy::zombie_processes,
    reason = "whoever is not waited for is what the ledger has to find"
)]

mod end;
mod output;
mod place;
mod storm;
mod traits;
mod tree;

use std::process::ExitCode;

use place::Place;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [place, role, rest @ ..] = words.as_slice() else {
        panic!("offspring PLACE ROLE [ARGUMENT…]");
    };
    let place = Place::enter(place);
    match (*role, rest) {
        // Stays, as the last descendant with these traits.
        ("become", [traits]) => tree::grow_up(&place, traits),
        // Starts a descendant for each word of traits, and stays.
        ("lead", kinds) => tree::lead(&place, kinds),
        // The same, but ends at once.
        ("leave", kinds) => tree::leave(&place, kinds),
        // Starts many children, and some daemons.
        ("mass", [children, daemons]) => tree::mass(&place, number(children), number(daemons)),
        // Runs a program through the ledger, and stays.
        ("nest", command) => tree::nest(&place, command),
        // Processes that fork faster than they can be looked at.
        ("storm", [kind, forks]) => return storm::run(&place, kind, number(forks)),
        // Leaves a line in a file, and ends after some milliseconds as it is told.
        ("end", [file, millis, how @ ..]) => return end::later(file, number(millis), how),
        // Ends at once, after it has killed the process that started it and the one above.
        ("betray", [file]) => end::with_those_above(file),
        // Writes so many bytes.
        ("write", [bytes]) => output::write(number(bytes)),
        _ => panic!("no role is called {role:?} with {rest:?}"),
    }
    ExitCode::SUCCESS
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}
