//! What came of ending processes: its words, and its JSON.

use std::time::Duration;

use hostledger::{Ledger, LedgerError, Process, ProcessId, StopReport, Stopped, Survivor};
use serde_json::{Value, json};

use crate::error;

/// How long the row of a process that has ended may take to say so: whoever supervises it
/// writes it.
const UNTIL_RECORDED: Duration = Duration::from_secs(2);

/// The row of a process that has just ended.
pub(super) fn ended(ledger: &Ledger, id: ProcessId) -> Result<Process, LedgerError> {
    ledger
        .wait(id, Some(UNTIL_RECORDED))?
        .map_or_else(|| ledger.process(id), Ok)
}

/// Says on stderr that a process was left alone, as this program runs in it: nobody is ended who
/// asks for it, and none of those he descends from.
pub(super) fn report_spared(id: ProcessId) {
    error::report_text(&format!(
        "process {id} goes on, as this command runs in it: give the command from elsewhere"
    ));
}

/// What came of a stop, in a word.
pub(super) fn word(stopped: Stopped) -> &'static str {
    match stopped {
        Stopped::AlreadyEnded => "gone",
        Stopped::Ended => "ended",
        Stopped::Killed => "killed",
        Stopped::Survived => "survived",
    }
}

/// Says on stderr who could not be ended; says whether there is anybody.
pub(super) fn report_survivors(report: &StopReport) -> bool {
    let has_survived = report.stopped == Stopped::Survived || !report.survivors.is_empty();
    if has_survived {
        error::report_text(&not_ended(report));
    }
    has_survived
}

fn not_ended(report: &StopReport) -> String {
    let named = |Survivor { pid, name }: &Survivor| format!("pid {pid} ({name})");
    let survivors: Vec<_> = report.survivors.iter().map(named).collect();
    format!(
        "process {}: SIGKILL was sent, and not ended: {}: the kernel has it in a sleep that \
         nothing interrupts, or it is another user's",
        report.id,
        survivors.join(", ")
    )
}

/// What came of a stop, as fields of JSON.
pub(super) fn fields(report: &StopReport) -> Value {
    let survivors = report.survivors.iter();
    let survivors: Vec<_> = survivors
        .map(|Survivor { pid, name }| json!({"pid": pid.get(), "name": name}))
        .collect();
    json!({
        "stopped": word(report.stopped),
        "ended_count": report.ended,
        "survivors": survivors,
    })
}

/// A record with further fields, as one line of JSON.
pub(super) fn record_with(record: &str, further: Value) -> String {
    // What a record is written as is always JSON.
    let mut record: Value = serde_json::from_str(record).unwrap_or_default();
    if let (Some(record), Value::Object(further)) = (record.as_object_mut(), further) {
        record.extend(further);
    }
    record.to_string()
}

#[cfg(test)]
mod tests {
    use hostledger::Pid;

    use super::*;

    fn report() -> StopReport {
        StopReport {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            stopped: Stopped::Survived,
            ended: 2,
            survivors: vec![Survivor {
                pid: Pid::new(4711).unwrap(),
                name: "dd".to_owned(),
            }],
            spared: false,
        }
    }

    #[test]
    fn who_has_not_ended_is_named() {
        assert!(not_ended(&report()).contains("pid 4711 (dd)"));
        let line = record_with("{\"id\":1}", fields(&report()));
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["id"], 1);
        assert_eq!(line["stopped"], "survived");
        assert_eq!(line["ended_count"], 2);
        assert_eq!(line["survivors"][0]["name"], "dd");
        assert_eq!(line["survivors"][0]["pid"], 4711);
    }
}
