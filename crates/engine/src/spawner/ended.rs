//! Ends of children of ours as the state machine is told of them.

use hostledger_lifecycle::process::{Event, Exit, Output};
use hostledger_model::Timestamp;
use hostledger_process::EndStatus;

use crate::logs::LogOf;

pub(super) fn event(status: EndStatus, log: Option<&LogOf>) -> Event {
    let Some(termination) = status.termination() else {
        return Event::Lost;
    };
    Event::Exited(Exit {
        at: Timestamp::now(),
        termination,
        usage: status.usage(),
        output: log.map_or_else(Output::default, |log| log.read([0; 2], [false; 2])),
        stopped: None,
    })
}
