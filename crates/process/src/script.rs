//! A shell script that runs a recorded command again.

use std::collections::BTreeMap;

use hostledger_model::{LaunchAttributes, ProcessId, ResourceLimit};

/// What a script is made of, as the record has it.
///
/// No `Debug`: the variables may hold what is nobody's business.
#[derive(Clone, Copy)]
pub struct ScriptOf<'a> {
    /// Which process it was.
    pub id: ProcessId,
    /// Program and arguments, exact to the byte.
    pub command: &'a [Vec<u8>],
    /// The working directory, exact to the byte.
    pub directory: &'a [u8],
    /// The variables that were given, as the program got them.
    pub variables: &'a BTreeMap<String, String>,
    /// The names of those that are secret and have to be given again.
    pub secrets: &'a [String],
    /// How it was set up.
    pub launch: &'a LaunchAttributes,
}

/// The text of a POSIX shell script that runs the same command again, from any directory.
///
/// The program gets the very arguments, bytes that are no text included, the working directory and
/// the given variables, on top of the environment that the script is run with, or instead of it;
/// umask, nice value and what a shell can set of the resource limits. No secret is in it: the
/// script asks for each in a variable of its name.
///
/// A variable whose name a shell cannot have, and with an empty environment every one, goes through
/// the arguments of env(1), where other users can see it for a moment.
#[must_use]
pub fn script(of: &ScriptOf<'_>) -> Vec<u8> {
    let mut lines = Lines::default();
    lines.add(["#!/bin/sh"]);
    lines.add([&format!("# Runs the command of process {} again.", of.id)]);
    for name in of.secrets {
        let text = "is secret and not in this script";
        lines.add([&format!(": \"${{{}:?{text}}}\"", shell_name(name))]);
    }
    let directory = quoted(&directory(of.directory));
    lines.add([b"cd -P -- ", &*directory, b" || exit 125"]);
    arguments(&mut lines, of);
    if let Some(mask) = of.launch.umask {
        lines.add([&format!("umask {mask:04o}")]);
    }
    for limit in &of.launch.rlimits {
        lines.add([&ulimit(limit)]);
    }
    if !of.launch.clear_env {
        exports(&mut lines, of);
    }
    lines.add(["exec \"$@\""]);
    lines.0
}

#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn add<const N: usize>(&mut self, parts: [impl AsRef<[u8]>; N]) {
        for part in parts {
            self.0.extend_from_slice(part.as_ref());
        }
        self.0.push(b'\n');
    }
}

/// Between quotes in which a shell leaves every byte alone but the quote itself.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for byte in text {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// So that cd takes it for a path: `-` alone is where it was before.
fn directory(path: &[u8]) -> Vec<u8> {
    let here: &[u8] = if path.starts_with(b"/") { b"" } else { b"./" };
    [here, path].concat()
}

/// Makes the command the script's own arguments, behind whatever has to set it up.
///
/// Programs are looked up before the variables are set: PATH may be among them.
fn arguments(lines: &mut Lines, of: &ScriptOf<'_>) {
    let command: Vec<_> = of.command.iter().map(|part| quoted(part)).collect();
    lines.add([b"set -- ".as_slice(), &command.join(&b' ')]);

    let assignments = assignments(of);
    let by_env = of.launch.clear_env || !assignments.is_empty();
    let program = of.command.first().map_or(&[][..], Vec::as_slice);
    // What exec(1) would take for an option, or env(1) for a variable, nice(1) takes for a program.
    if program.starts_with(b"-") || (by_env && program.contains(&b'=')) {
        lines.add(["set -- \"$(command -v nice)\" -n 0 -- \"$@\""]);
    }
    if by_env {
        let clear = if of.launch.clear_env { "-i " } else { "" };
        let mut line = format!("set -- \"$(command -v env)\" {clear}-- ").into_bytes();
        for assignment in assignments {
            line.extend_from_slice(&assignment);
            line.push(b' ');
        }
        lines.add([line.as_slice(), b"\"$@\""]);
    }
    if let Some(nice) = of.launch.nice {
        let step = format!("\"$(({nice} - $(nice)))\"");
        lines.add([&format!("set -- \"$(command -v nice)\" -n {step} \"$@\"")]);
    }
}

/// The variables that env(1) has to set.
fn assignments(of: &ScriptOf<'_>) -> Vec<Vec<u8>> {
    let by_env = |name: &str| of.launch.clear_env || !is_exportable(name);
    let given = of.variables.iter().filter(|(name, _)| by_env(name));
    let given = given.map(|(name, value)| quoted(format!("{name}={value}").as_bytes()));
    let secret = of.secrets.iter().filter(|name| by_env(name));
    let secret = secret.map(|name| {
        let name_part = quoted(format!("{name}=").as_bytes());
        let value = format!("\"${}\"", shell_name(name));
        [name_part, value.into_bytes()].concat()
    });
    given.chain(secret).collect()
}

fn exports(lines: &mut Lines, of: &ScriptOf<'_>) {
    for name in of.secrets.iter().filter(|name| is_exportable(name)) {
        lines.add([&format!("export {name}")]);
    }
    for (name, value) in of.variables.iter().filter(|(name, _)| is_exportable(name)) {
        lines.add([
            b"export ",
            name.as_bytes(),
            b"=",
            &*quoted(value.as_bytes()),
        ]);
    }
}

