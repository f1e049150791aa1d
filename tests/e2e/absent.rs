//! What is not built yet is not there: refused as bad usage, never accepted and ignored.

use hostledger_tests::Ledger;

#[test]
fn options_and_commands_that_are_not_built_are_refused_by_name() {
    let ledger = Ledger::new();
    for (line, named) in [
        ("run --retries 2 -- true", "--retries"),
        ("adopt x", "adopt"),
    ] {
        let refused = ledger.run(line.split(' '));
        refused.expect_refusal(2, &[&format!("'{named}'")]);
    }
    assert!(!ledger.data().exists(), "nothing was done");
}
