//! Scripts that run a command again, run by real shells.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use hostledger_model::LaunchAttributes;
use hostledger_process::{ScriptOf, script};
use proptest::prelude::*;

/// Writes each argument and a NUL byte.
const PRINTF: [&[u8]; 2] = [b"/usr/bin/printf", b"%s\\0"];
const OWN_ARGUMENTS: &[u8] = b"/proc/self/cmdline";
const OWN_ENVIRONMENT: &[u8] = b"/proc/self/environ";

struct Recorded {
    command: Vec<Vec<u8>>,
    directory: Vec<u8>,
    variables: BTreeMap<String, String>,
    secrets: Vec<String>,
    launch: LaunchAttributes,
}

impl Recorded {
    fn new<'a>(command: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self {
            command: command.into_iter().map(<[u8]>::to_vec).collect(),
            directory: b"/".to_vec(),
            variables: BTreeMap::new(),
            secrets: Vec::new(),
            launch: LaunchAttributes::default(),
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a shell runs the script as people do, without us"
    )]
    /// What each shell makes of it: run by name, from elsewhere, in this environment.
    fn run(&self, environment: &[(&str, &str)]) -> Vec<(&'static str, Output)> {
        let text = script(&ScriptOf {
            id: "0198c0de-0000-7000-8000-000000000000".parse().unwrap(),
            command: &self.command,
            directory: &self.directory,
            variables: &self.variables,
            secrets: &self.secrets,
            launch: &self.launch,
        });
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("cmd.sh");
        fs::write(&file, text).unwrap();
        let shells = ["/bin/sh", "/bin/dash", "/bin/bash", "/bin/busybox"];
        let installed = shells.into_iter().filter(|shell| Path::new(shell).exists());
        installed
            .map(|shell| {
                let mut command = Command::new(shell);
                if shell.ends_with("busybox") {
                    command.arg("sh");
                }
                command.arg(&file).env_clear().env("PATH", "/usr/bin:/bin");
                command.envs(environment.iter().copied());
                (shell, command.current_dir("/tmp").output().unwrap())
            })
            .collect()
    }

    /// What every shell has to make of it.
    fn assert_writes(&self, environment: &[(&str, &str)], expected: &[u8]) {
        for (shell, output) in self.run(environment) {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{shell}: {errors}");
            let (found, wanted) = (output.stdout.escape_ascii(), expected.escape_ascii());
            assert_eq!(found.to_string(), wanted.to_string(), "{shell}");
        }
    }
}

fn with_nul<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    parts
        .into_iter()
        .flat_map(|part| [part, b"\0"].concat())
        .collect()
}

fn assert_arguments_arrive(arguments: &[Vec<u8>]) {
    let command = PRINTF
        .into_iter()
        .chain(arguments.iter().map(Vec::as_slice));
    let expected = with_nul(arguments.iter().map(Vec::as_slice));
    Recorded::new(command).assert_writes(&[], &expected);
}

#[test]
fn every_byte_arrives_alone_and_beside_every_kind_of_neighbour() {
    let arguments: Vec<Vec<u8>> = (1..=255)
        .flat_map(|byte| {
            let beside = move |other: u8| [vec![byte, other], vec![other, byte]];
            let pairs = b"'\"\\`$a \n\xc3\x81\x01\x7f"
                .iter()
                .flat_map(move |other| beside(*other));
            [vec![byte], vec![byte; 3]].into_iter().chain(pairs)
        })
        .collect();
    assert_arguments_arrive(&arguments);
}

#[test]
fn what_a_shell_would_act_on_arrives_as_it_is() {
    let arguments = [
        "",
        "-n",
        "--",
        "-",
        "$(touch /tmp/x)",
        "`id`",
        "${HOME}",
        "$1",
        "a;b|c&d",
        "*",
        "?[a]",
        "~",
        "#x",
        "!x",
        "{a,b}",
        "a=b",
        "\\",
        "\\'",
        "''",
        "'",
        "\n",
        "\n\n",
        "a\nb\n",
        " ",
        "\t",
        "\r",
        "<x",
        ">x",
        "2>&1",
        "$'\\n'",
        "\u{fffd}",
        "",
    ];
    assert_arguments_arrive(&arguments.map(|argument| argument.as_bytes().to_vec()));
}