/// Names that a shell keeps for itself: some cannot be set, others do not stay what they are set to.
const KEPT_BY_SHELLS: [&str; 19] = [
    "_",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "LINENO",
    "OPTARG",
    "OPTIND",
    "PIPESTATUS",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "UID",
];

fn is_exportable(name: &str) -> bool {
    is_identifier(name) && !name.starts_with("BASH") && !KEPT_BY_SHELLS.contains(&name)
}

fn is_identifier(name: &str) -> bool {
    let fits = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    name.bytes().all(fits)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
}

/// The variable in which a shell can be given the value of another that it cannot have.
fn shell_name(name: &str) -> String {
    if is_exportable(name) {
        return name.to_owned();
    }
    let fits = |character: char| character.is_ascii_alphanumeric();
    format!(
        "VALUE_OF_{}",
        name.replace(|character| !fits(character), "_")
    )
}

/// Options of ulimit that dash and bash agree on, and the bytes or pieces each counts in; what counts
/// in blocks, whose size they disagree on, only knows none and any number.
const ULIMITS: [(&str, &str, Option<u64>); 9] = [
    ("as", "-v", Some(1024)),
    ("core", "-c", None),
    ("cpu", "-t", Some(1)),
    ("data", "-d", Some(1024)),
    ("fsize", "-f", None),
    ("memlock", "-l", Some(1024)),
    ("nofile", "-n", Some(1)),
    ("rss", "-m", Some(1024)),
    ("stack", "-s", Some(1024)),
];

fn ulimit(limit: &ResourceLimit) -> String {
    let found = ULIMITS.iter().find(|(name, _, _)| *name == limit.name);
    let line = found.and_then(|(_, option, unit)| {
        let soft = ulimit_value(limit.soft, *unit)?;
        let hard = ulimit_value(limit.hard, *unit)?;
        let both = format!("ulimit {option} {hard}");
        if soft == hard {
            return Some(format!("{both} || exit 125"));
        }
        // Both, then the soft one alone: it is never above the hard one in between.
        Some(format!("{both} && ulimit -S {option} {soft} || exit 125"))
    });
    line.unwrap_or_else(|| format!("# A shell cannot set this resource limit: {limit}"))
}

/// None when it cannot be said in these units.
fn ulimit_value(value: Option<u64>, unit: Option<u64>) -> Option<String> {
    match (value, unit) {
        // The kernel's number for it.
        (None | Some(u64::MAX), _) => Some("unlimited".to_owned()),
        (Some(0), _) => Some("0".to_owned()),
        (Some(value), Some(unit)) => (value % unit == 0).then(|| (value / unit).to_string()),
        (Some(_), None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(change: impl Fn(&mut LaunchAttributes)) -> String {
        let mut launch = LaunchAttributes::default();
        change(&mut launch);
        let variables = [("A", "it's"), ("B-C", "x"), ("UID", "5")];
        let text = script(&ScriptOf {
            id: "0198c0de-0000-7000-8000-000000000000".parse().unwrap(),
            command: &[b"echo".to_vec(), b"a b".to_vec()],
            directory: b"/a dir",
            variables: &variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            secrets: &["API_KEY".to_owned(), "X.Y_KEY".to_owned()],
            launch: &launch,
        });
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn it_is_a_script_that_people_can_read() {
        assert_eq!(
            text(|_| ()),
            r#"#!/bin/sh
# Runs the command of process 0198c0de-0000-7000-8000-000000000000 again.
: "${API_KEY:?is secret and not in this script}"
: "${VALUE_OF_X_Y_KEY:?is secret and not in this script}"
cd -P -- '/a dir' || exit 125
set -- 'echo' 'a b'
set -- "$(command -v env)" -- 'B-C=x' 'UID=5' 'X.Y_KEY='"$VALUE_OF_X_Y_KEY" "$@"
export API_KEY
export A='it'\''s'
exec "$@"
"#
        );
    }

    #[test]
    fn what_was_set_up_is_set_up_again_as_far_as_a_shell_can() {
        let text = text(|launch| {
            launch.clear_env = true;
            launch.nice = Some(-5);
            launch.umask = Some(0o27);
            launch.rlimits = [
                "nofile=10:20",
                "as=4096",
                "as=4097",
                "core=0",
                "core=1",
                "nproc=9",
            ]
            .map(|limit| limit.parse().unwrap())
            .to_vec();
        });
        let setup: Vec<&str> = text.lines().skip(6).collect();
        assert_eq!(
            setup,
            [
                r#"set -- "$(command -v env)" -i -- 'A=it'\''s' 'B-C=x' 'UID=5' 'API_KEY='"$API_KEY" 'X.Y_KEY='"$VALUE_OF_X_Y_KEY" "$@""#,
                r#"set -- "$(command -v nice)" -n "$((-5 - $(nice)))" "$@""#,
                "umask 0027",
                "ulimit -n 20 && ulimit -S -n 10 || exit 125",
                "ulimit -v 4 || exit 125",
                "# A shell cannot set this resource limit: as=4097:4097",
                "ulimit -c 0 || exit 125",
                "# A shell cannot set this resource limit: core=1:1",
                "# A shell cannot set this resource limit: nproc=9:9",
                r#"exec "$@""#,
            ]
        );
    }
}
