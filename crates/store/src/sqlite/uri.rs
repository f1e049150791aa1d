//! Paths as SQLite's URIs, which carry any byte although diesel takes text.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Everything but what stands for itself in a path.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// How a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// To write; it has to exist.
    ReadWrite,
    /// To read, with the locks that this takes.
    ReadOnly,
    /// To read a file that nobody writes meanwhile: no lock is taken, no file made.
    Immutable,
}

/// The URI of an absolute path (<https://sqlite.org/uri.html>).
pub(super) fn uri(path: &Path, mode: Mode) -> String {
    let path = percent_encode(path.as_os_str().as_bytes(), ESCAPED);
    let query = match mode {
        Mode::ReadWrite => "mode=rw",
        Mode::ReadOnly => "mode=ro",
        Mode::Immutable => "mode=ro&immutable=1",
    };
    format!("file://{path}?{query}")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn every_byte_that_means_something_to_a_uri_is_escaped() {
        let path = Path::new(OsStr::from_bytes(b"/a b/?x=%41#\xff;\xc3\xbc.db"));
        assert_eq!(
            uri(path, Mode::ReadWrite),
            "file:///a%20b/%3Fx%3D%2541%23%FF%3B%C3%BC.db?mode=rw"
        );
    }
}
