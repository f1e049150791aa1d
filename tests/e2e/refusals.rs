//! What cannot be meant or cannot be done: each says what it is about, nothing is recorded, and
//! nothing that was recorded changes.

use std::fs;

use hostledger_tests::Ledger;

/// A ledger with three processes of which nothing may change.
struct Settled {
    ledger: Ledger,
    before: Vec<serde_json::Value>,
}

impl Settled {
    fn new() -> Self {
        let ledger = Ledger::new();
        for code in [0, 3, 7] {
            ledger.sh(&format!("exit {code}")).expect_code(code);
        }
        let before = ledger.export();
        Self { ledger, before }
    }

    fn id(&self, record_type: &str) -> String {
        let record = self
            .before
            .iter()
            .find(|record| record["type"] == record_type);
        record.unwrap()["id"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn assert_unchanged(&self) {
        assert_eq!(self.ledger.export(), self.before);
        assert_eq!(
            fs::read_dir(self.ledger.data().join("processes"))
                .unwrap()
                .count(),
            2 * 3
        );
    }
}

/// Commands that take the id of a process.
const OF_PROCESSES: [&[&str]; 5] = [
    &["show"],
    &["logs"],
    &["wait"],
    &["kill"],
    &["kill", "--signal", "HUP"],
];

#[test]
fn an_id_that_is_not_there_is_named() {
    let settled = Settled::new();
    for id in ["ffffffff-ffff-7fff-bfff-ffffffffffff", "ffff"] {
        for command in OF_PROCESSES {
            let refused = settled.ledger.command(command).arg(id).output();
            refused.expect_refusal(1, &[id]).expect_hint();
        }
    }
    for pid in ["1", "999999999", "2147483647"] {
        for command in OF_PROCESSES {
            let refused = settled
                .ledger
                .command(command)
                .arg(format!("pid:{pid}"))
                .output();
            refused.expect_refusal(1, &[pid]).expect_hint();
        }
    }
    settled.assert_unchanged();
}

#[test]
fn an_id_that_is_none_is_named() {
    let settled = Settled::new();
    for id in [
        "",
        "xyz",
        "0198_",
        "%",
        "0".repeat(33).as_str(),
        "pid:",
        "pid:x",
        "pid:-1",
        "pid:0",
    ] {
        for command in OF_PROCESSES {
            let refused = settled.ledger.command(command).arg(id).output();
            let named = id.strip_prefix("pid:").unwrap_or(id);
            refused.expect_refusal(1, &[named]);
        }
    }
    settled.assert_unchanged();
}

#[test]
fn the_beginning_of_several_ids_is_not_guessed_at() {
    let settled = Settled::new();
    for command in OF_PROCESSES {
        let refused = settled.ledger.command(command).arg("0").output();
        let refused = refused.expect_refusal(1, &["several", " 0"]).expect_hint();
        assert!(
            refused.stderr_text().contains(&settled.id("Machine")),
            "{}",
            refused.report()
        );
        assert!(
            refused.stderr_text().contains(&settled.id("Process")),
            "{}",
            refused.report()
        );
    }
    settled.assert_unchanged();
}

#[test]
fn a_record_of_another_kind_is_named_for_what_it_is() {
    let settled = Settled::new();
    for (record_type, kind) in [("Machine", "machine"), ("NetworkInterface", "interface")] {
        let id = settled.id(record_type);
        for command in OF_PROCESSES.iter().filter(|command| command[0] != "show") {
            let refused = settled.ledger.command(*command).arg(&id).output();
            refused.expect_refusal(1, &[&id, kind, "process"]);
        }
    }
    settled.assert_unchanged();
}

#[test]
fn one_bad_id_among_good_ones_ends_nothing() {
    let settled = Settled::new();
    let run = crate::background::Background::start(&settled.ledger, "exec sleep 60");
    settled
        .ledger
        .run(["kill", &run.id, "ffff"])
        .expect_refusal(1, &["ffff"]);
    assert_eq!(settled.ledger.json(["ps"]).len(), 1, "it goes on");
    run.end(&settled.ledger);
}

#[test]
fn an_empty_command_is_bad_usage() {
    let settled = Settled::new();
    for words in [&["run"][..], &["run", "--"], &["run", "--name", "x"]] {
        settled.ledger.run(words).expect_refusal(2, &["COMMAND"]);
    }
    settled
        .ledger
        .run(["run", "--", ""])
        .expect_refusal(2, &["command is empty"]);
    settled
        .ledger
        .run(["run", "--", "", "x"])
        .expect_refusal(2, &["command is empty"]);
    settled.assert_unchanged();
}

#[test]
fn a_working_directory_that_cannot_be_used_is_named() {
    let settled = Settled::new();
    let file = settled.ledger.path("file");
    fs::write(&file, "").unwrap();
    let missing = settled.ledger.path("missing");
    for (path, why) in [(&missing, "No such file"), (&file, "not a directory")] {
        let path = path.to_str().unwrap();
        let run = ["run", "--cwd", path, "--", "touch", "ran"];
        settled.ledger.run(run).expect_refusal(125, &[path, why]);
    }
    settled
        .ledger
        .run(["run", "--cwd", "", "--", "touch", "ran"])
        .expect_refusal(2, &["--cwd"]);
    assert!(!settled.ledger.path("ran").exists());
    settled.assert_unchanged();
}

#[test]
fn a_current_directory_that_is_gone_is_told() {
    let settled = Settled::new();
    let directory = settled.ledger.path("gone");
    fs::create_dir(&directory).unwrap();
    let shell = settled.ledger.other("sh").current_dir(&directory);
    let run = shell
        .args(["-c", "rmdir ../gone && exec \"$@\"", "sh"])
        .arg(hostledger_tests::hostledger())
        .arg("--data")
        .arg(settled.ledger.data())
        .args(["run", "--", "true"]);
    run.output().expect_refusal(125, &["directory"]);
    settled.assert_unchanged();
}

#[test]
fn a_variable_that_is_none_is_named_and_its_value_is_not_shown() {
    let settled = Settled::new();
    for (variable, named) in [("NOVALUE", "NOVALUE"), ("=hunter2", "--env"), ("", "--env")] {
        let run = ["run", "--env", variable, "--", "touch", "ran"];
        let refused = settled.ledger.run(run).expect_refusal(125, &[named]);
        assert!(
            !refused.stderr_text().contains("hunter2"),
            "{}",
            refused.report()
        );
    }
    assert!(!settled.ledger.path("ran").exists());
    settled.assert_unchanged();
}

#[test]
fn a_limit_that_is_exceeded_is_named_with_its_field() {
    let settled = Settled::new();
    let run = |options: &[&str]| {
        let run = settled.ledger.command(["run"]).args(options);
        run.args(["--", "touch", "ran"]).output()
    };
    // In characters, not in bytes.
    let long = "ü".repeat(256);
    run(&["--name", &long]).expect_refusal(2, &["name", "256", "255"]);
    let mut deep = settled.ledger.path("");
    while deep.to_str().unwrap().len() <= 512 {
        deep.push("d".repeat(100));
    }
    fs::create_dir_all(&deep).unwrap();
    let length = deep.to_str().unwrap().len().to_string();
    run(&["--cwd", deep.to_str().unwrap()]).expect_refusal(125, &["pwd", &length, "512"]);
    assert!(!settled.ledger.path("ran").exists() && !deep.join("ran").exists());
    settled.assert_unchanged();
    let fits = "ü".repeat(255);
    settled
        .ledger
        .run(["run", "--name", &fits, "--", "true"])
        .expect_code(0);
}

#[test]
fn a_set_up_that_cannot_be_is_bad_usage() {
    let settled = Settled::new();
    for (option, value, named) in [
        ("--nice", "20", "20"),
        ("--nice", "low", "low"),
        ("--umask", "888", "888"),
        ("--umask", "1000", "1000"),
        ("--rlimit", "files=1", "files"),
        ("--rlimit", "nofile", "nofile"),
        ("--rlimit", "nofile=2:1", "nofile"),
        ("--unknown", "x", "--unknown"),
    ] {
        let run = ["run", option, value, "--", "touch", "ran"];
        settled.ledger.run(run).expect_refusal(2, &[named]);
    }
    let wait = ["wait", "--timeout", "soon", "01"];
    settled
        .ledger
        .run(wait)
        .expect_refusal(2, &["--timeout", "soon"]);
    assert!(!settled.ledger.path("ran").exists());
    settled.assert_unchanged();
}

#[test]
fn a_limit_that_cannot_be_set_now_is_a_failure_that_is_recorded_or_refused() {
    let ledger = Ledger::new();
    // Above the hard limit, which nobody but root may raise; root cannot beyond fs.nr_open.
    let run = [
        "run",
        "--rlimit",
        "nofile=99999999999",
        "--",
        "touch",
        "ran",
    ];
    let refused = ledger.run(run).expect_refusal(126, &["nofile"]);
    assert!(!ledger.path("ran").exists(), "{}", refused.report());
    let process = ledger.process();
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"spawn_failed".into(), &126.into())
    );
}
