//! Alone in its file, and so in its process: it changes what this process does on SIGCHLD.

use hostledger_sys::{Action, Signal, SignalActions, keep_ended_children};

#[test]
fn an_ignored_sigchld_is_set_back_so_that_exit_codes_are_kept() {
    assert!(!keep_ended_children().unwrap());
    let ignored = SignalActions::set(&[(Signal::CHLD, Action::Ignore)]).unwrap();
    assert!(keep_ended_children().unwrap());
    assert!(!keep_ended_children().unwrap());
    drop(ignored);
}
