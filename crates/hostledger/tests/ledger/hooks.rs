//! Hooks that do not end.

use std::fs;
use std::time::{Duration, Instant};

use hostledger::{LedgerError, Verdict};

use crate::bench::{Bench, runs};

#[test]
fn daemons_that_do_not_listen_have_their_time_together() {
    let bench = Bench::new();
    let plugins = bench.directory.path().join("plugins");
    fs::create_dir_all(plugins.join("a")).unwrap();
    let hook = |name: &str, script: &str| fs::write(plugins.join("a").join(name), script).unwrap();
    for number in 1..=4 {
        let deaf =
            format!("trap '' TERM; touch ../deaf-{number}; while :; do sleep 86399.{number}; done");
        hook(&format!("on_X__1{number}_deaf.daemon.bg.sh"), &deaf);
    }
    let all_deaf = "until [ -e ../deaf-1 -a -e ../deaf-2 -a -e ../deaf-3 -a -e ../deaf-4 ]; do sleep 0.01; done";
    hook("on_X__20_front.sh", all_deaf);

    let found = bench
        .ledger
        .plugins()
        .directories([plugins])
        .find()
        .unwrap();
    let time = Duration::from_secs(2);
    let event = bench
        .ledger
        .event(&found, "X".parse().unwrap())
        .directory(bench.directory.path())
        .daemon_time(time);
    let begun = Instant::now();
    let ends = event.run(|_| Ok::<_, LedgerError>(())).unwrap();
    // One after the other they would take four times this time, and as much again for their trees.
    assert!(begun.elapsed() < time * 4, "{:?}", begun.elapsed());
    let stopped = ends.iter().filter(|end| end.verdict == Verdict::Stopped);
    assert_eq!(stopped.count(), 4);
    assert!((1..=4).all(|number| !runs(&format!("86399.{number}"))));
}
