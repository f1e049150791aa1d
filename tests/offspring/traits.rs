//! What makes a descendant hard to find: words that are joined by `+`.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::place::{Place, command};

/// The words, as they were given.
#[derive(Clone)]
pub(crate) struct Traits(String);

impl Traits {
    pub(crate) fn new(words: &str) -> Self {
        let known = [
            "plain", "session", "group", "twice", "closed", "bare", "renamed", "stubborn",
        ];
        for word in words.split('+') {
            assert!(known.contains(&word), "no trait is called {word:?}");
        }
        Self(words.to_owned())
    }

    /// Whether it has this one.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.0.split('+').any(|it| it == word)
    }

    /// All but this one.
    pub(crate) fn without(&self, word: &str) -> Self {
        let rest: Vec<_> = self.0.split('+').filter(|it| *it != word).collect();
        Self(if rest.is_empty() {
            "plain".to_owned()
        } else {
            rest.join("+")
        })
    }

    /// This program again, with these traits.
    pub(crate) fn command(&self, place: &Place) -> Command {
        let mut command = place.again("become");
        command.arg(&self.0);
        if self.has("stubborn") {
            command = ignoring_sigterm(&command);
        }
        if self.has("group") {
            command.process_group(0);
        }
        if self.has("closed") {
            // What is closed when Rust begins is opened on /dev/null by it.
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.current_dir("/");
        }
        if self.has("bare") {
            command.env_clear();
        }
        if self.has("renamed") {
            command.arg0("[kworker/u4:2]");
        }
        command
    }
}

/// The same behind a shell: only what is ignored, not what is handled, survives an exec.
fn ignoring_sigterm(wrapped: &Command) -> Command {
    let mut shell = command("sh");
    shell.args(["-c", "trap '' TERM; exec \"$0\" \"$@\""]);
    shell.arg(wrapped.get_program()).args(wrapped.get_args());
    shell
}
