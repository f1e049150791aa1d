//! Arguments and paths are any bytes, and arrive as they were given.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;

use hostledger_tests::Ledger;
use serde_json::json;

/// A name that is no text.
fn odd(name: &str) -> OsString {
    let mut bytes = name.as_bytes().to_vec();
    bytes.extend(b"-\xff\xfe");
    OsString::from_vec(bytes)
}

#[test]
fn arguments_are_not_touched_by_any_shell() {
    let ledger = Ledger::new();
    let arguments = [
        "",
        " ",
        "a b",
        "x\ny",
        "*",
        "$HOME",
        "`id`",
        "$(id)",
        "'",
        "\"",
        "\\",
        ";",
        "|",
        "-n",
        "--json",
        "--",
        "ü€😀",
        "\t\u{1b}[2J",
    ];
    let run = ledger
        .command(["run", "--", "printf", "[%s]"])
        .args(arguments);
    let output = run.output().expect_code(0);
    let expected: String = arguments
        .iter()
        .map(|argument| format!("[{argument}]"))
        .collect();
    assert_eq!(output.stdout_text(), expected);
    let recorded = &ledger.process()["cmd"];
    let mut command = vec!["printf", "[%s]"];
    command.extend(arguments);
    assert_eq!(recorded, &json!(command));
}

#[test]
fn arguments_that_are_not_utf8_arrive_exactly_and_are_shown_replaced() {
    let ledger = Ledger::new();
    let argument = odd("argument");
    let run = ledger.command(["run", "--", "printf", "%s"]).arg(&argument);
    assert_eq!(run.output().expect_code(0).stdout, argument.as_bytes());
    let process = ledger.process();
    assert_eq!(
        process["cmd"],
        json!(["printf", "%s", "argument-\u{fffd}\u{fffd}"])
    );
    let shown = ledger
        .run(["show", process["id"].as_str().unwrap()])
        .expect_code(0);
    assert!(
        shown.stdout_text().contains(r"argument-\377\376"),
        "{}",
        shown.report()
    );
}

#[test]
fn paths_that_are_not_utf8_work_everywhere() {
    let ledger = Ledger::below(odd("data"));
    let directory = ledger.path(odd("directory"));
    fs::create_dir(&directory).unwrap();
    let program = directory.join(odd("program"));
    fs::write(
        &program,
        "#!/bin/sh\nprintf '%s|%s' \"$0\" \"$(pwd)\"\nexit 7\n",
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();

    let run = ledger
        .command(["run", "--cwd"])
        .arg(&directory)
        .arg("--")
        .arg(&program);
    let output = run.output().expect_code(7);
    let expected = [
        program.as_os_str().as_bytes(),
        b"|",
        directory.as_os_str().as_bytes(),
    ]
    .concat();
    assert_eq!(output.stdout, expected);
    let process = ledger.process();
    let replaced = directory.to_string_lossy();
    assert_eq!(process["pwd"], replaced.as_ref());
    let logs = ledger
        .run(["logs", process["id"].as_str().unwrap()])
        .expect_code(0);
    assert_eq!(logs.stdout, expected);
    ledger.run(["doctor"]).expect_code(0);
    let mut url = OsString::from("sqlite:");
    url.push(ledger.database());
    let list = ledger
        .command([OsStr::new("--database"), &url])
        .args(["ps", "--all", "--json"]);
    assert_eq!(
        list.output().expect_code(0).stdout_text().lines().count(),
        1
    );
}

#[test]
fn a_program_is_looked_for_as_a_shell_does() {
    let ledger = Ledger::new();
    let place = |name: &str, says: &str| {
        let directory = ledger.path(name);
        fs::create_dir(&directory).unwrap();
        let program = directory.join("here");
        fs::write(&program, format!("#!/bin/sh\necho {says}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        directory
    };
    let (first, second) = (place("first", "one"), place("second", "two"));
    let path = std::env::join_paths([&first, &second]).unwrap();
    let output = ledger
        .command(["run", "--", "here"])
        .env("PATH", &path)
        .output();
    assert_eq!(output.expect_code(0).stdout_text(), "one\n");
    // With a slash it is a path, from the directory it is to run in.
    let run = ledger
        .command(["run", "--cwd"])
        .arg(&second)
        .args(["--", "./here"]);
    assert_eq!(run.output().expect_code(0).stdout_text(), "two\n");
}
