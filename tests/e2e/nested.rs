//! hostledger run by a program that hostledger runs.

use hostledger_tests::{Ledger, hostledger};

/// A script that runs the program on the same ledger.
fn inner(ledger: &Ledger, command: &str) -> String {
    let program = hostledger().display();
    format!(
        "'{program}' --data '{}' run -- {command}",
        ledger.data().display()
    )
}

#[test]
fn the_process_that_called_us_is_the_parent() {
    let ledger = Ledger::new();
    let data = ledger.data().to_str().unwrap();
    let program = hostledger().to_str().unwrap();
    ledger
        .run([
            "run", "--", program, "--data", data, "run", "--", "sh", "-c", "exit 3",
        ])
        .expect_code(3);
    let processes = ledger.processes();
    let [outer, inner] = &processes[..] else {
        panic!("{processes:#?}")
    };
    assert!(outer.get("parent_id").is_none(), "{outer:#}");
    assert_eq!(inner["parent_id"], outer["id"]);
    assert_eq!(
        (&outer["exit_code"], &inner["exit_code"]),
        (&3.into(), &3.into())
    );
}

#[test]
fn each_is_told_its_own_record() {
    let ledger = Ledger::new();
    let script = inner(&ledger, "printenv HOSTLEDGER_PROCESS");
    let output = ledger.sh(&format!("echo $HOSTLEDGER_PROCESS; {script}; true"));
    let output = output.expect_code(0);
    let told: Vec<_> = output.stdout_text().lines().collect();
    let processes = ledger.processes();
    let ids: Vec<_> = processes
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(told, ids);
}

#[test]
fn it_is_found_behind_programs_that_are_not_recorded() {
    let ledger = Ledger::new();
    let script = inner(&ledger, "true");
    // Each shell stays, as it has something left to do.
    let script = format!("sh -c \"{script}; true\"; true");
    ledger.sh(&script).expect_code(0);
    let processes = ledger.processes();
    assert_eq!(processes.len(), 2);
    assert_eq!(processes[1]["parent_id"], processes[0]["id"]);
}

#[test]
fn it_is_found_although_its_start_has_not_been_written_down_yet() {
    let ledger = Ledger::new();
    ledger.sh("true").expect_code(0);
    // Many at once: a program then often begins before its row says that it runs.
    let script = inner(&ledger, "true");
    let runs: Vec<_> = (0..16)
        .map(|_| ledger.command(["run", "--", "sh", "-c", &script]).start())
        .collect();
    for run in runs {
        run.wait().expect_code(0);
    }
    let processes = ledger.processes();
    let children = processes.iter().filter(|it| it["parent_id"].is_string());
    assert_eq!((children.count(), processes.len()), (16, 1 + 2 * 16));
}

#[test]
fn the_hierarchy_is_drawn_and_shown() {
    let ledger = Ledger::new();
    let (one, two) = (inner(&ledger, "true one"), inner(&ledger, "true two"));
    ledger.sh(&format!("{one}; {two}")).expect_code(0);
    ledger.run(["run", "--", "true", "three"]).expect_code(0);
    let drawn = ledger.run(["ps", "--all", "--tree"]).expect_code(0);
    let commands: Vec<_> = drawn
        .stdout_text()
        .lines()
        .skip(1)
        .map(last_column)
        .collect();
    assert_eq!(commands.len(), 4, "{}", drawn.report());
    assert!(commands[0].starts_with("sh -c "), "{}", drawn.report());
    assert_eq!(
        commands[1..],
        ["|- true one", "`- true two", "true three"],
        "{}",
        drawn.report()
    );

    let outer = ledger.processes()[0]["id"].as_str().unwrap().to_owned();
    let shown = ledger.run(["show", &outer]).expect_code(0);
    let children = shown
        .stdout_text()
        .lines()
        .filter(|line| line.starts_with("child: "));
    assert_eq!(children.count(), 2, "{}", shown.report());
}

#[test]
fn who_ends_the_tree_that_it_is_in_is_left_with_those_it_descends_from_and_says_so() {
    let ledger = Ledger::new();
    let (program, data) = (hostledger().display(), ledger.data().display());
    let kill = format!("'{program}' --data '{data}' kill --tree $HOSTLEDGER_PROCESS");
    // A neighbour in the same tree, who is not an ancestor, is ended.
    let script = format!("sleep 60 & {kill}; echo told $?; wait $!; echo neighbour $?; exit 3");
    let output = ledger.sh(&script).expect_code(3);
    let text = output.stdout_text();
    assert!(text.ends_with("neighbour 143\n"), "{}", output.report());
    assert!(
        output.stderr_text().contains("this command runs in it"),
        "{}",
        output.report()
    );
    let process = ledger.process();
    assert_eq!(
        process["outcome"], "exited",
        "nobody has stopped it: {process:#}"
    );
}

#[test]
fn who_ends_the_tree_of_another_is_not_taken_for_one_of_it() {
    let ledger = Ledger::new();
    let outer = ledger
        .run(["run", "--detach", "--", "sleep", "60"])
        .expect_code(0);
    let id = outer.stdout_text().trim_end().to_owned();
    let (program, data) = (hostledger().display(), ledger.data().display());
    let output = ledger.sh(&format!("'{program}' --data '{data}' kill --tree {id}"));
    let output = output.expect_code(0);
    assert!(
        !output.stderr_text().contains("runs in it"),
        "{}",
        output.report()
    );
    ledger.run(["wait", &id]).expect_code(143);
}

/// What stands behind the columns that have no spaces in them but two and more between them.
fn last_column(line: &str) -> &str {
    line.rsplit("  ").next().unwrap_or(line)
}
