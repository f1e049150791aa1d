//! One hook, and what its file name says of it.

use std::path::PathBuf;

use super::EventName;

/// How a hook runs beside the others of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The next one starts when it has ended.
    Foreground,
    /// Beside the others; waited for at the end.
    Finite,
    /// Beside the others; asked to end when the last foreground hook has.
    Daemon,
}

impl Mode {
    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "foreground",
            Self::Finite => "finite",
            Self::Daemon => "daemon",
        }
    }
}

/// A program that is run at an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What it is run at.
    pub event: EventName,
    /// Name of its directory: its plugin.
    pub plugin: String,
    /// Name of its file; hooks run in the order of these.
    pub name: String,
    /// Its file, absolute.
    pub path: PathBuf,
    /// How it runs beside others.
    pub mode: Mode,
    /// Whether it lies in a directory of plugins itself and belongs to none of them: then there is
    /// nothing to turn it off by.
    pub loose: bool,
}

/// What a file name says of a hook; none when the file is no hook.
pub(super) fn read_name(name: &str) -> Option<(EventName, Mode)> {
    let (event, rest) = name.strip_prefix("on_")?.split_once("__")?;
    let (stem, ending) = rest.rsplit_once('.')?;
    if stem.is_empty() || !["py", "js", "sh"].contains(&ending) {
        return None;
    }
    let event = if event == "Binary" && is_older_installer(rest) {
        EventName::binary_request()
    } else {
        event.parse().ok()?
    };
    Some((event, mode(name)))
}

/// Installers were called `on_Binary__install_*`, or `on_Binary__NN_*_install.*`, before the event
/// was `BinaryRequest`.
fn is_older_installer(rest: &str) -> bool {
    let what = rest.split('.').next().unwrap_or(rest);
    let numbered = what
        .split_once('_')
        .is_some_and(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()));
    what.starts_with("install_") || (numbered && what.ends_with("_install"))
}

/// Whoever says nothing but that it runs in the background is asked to end.
fn mode(name: &str) -> Mode {
    if name.contains(".finite.bg.") {
        Mode::Finite
    } else if name.contains(".bg.") || name.contains("__background") {
        Mode::Daemon
    } else {
        Mode::Foreground
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_says_event_and_mode() {
        for (name, event, expected) in [
            ("on_Snapshot__50_wget.py", "Snapshot", Mode::Foreground),
            (
                "on_Snapshot__06_wget.finite.bg.py",
                "Snapshot",
                Mode::Finite,
            ),
            (
                "on_CrawlSetup__90_chrome_launch.daemon.bg.js",
                "CrawlSetup",
                Mode::Daemon,
            ),
            ("on_Crawl__20_x.bg.js", "Crawl", Mode::Daemon),
            ("on_Snapshot__20_x__background.py", "Snapshot", Mode::Daemon),
            ("on_SnapshotEvent__20_x.sh", "Snapshot", Mode::Foreground),
            (
                "on_BinaryRequest__00_env.py",
                "BinaryRequest",
                Mode::Foreground,
            ),
            (
                "on_Binary__install_using_pip_provider.py",
                "BinaryRequest",
                Mode::Foreground,
            ),
            (
                "on_Binary__10_npm_install.py",
                "BinaryRequest",
                Mode::Foreground,
            ),
            (
                "on_Binary__13_apt_install.finite.bg.py",
                "BinaryRequest",
                Mode::Finite,
            ),
            ("on_Binary__10_npm.py", "Binary", Mode::Foreground),
            ("on_Binary__npm_install.py", "Binary", Mode::Foreground),
        ] {
            let event: EventName = event.parse().unwrap();
            assert_eq!(read_name(name), Some((event, expected)), "{name}");
        }
    }

    #[test]
    fn other_files_are_no_hooks() {
        for name in [
            "config.json",
            "on_Snapshot.py",
            "on_Snapshot_50_wget.py",
            "on_Snapshot__50_wget.py.bak",
            "on_Snapshot__50_wget.py~",
            "on_Snapshot__50_wget",
            "on_Snapshot__.py",
            "on___50_x.py",
            "on_a b__50_x.py",
            "Xon_Snapshot__50_wget.py",
        ] {
            assert_eq!(read_name(name), None, "{name}");
        }
    }
}