#[test]
fn a_program_without_arguments_gets_none() {
    Recorded::new([&b"/bin/pwd"[..]]).assert_writes(&[], b"/\n");
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(24)
    })]

    #[test]
    fn any_arguments_and_variables_arrive(
        arguments in prop::collection::vec(prop::collection::vec(1u8..=255, 0..40), 1..20),
        variables in prop::collection::btree_map("[^=\0]{1,8}", "[^\0]{0,20}", 0..6),
        clear_env in any::<bool>(),
    ) {
        assert_arguments_arrive(&arguments);
        let mut recorded = Recorded::new([b"/bin/cat", OWN_ENVIRONMENT]);
        recorded.variables = variables.clone();
        recorded.launch.clear_env = clear_env;
        for (shell, output) in recorded.run(&[]) {
            let found = output.stdout.split(|byte| *byte == 0).collect::<Vec<_>>();
            for (name, value) in &variables {
                let expected = format!("{name}={value}");
                prop_assert!(found.contains(&expected.as_bytes()), "{shell}: {expected:?}");
            }
            if clear_env {
                prop_assert_eq!(found.len(), variables.len() + 1);
            }
        }
    }
}

#[test]
fn the_program_is_called_by_the_very_name_it_was_called_by() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().to_str().unwrap();
    for name in ["-x", "--", "a=b", "-a=b", "it's $(x)", "exec", "n\nl", "cd"] {
        symlink("/bin/cat", place.path().join(name)).unwrap();
        for clear_env in [false, true] {
            let called = name.as_bytes();
            let mut recorded = Recorded::new([called, OWN_ARGUMENTS]).with("PATH", path);
            recorded.launch.clear_env = clear_env;
            recorded.assert_writes(&[], &with_nul([called, OWN_ARGUMENTS]));
            recorded.launch.nice = Some(10);
            recorded.assert_writes(&[], &with_nul([called, OWN_ARGUMENTS]));
        }
    }
}

#[test]
fn it_runs_in_its_directory_wherever_that_leads() {
    let place = tempfile::tempdir().unwrap();
    let inner = place.path().join("it's a\n$dir/-");
    fs::create_dir_all(&inner).unwrap();
    symlink(&inner, place.path().join("link")).unwrap();
    let parent = inner.parent().unwrap().to_owned();
    // The kernel goes to the parent of where the link leads; a shell by itself would not.
    for (directory, expected) in [
        (inner.clone(), inner),
        (place.path().join("link/.."), parent),
    ] {
        let mut recorded = Recorded::new([&b"/usr/bin/env"[..], b"pwd", b"-P"]);
        recorded.directory = directory.as_os_str().as_encoded_bytes().to_vec();
        let line = format!("{}\n", expected.display());
        recorded.assert_writes(&[("CDPATH", "/tmp:/")], line.as_bytes());
    }
    let mut gone = Recorded::new([&b"/bin/echo"[..], b"ran"]);
    gone.directory = b"/no/such/directory".to_vec();
    for (shell, output) in gone.run(&[]) {
        assert_eq!(
            (output.status.code(), output.stdout),
            (Some(125), Vec::new()),
            "{shell}"
        );
    }
}

#[test]
fn a_directory_that_is_no_text_is_one_like_any_other() {
    let place = tempfile::tempdir().unwrap();
    let directory = place
        .path()
        .join(OsStr::from_bytes(b"a\xff\xc3\n$(x)\xed\xa0\x80"));
    fs::create_dir(&directory).unwrap();
    let mut recorded = Recorded::new([&b"/usr/bin/env"[..], b"pwd", b"-P"]);
    recorded.directory = directory.as_os_str().as_bytes().to_vec();
    recorded.assert_writes(&[], &[&recorded.directory[..], b"\n"].concat());
}

