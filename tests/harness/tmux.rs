//! A real terminal emulator, for programs that ask their terminal questions.

use std::env;

use crate::ledger::Ledger;
use crate::program::installed;

/// A server of tmux with one window of 80 by 24, in which a shell runs.
#[derive(Debug)]
pub struct Tmux<'a> {
    ledger: &'a Ledger,
}

impl<'a> Tmux<'a> {
    /// A shell in the surroundings of a ledger. None, and a loud word, where tmux is not installed.
    ///
    /// # Panics
    /// It is not installed, and this is CI, where it has to be.
    #[must_use]
    #[track_caller]
    pub fn new(ledger: &'a Ledger) -> Option<Self> {
        if !installed("tmux") {
            assert!(env::var_os("CI").is_none(), "CI needs tmux");
            crate::skipped("tmux is not installed");
            return None;
        }
        let tmux = Self { ledger };
        let shell = "exec env PS1='ready$ ' ENV= sh -i";
        tmux.command([
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            shell,
        ]);
        tmux.wait_screen("the prompt", |screen| screen.contains("ready$"));
        Some(tmux)
    }

    /// Types a text.
    #[track_caller]
    pub fn type_in(&self, text: &str) {
        self.command(["send-keys", "-l", text]);
    }

    /// Presses a key that has a name, such as `Enter` or `C-z`.
    #[track_caller]
    pub fn press(&self, key: &str) {
        self.command(["send-keys", key]);
    }

    /// What is on the screen now.
    #[must_use]
    #[track_caller]
    pub fn screen(&self) -> String {
        self.command(["capture-pane", "-p"])
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub fn wait_screen(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let mut last = String::new();
        let mut looked = || {
            last = self.screen();
            wanted(&last)
        };
        if !crate::wait::holds_within(crate::DEADLINE, &mut looked) {
            panic!("waited in vain for {what}; the screen shows\n{last}");
        }
    }

    #[track_caller]
    fn command<const N: usize>(&self, arguments: [&str; N]) -> String {
        let output = self.tmux().args(arguments).output();
        output.expect_code(0).stdout_text().to_owned()
    }

    fn tmux(&self) -> crate::Invocation {
        self.ledger
            .other("tmux")
            .arg("-S")
            .arg(self.ledger.path("tmux"))
            .env("TERM", "screen")
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        // Not there any more when its shell has been told to exit; else it goes at once.
        let _ = self.tmux().arg("kill-server").output();
    }
}
