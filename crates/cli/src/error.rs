//! Errors as people read them: `error: what: why`, then `hint: what to do`.

use std::io::{self, ErrorKind, Write as _};

use anstyle::{AnsiColor, Style};
use hostledger::model::with_causes;
use hostledger::{LedgerError, LinesError};

use crate::text::escape;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Our own output could not be written.
#[derive(Debug)]
pub(crate) struct OutputLost(pub(crate) io::Error);

impl std::fmt::Display for OutputLost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot write the output")
    }
}

impl std::error::Error for OutputLost {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl OutputLost {
    /// Whether an error says that nobody reads our output any more.
    pub(crate) fn is_reader_gone(error: &anyhow::Error) -> bool {
        error
            .downcast_ref::<Self>()
            .is_some_and(|lost| lost.0.kind() == ErrorKind::BrokenPipe)
    }
}

/// Says on stderr what went wrong and, when that is known, what to do about it.
pub(crate) fn report(error: &anyhow::Error) {
    let of_lines = error.downcast_ref().map(LinesError::hint);
    let hint = of_lines.or_else(|| error.downcast_ref().and_then(LedgerError::hint));
    say(&format!("{error:#}"), hint.as_deref());
}

/// The same of an error that is not ours to give away.
pub(crate) fn report_cause(error: &LedgerError) {
    say(&with_causes(error), error.hint().as_deref());
}

/// Says on stderr what went wrong, in words.
pub(crate) fn report_text(message: &str) {
    say(message, None);
}

/// Says on stderr what was passed over.
pub(crate) fn warn(text: &str) {
    line("warning", WARNING, text);
}

/// Says on stderr what goes on.
pub(crate) fn progress(text: &str) {
    let mut stderr = anstream::stderr().lock();
    for part in text.lines() {
        let _unread = writeln!(stderr, "{}", escape(part));
    }
}

/// Says something on stderr that is no error.
pub(crate) fn hint(text: &str) {
    line("hint", HINT, text);
}

fn say(message: &str, hint_text: Option<&str>) {
    line("error", ERROR, message);
    if let Some(text) = hint_text {
        hint(text);
    }
}

fn line(label: &str, style: Style, text: &str) {
    let mut stderr = anstream::stderr().lock();
    // With stderr gone there is no place left to say so; the exit code still tells.
    let _unread = writeln!(stderr, "{style}{label}:{style:#} {}", escape(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_broken_pipe_is_no_error() {
        let broken = || io::Error::from(ErrorKind::BrokenPipe);
        assert!(OutputLost::is_reader_gone(&OutputLost(broken()).into()));
        assert!(!OutputLost::is_reader_gone(
            &OutputLost(ErrorKind::StorageFull.into()).into()
        ));
        assert!(!OutputLost::is_reader_gone(&broken().into()));
    }
}
