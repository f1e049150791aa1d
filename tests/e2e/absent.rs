//! What is not built yet is not there: refused as bad usage, never accepted and ignored.

use hostledger_tests::Ledger;

#[test]
fn commands_that_are_not_built_are_refused_by_name() {
    let ledger = Ledger::new();
    let refused = ledger.run(["adopt", "x"]);
    refused.expect_refusal(2, &["'adopt'"]);
    assert!(!ledger.data().exists(), "nothing was done");
}
