//! Variables given with --env, and what is kept of them.

use std::fs;
use std::path::Path;

use hostledger_tests::Ledger;

/// No other text contains it.
const SECRET: &str = "hunter2-correct-horse";

#[test]
fn variables_are_added_to_ours_or_stand_alone() {
    let ledger = Ledger::new();
    let env = |options: &[&str]| {
        let run = ledger
            .command(["run"])
            .args(options)
            .args(["--", "env"])
            .env("OURS", "1");
        run.output().expect_code(0).stdout_text().to_owned()
    };
    let added = env(&["--env", "A=b=c", "--env", "OURS=2", "--env", "EMPTY="]);
    for line in ["A=b=c", "OURS=2", "EMPTY="] {
        assert_eq!(
            added.lines().filter(|it| it == &line).count(),
            1,
            "{line} in {added}"
        );
    }
    assert!(
        added.contains("\nHOME=") || added.starts_with("HOME="),
        "{added}"
    );
    assert!(!added.contains("OURS=1"), "{added}");

    let alone = env(&["--clear-env", "--env", "A=1"]);
    let mut keys: Vec<_> = alone
        .lines()
        .map(|line| line.split('=').next().unwrap())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["A", "HOSTLEDGER_PROCESS"]);
}

#[test]
fn the_last_value_of_a_variable_counts() {
    let ledger = Ledger::new();
    let run = [
        "run", "--env", "A=1", "--env", "A=2", "--", "sh", "-c", "echo $A",
    ];
    assert_eq!(ledger.run(run).expect_code(0).stdout_text(), "2\n");
}

/// Asserts that no file below holds the text.
#[track_caller]
fn assert_nowhere(directory: &Path, text: &str) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += assert_nowhere(&path, text);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let found = bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes());
        assert!(!found, "{} holds {text:?}", path.display());
        files += 1;
    }
    files
}

#[test]
fn the_value_of_a_secret_reaches_the_program_and_nothing_else() {
    let ledger = Ledger::new();
    for key in [
        "API_TOKEN",
        "DB_PASSWORD",
        "SECRET",
        "my_private_key",
        "HTTP_COOKIE",
    ] {
        let variable = format!("{key}={SECRET}");
        let script = format!("printf %s \"${key}\" >../home/{key}; echo said; exit 3");
        let run = ["-vvv", "run", "--env", &variable, "--", "sh", "-c", &script];
        let output = ledger
            .command(run)
            .env("RUST_LOG", "trace")
            .output()
            .expect_code(3);
        let reached = ledger.path("../home").join(key);
        assert_eq!(fs::read_to_string(reached).unwrap(), SECRET, "{key}");
        assert!(
            !output.stderr_text().contains(SECRET),
            "{}",
            output.report()
        );
        // Nor when it cannot be started.
        let run = ["-vvv", "run", "--env", &variable, "--", "/nonexistent"];
        let output = ledger
            .command(run)
            .env("RUST_LOG", "trace")
            .output()
            .expect_code(127);
        assert!(
            !output.stderr_text().contains(SECRET),
            "{}",
            output.report()
        );
    }
    assert!(
        assert_nowhere(ledger.data(), SECRET) > 5 * 2,
        "database and logs"
    );
    for command in [
        &["export"][..],
        &["ps", "--all", "--json"],
        &["ps", "--all"],
    ] {
        let output = ledger.run(command).expect_code(0);
        assert!(!output.report().contains(SECRET), "{}", output.report());
    }
    let shown = ledger.run(["show", &ledger.last_id()]).expect_code(0);
    assert!(
        shown.stdout_text().contains("env: HTTP_COOKIE (secret)\n"),
        "{}",
        shown.report()
    );
    assert!(!shown.stdout_text().contains(SECRET));
}

#[test]
fn values_are_never_printed_and_variables_of_ours_never_stored() {
    let ledger = Ledger::new();
    let variable = format!("PLAIN={SECRET}");
    let run = ledger.command(["-vvv", "run", "--env", &variable, "--", "true"]);
    let run = run
        .env("OURS", "inherited-and-not-given")
        .env("RUST_LOG", "trace");
    let output = run.output().expect_code(0);
    assert!(
        !output.stderr_text().contains(SECRET),
        "{}",
        output.report()
    );
    let id = ledger.last_id();
    for command in [&["export"][..], &["show", &id], &["show", &id, "--json"]] {
        let output = ledger.run(command).expect_code(0);
        assert!(
            !output.stdout_text().contains(SECRET),
            "{}",
            output.report()
        );
        assert!(
            !output.stdout_text().contains("\"env\""),
            "{}",
            output.report()
        );
    }
    assert_nowhere(ledger.data(), "inherited-and-not-given");
}
