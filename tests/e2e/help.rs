//! What there is to read: help, version, manual pages, completions.

use std::fs;

use hostledger_tests::{Ledger, installed};

const COMMANDS: [&str; 21] = [
    "run",
    "submit",
    "cancel",
    "restart",
    "work",
    "ps",
    "show",
    "logs",
    "wait",
    "kill",
    "stop",
    "cleanup",
    "machine",
    "network",
    "binary",
    "hook",
    "import",
    "export",
    "doctor",
    "completions",
    "man",
];

#[test]
fn help_says_what_there_is_and_shows_examples() {
    let ledger = Ledger::new();
    let help = ledger.bare_command(["--help"]).output().expect_code(0);
    for command in COMMANDS {
        assert!(
            help.stdout_text().contains(&format!("\n  {command} ")),
            "{}",
            help.report()
        );
    }
    for asked in [&["help"][..], &["-h"]] {
        let asked = ledger.bare_command(asked).output().expect_code(0);
        assert!(
            asked.stdout_text().contains("Usage: hostledger"),
            "{}",
            asked.report()
        );
    }
    for command in COMMANDS {
        let help = ledger
            .bare_command([command, "--help"])
            .output()
            .expect_code(0);
        let text = help.stdout_text();
        assert!(
            text.contains("Examples:\n  hostledger "),
            "{}",
            help.report()
        );
        assert!(
            text.contains(&format!("Usage: hostledger {command}")),
            "{}",
            help.report()
        );
        assert_eq!(help.stderr_text(), "");
    }
    assert!(!ledger.data().exists(), "asking makes no ledger");
}

#[test]
fn the_exit_codes_of_run_are_in_its_help() {
    let ledger = Ledger::new();
    let help = ledger
        .bare_command(["run", "--help"])
        .output()
        .expect_code(0);
    for code in ["125", "126", "127", "141", "128 + signal"] {
        assert!(
            help.stdout_text().contains(code),
            "{code}: {}",
            help.report()
        );
    }
}

#[test]
fn the_version_is_that_of_the_project() {
    let ledger = Ledger::new();
    let version = ledger.bare_command(["--version"]).output().expect_code(0);
    let expected = concat!("hostledger ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(version.stdout_text(), expected);
    ledger.sh("true").expect_code(0);
    assert_eq!(
        ledger.process()["schema_version"],
        env!("CARGO_PKG_VERSION")
    );
}

#[test]
fn no_command_is_bad_usage_and_shows_what_there_is() {
    let ledger = Ledger::new();
    let shown = ledger.bare_command([""; 0]).output().expect_code(2);
    assert_eq!(shown.stdout_text(), "");
    assert!(
        shown.stderr_text().contains("Usage: hostledger"),
        "{}",
        shown.report()
    );
}

#[test]
fn there_are_completions_for_every_shell() {
    let ledger = Ledger::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ledger
            .bare_command(["completions", shell])
            .output()
            .expect_code(0);
        for word in ["hostledger", "export", "--since"] {
            let word = if shell == "fish" {
                word.trim_start_matches('-')
            } else {
                word
            };
            assert!(script.stdout_text().contains(word), "no {word} for {shell}");
        }
        let file = ledger.path(shell);
        fs::write(&file, &script.stdout).unwrap();
        if installed(shell) && ["bash", "zsh", "fish"].contains(&shell) {
            ledger
                .other(shell)
                .arg("-n")
                .arg(&file)
                .output()
                .expect_code(0);
        }
    }
    ledger
        .bare_command(["completions", "tcsh"])
        .output()
        .expect_refusal(2, &["tcsh", "bash"]);
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let ledger = Ledger::new();
    let directory = ledger.path("new/man1");
    ledger
        .bare_command(["man"])
        .arg(&directory)
        .output()
        .expect_code(0);
    let pages = fs::read_dir(&directory)
        .unwrap()
        .map(|page| page.unwrap().file_name());
    let mut pages: Vec<_> = pages.map(|page| page.into_string().unwrap()).collect();
    pages.sort_unstable();
    let mut expected: Vec<_> = COMMANDS
        .map(|command| format!("hostledger-{command}.1"))
        .into();
    expected.push("hostledger.1".to_owned());
    expected.sort_unstable();
    pages.retain(|page| !page.contains("-help"));
    // A command that has commands of its own has a page for each of those as well.
    let is_part = |page: &String| page.matches('-').count() > 1;
    let (parts, commands): (Vec<_>, Vec<_>) = pages.iter().cloned().partition(is_part);
    assert_eq!(commands, expected);
    assert!(
        parts.contains(&"hostledger-hook-run.1".to_owned()),
        "{parts:?}"
    );
    for page in pages {
        let text = fs::read_to_string(directory.join(&page)).unwrap();
        assert!(
            text.contains(".TH ") && text.contains("Examples"),
            "{page}: {text}"
        );
    }
    let file = ledger.path("file");
    fs::write(&file, "precious").unwrap();
    let refused = ledger.bare_command(["man"]).arg(&file).output();
    refused.expect_refusal(1, &[file.to_str().unwrap()]);
}

#[test]
fn what_happens_inside_is_shown_on_request_and_only_on_standard_error() {
    let ledger = Ledger::new();
    let plain = ledger.sh("echo x").expect_code(0);
    assert_eq!((plain.stdout_text(), plain.stderr_text()), ("x\n", ""));
    let loud = ledger.run(["-v", "run", "--", "echo", "x"]).expect_code(0);
    assert_eq!(loud.stdout_text(), "x\n");
    let said = loud.stderr_text();
    assert!(
        said.contains("INFO") && said.contains(&ledger.last_id()),
        "{}",
        loud.report()
    );
    let refined = ledger
        .command(["-v", "run", "--", "echo", "x"])
        .env("RUST_LOG", "off");
    assert_eq!(refined.output().expect_code(0).stderr_text(), "");
}
