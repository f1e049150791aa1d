//! Hooks that are interrupted.

use hostledger_tests::{Ledger, Signal, wait_until};

use super::{hook, plugin_file};

#[test]
fn a_signal_ends_every_hook_and_no_other_starts() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_beside.finite.bg.sh",
        "touch ../beside; sleep 1000",
    );
    plugin_file(
        &ledger,
        "a/on_X__20_daemon.daemon.bg.sh",
        "touch ../daemon; sleep 1000 & wait",
    );
    plugin_file(
        &ledger,
        "a/on_X__30_front.sh",
        "touch ../front; sleep 1000 & sleep 1000",
    );
    plugin_file(&ledger, "a/on_X__40_next.sh", "touch ../next");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let run = hook(&ledger, &["run", "X"]).start();
        for name in ["beside", "daemon", "front"] {
            let file = ledger.path(name);
            wait_until("all of them run", || file.exists());
            std::fs::remove_file(file).unwrap();
        }
        run.signal(signal);
        run.wait().expect_code(code);
        assert!(!ledger.path("next").exists());
        assert_eq!(ledger.alive(), Vec::<String>::new());
    }
    let outcomes: Vec<_> = ledger
        .processes()
        .iter()
        .map(|row| row["outcome"].clone())
        .collect();
    assert_eq!(outcomes, vec!["killed"; 6]);
}
