//! Which directory the logs of a process belong into.

use std::path::Path;

/// Where ArchiveBox keeps what its hooks write, in their working directory.
const HOOKS: &str = ".hooks";

/// Where the logs of a process belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPlacement {
    /// With the ledger, in files of each attempt: what is run in a source tree leaves nothing there.
    Ledger,
    /// In a directory of the program's own, with its pid file and script beside them.
    Program {
        /// In the working directory; `.` for that itself.
        path: String,
    },
}

impl LogPlacement {
    /// A hook's are in `.hooks/<script>` of its working directory, if it has a script; another's
    /// are in the working directory itself when that is asked for.
    #[must_use]
    pub fn of(is_hook: bool, command: &[Vec<u8>], in_working_directory: bool) -> Self {
        let script = if is_hook { hook_script(command) } else { None };
        match script {
            Some(script) => Self::Program {
                path: format!("{HOOKS}/{script}"),
            },
            None if in_working_directory => Self::Program {
                path: ".".to_owned(),
            },
            None => Self::Ledger,
        }
    }
}

/// The file name of the script that the command of a hook names: the first part that is no option
/// and is called `on_*.py`, `on_*.js` or `on_*.sh`, as ArchiveBox has it.
///
/// One whose name is not UTF-8 is none.
#[must_use]
pub fn hook_script(command: &[Vec<u8>]) -> Option<String> {
    command
        .iter()
        .filter_map(|part| std::str::from_utf8(part).ok())
        .filter(|part| !part.starts_with('-'))
        .filter_map(|part| Path::new(part).file_name()?.to_str())
        .find(|name| {
            name.strip_prefix("on_")
                .and_then(|rest| rest.rsplit_once('.'))
                .is_some_and(|(_, ending)| matches!(ending, "py" | "js" | "sh"))
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(command: &[&str]) -> Option<String> {
        let command: Vec<_> = command
            .iter()
            .map(|part| part.as_bytes().to_vec())
            .collect();
        hook_script(&command)
    }

    #[test]
    fn the_first_part_that_is_called_like_a_hook_is_its_script() {
        for (command, expected) in [
            (
                &["node", "/p/chrome/on_Snapshot__10_tab.bg.js", "on_x.py"][..],
                "on_Snapshot__10_tab.bg.js",
            ),
            (&["./on_a.sh", "--url=on_b.sh"], "on_a.sh"),
            (
                &["python", "-u", "--x=/on_no.py", "on_yes.py/"],
                "on_yes.py",
            ),
            (&["sh", "on_.sh"], "on_.sh"),
        ] {
            assert_eq!(script(command).as_deref(), Some(expected));
        }
        for command in [
            &["echo", "on_a.txt"][..],
            &["on_a"],
            &["xon_a.py"],
            &["-on_a.py"],
            &["on_a.py.bak"],
            &["on_a.py/.."],
            &[],
        ] {
            assert_eq!(script(command), None, "{command:?}");
        }
        assert_eq!(hook_script(&[b"on_\xff.py".to_vec()]), None);
    }

    #[test]
    fn only_hooks_have_a_directory_by_their_script() {
        let command = [b"on_a.py".to_vec()];
        let program = |path: &str| LogPlacement::Program {
            path: path.to_owned(),
        };
        for (is_hook, asked, expected) in [
            (true, false, program(".hooks/on_a.py")),
            (true, true, program(".hooks/on_a.py")),
            (false, true, program(".")),
            (false, false, LogPlacement::Ledger),
        ] {
            assert_eq!(LogPlacement::of(is_hook, &command, asked), expected);
        }
        let other = [b"true".to_vec()];
        assert_eq!(LogPlacement::of(true, &other, false), LogPlacement::Ledger);
        assert_eq!(LogPlacement::of(true, &other, true), program("."));
    }
}
