//! Where the output of a process goes.

/// Where the output of a process goes.
///
/// As text it is `terminal`, `pipe`, a stem, `<directory>/` or `pty:<stem>`: a stem has a name at
/// its end and does not begin with `pty:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPlace {
    /// To the launcher's terminal: nothing is kept.
    Terminal,
    /// Into pipes that the launcher reads: nothing is kept.
    Piped,
    /// To `<stem>.stdout.log` and `<stem>.stderr.log`; a relative stem is in the data directory.
    Files {
        /// Path without the endings.
        stem: String,
    },
    /// To `stdout.log` and `stderr.log` of a directory.
    Directory {
        /// The directory; a relative one is in the process's working directory, which makes it
        /// exact where that is not UTF-8. The working directory itself is `.`.
        path: String,
    },
    /// Both streams, as one terminal has them, to `<stem>.stdout.log`; a relative stem is in the
    /// data directory.
    Merged {
        /// Path without the ending.
        stem: String,
    },
}

impl LogPlace {
    const TERMINAL: &str = "terminal";
    const PIPED: &str = "pipe";
    const MERGED: &str = "pty:";
    const DIRECTORY: char = '/';

    /// The text that the row keeps.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Terminal => Self::TERMINAL.to_owned(),
            Self::Piped => Self::PIPED.to_owned(),
            Self::Files { stem } => stem.clone(),
            Self::Directory { path } => format!("{path}{}", Self::DIRECTORY),
            Self::Merged { stem } => format!("{}{stem}", Self::MERGED),
        }
    }

    /// Reads what [`to_text`](Self::to_text) gave.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        if text == Self::TERMINAL {
            Self::Terminal
        } else if text == Self::PIPED {
            Self::Piped
        } else if let Some(stem) = text.strip_prefix(Self::MERGED) {
            let stem = stem.to_owned();
            Self::Merged { stem }
        } else if let Some(path) = text.strip_suffix(Self::DIRECTORY) {
            let path = path.to_owned();
            Self::Directory { path }
        } else {
            let stem = text.to_owned();
            Self::Files { stem }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_read_back_from_its_text() {
        let own = String::from;
        for (text, place) in [
            ("terminal", LogPlace::Terminal),
            (
                "processes/x.1",
                LogPlace::Files {
                    stem: own("processes/x.1"),
                },
            ),
            (
                "/logs/terminal",
                LogPlace::Files {
                    stem: own("/logs/terminal"),
                },
            ),
            ("./", LogPlace::Directory { path: own(".") }),
            (
                ".hooks/on_x.py/",
                LogPlace::Directory {
                    path: own(".hooks/on_x.py"),
                },
            ),
            (
                "/tmp/a b/",
                LogPlace::Directory {
                    path: own("/tmp/a b"),
                },
            ),
            ("//", LogPlace::Directory { path: own("/") }),
            (
                "pty:processes/x.1",
                LogPlace::Merged {
                    stem: own("processes/x.1"),
                },
            ),
        ] {
            assert_eq!(place.to_text(), text);
            assert_eq!(LogPlace::from_text(text), place);
        }
    }
}