#[test]
fn variables_are_added_to_the_environment_or_are_all_of_it() {
    let given = [
        ("A", "it's \"$x\" `y`\n"),
        ("B.C", "no name for a shell"),
        ("-d", "nor this"),
        ("EMPTY", ""),
        ("IFS", "/"),
        ("OPTIND", "no number"),
        ("PATH", "/nowhere"),
        ("SHLVL", "77"),
        ("UID", "5"),
    ];
    let mut recorded = Recorded::new([b"/bin/cat", OWN_ENVIRONMENT]);
    for (name, value) in given {
        recorded = recorded.with(name, value);
    }
    let found = |output: &[u8]| {
        let text = String::from_utf8(output.to_vec()).unwrap();
        let pairs = text
            .split_terminator('\0')
            .map(|pair| pair.split_once('=').unwrap());
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        pairs.collect::<BTreeMap<_, _>>()
    };
    for (shell, output) in recorded.run(&[("A", "old"), ("KEPT", "yes")]) {
        let found = found(&output.stdout);
        for (name, value) in given.into_iter().chain([("KEPT", "yes")]) {
            assert_eq!(
                found.get(name).map(String::as_str),
                Some(value),
                "{shell}: {name}"
            );
        }
    }
    recorded.launch.clear_env = true;
    for (shell, output) in recorded.run(&[("A", "old"), ("KEPT", "yes")]) {
        assert_eq!(found(&output.stdout), recorded.variables, "{shell}");
    }
}

#[test]
fn secrets_are_asked_for_and_reach_the_program() {
    let mut recorded = Recorded::new([
        &b"/bin/sh"[..],
        b"-c",
        b"printf '%s ' \"$API_KEY\"; /usr/bin/env | grep -a ODD",
    ]);
    recorded.secrets = vec!["API_KEY".to_owned(), "ODD.KEY".to_owned()];
    for clear_env in [false, true] {
        recorded.launch.clear_env = clear_env;
        for (shell, output) in recorded.run(&[("API_KEY", "x")]) {
            let errors = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success(), "{shell}");
            assert!(errors.contains("VALUE_OF_ODD_KEY"), "{shell}: {errors}");
            assert_eq!(output.stdout, b"");
        }
    }
    // A shell hands no variable on whose name it cannot have, so what sees it is env(1) itself.
    let mut recorded = Recorded::new([b"/bin/cat", OWN_ENVIRONMENT]);
    recorded.secrets = vec!["API_KEY".to_owned(), "ODD.KEY".to_owned()];
    for clear_env in [false, true] {
        recorded.launch.clear_env = clear_env;
        let given = [("API_KEY", "it's $secret"), ("VALUE_OF_ODD_KEY", "odd")];
        for (shell, output) in recorded.run(&given) {
            let found: Vec<_> = output.stdout.split(|byte| *byte == 0).collect();
            assert!(found.contains(&&b"API_KEY=it's $secret"[..]), "{shell}");
            assert!(found.contains(&&b"ODD.KEY=odd"[..]), "{shell}");
        }
    }
}

#[test]
fn umask_nice_value_and_limits_are_set() {
    let asked = "umask; nice; ulimit -n; ulimit -H -n; ulimit -s; ulimit -c";
    let mut recorded = Recorded::new([&b"/bin/sh"[..], b"-c", asked.as_bytes()]);
    recorded.launch.umask = Some(0o31);
    recorded.launch.nice = Some(15);
    recorded.launch.rlimits = ["nofile=40:50", "stack=1048576:2097152", "core=0"]
        .map(|limit| limit.parse().unwrap())
        .to_vec();
    recorded.assert_writes(&[], b"0031\n15\n40\n50\n1024\n0\n");
}
