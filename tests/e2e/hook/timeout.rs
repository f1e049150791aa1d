//! Hooks that take too long.

use std::fs;
use std::time::{Duration, Instant};

use hostledger_tests::Ledger;

use super::{Ran, hook, plugin_file};

#[test]
fn a_hook_that_hangs_is_ended_with_all_it_started() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_hangs.sh",
        "setsid sh -c 'trap \"\" TERM; sleep 1000' & (sleep 1000 &) ; echo '{\"type\":\"Before\"}'; \
         sleep 1000",
    );
    plugin_file(&ledger, "a/on_X__20_next.sh", "touch ../next");
    let begun = Instant::now();
    let ran = Ran::of(hook(&ledger, &["run", "X"]).env("A_TIMEOUT", "1"));
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    let hung = ran.process("on_X__10_hangs.sh");
    assert_eq!(
        (&hung["verdict"], &hung["outcome"]),
        (&"timed out".into(), &"timed_out".into())
    );
    assert_eq!(hung["timeout"], 1);
    assert_eq!(ran.records().count(), 1, "what it printed before counts");
    assert!(ledger.path("next").exists());
    hostledger_tests::wait_until("its tree is gone", || ledger.alive().is_empty());
    ran.output.expect_code(1);
}

#[test]
fn a_timeout_is_the_plugin_s_by_configuration_or_everybody_s() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "a/on_X__10_a.sh", "exit 0");
    plugin_file(&ledger, "b/on_X__20_b.sh", "exit 0");
    plugin_file(
        &ledger,
        "b/config.json",
        r#"{"properties":{"B_TIMEOUT":{"type":"integer","default":60,"x-aliases":["OLD_TIMEOUT"],
            "x-fallback":"TIMEOUT"}}}"#,
    );
    let timeouts = |environment: &[(&str, &str)]| {
        let run = environment
            .iter()
            .fold(hook(&ledger, &["run", "X"]), |run, (key, value)| {
                run.env(key, value)
            });
        let ran = Ran::of(run);
        let timeouts: Vec<_> = ran
            .processes()
            .map(|row| row["timeout"].as_u64().unwrap())
            .collect();
        timeouts
    };
    assert_eq!(timeouts(&[]), [300, 60]);
    assert_eq!(timeouts(&[("TIMEOUT", "7")]), [7, 7]);
    assert_eq!(timeouts(&[("TIMEOUT", "7"), ("OLD_TIMEOUT", "8")]), [7, 8]);
    assert_eq!(timeouts(&[("TIMEOUT", "1000000")]), [43200, 43200]);
    drop(fs::remove_dir_all(ledger.path("a")));
}
