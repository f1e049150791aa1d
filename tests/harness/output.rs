//! What a program has written, and how it ended.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use serde_json::Value;

/// A program that has ended.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// All it wrote to standard output.
    pub stdout: Vec<u8>,
    /// All it wrote to standard error.
    pub stderr: Vec<u8>,
    /// The command line, to name in failures.
    pub(crate) command: String,
}

impl Output {
    /// Itself, when its exit code is this.
    ///
    /// # Panics
    /// It is another, or a signal ended the program.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "used for what it asserts")]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}", self.report());
        self
    }

    /// Itself, when a signal has ended it.
    ///
    /// # Panics
    /// It has ended otherwise.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "used for what it asserts")]
    pub fn expect_signal(self, signal: rustix::process::Signal) -> Self {
        assert_eq!(
            self.status.signal(),
            Some(signal.as_raw()),
            "{}",
            self.report()
        );
        self
    }

    /// Itself, when it refused with this exit code, said `error:` and named each of these on
    /// standard error, and printed nothing.
    ///
    /// # Panics
    /// Any of that is not so.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "used for what it asserts")]
    pub fn expect_refusal(self, code: i32, naming: &[&str]) -> Self {
        let refusal = self.expect_code(code);
        let said = refusal.stderr_text();
        assert!(said.starts_with("error: "), "{}", refusal.report());
        for name in naming {
            assert!(said.contains(name), "no {name:?} in {}", refusal.report());
        }
        assert_eq!(refusal.stdout, b"", "{}", refusal.report());
        refusal
    }

    /// Itself, when it has said what to do as well.
    ///
    /// # Panics
    /// It has not.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "used for what it asserts")]
    pub fn expect_hint(self) -> Self {
        let hinted = self
            .stderr_text()
            .lines()
            .any(|it| it.starts_with("hint: "));
        assert!(hinted, "no hint in {}", self.report());
        self
    }

    /// Standard output as text.
    ///
    /// # Panics
    /// It is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn stdout_text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Standard error as text.
    ///
    /// # Panics
    /// It is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn stderr_text(&self) -> &str {
        std::str::from_utf8(&self.stderr).unwrap()
    }

    /// What there is to say when something about it is wrong.
    #[must_use]
    pub fn report(&self) -> String {
        let Self {
            status, command, ..
        } = self;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(4000).collect();
        let (stdout, stderr): (String, String) = (text(&self.stdout), text(&self.stderr));
        format!("{command}\n{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

/// The objects of JSON lines.
///
/// # Panics
/// A line is anything else.
#[must_use]
#[track_caller]
pub fn json_lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    let object = |line: &str| match serde_json::from_str(line) {
        Ok(object @ Value::Object(_)) => object,
        other => panic!("no JSON object: {line:?}: {other:?}"),
    };
    text.lines().map(object).collect()
}
