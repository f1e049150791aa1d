//! What running processes use now, for `ps` and `show`.

use std::collections::HashMap;

use hostledger::{Ledger, LedgerError, LiveUsage, Process, ProcessId};
use serde_json::{Map, Value, json};

use super::fields::Fields;
use crate::size::size_text;

/// The figures of those of some processes that run here.
pub(super) fn of(
    ledger: &Ledger,
    processes: &[Process],
) -> Result<HashMap<ProcessId, LiveUsage>, LedgerError> {
    let mut figures = HashMap::new();
    for process in processes {
        if let Some(live) = ledger.live_usage(process)? {
            figures.insert(process.id, live);
        }
    }
    Ok(figures)
}

/// What it uses now.
pub(super) fn add(fields: &mut Fields, live: &LiveUsage) {
    fields.add("live_rss", &size_text(live.rss_bytes));
    fields.add("live_vms", &size_text(live.vms_bytes));
    fields.add("live_cpu", &format!("{:.1} %", live.cpu_percent));
    fields.add("live_threads", &live.threads);
    fields.add_some("live_open_files", live.open_files);
    let children: Vec<String> = live.children.iter().map(ToString::to_string).collect();
    if !children.is_empty() {
        fields.add("live_children", &children.join(" "));
    }
}

/// Adds to a record what its process uses now, as `live`.
pub(super) fn with_json(record: String, live: Option<LiveUsage>) -> anyhow::Result<String> {
    let Some(live) = live else {
        return Ok(record);
    };
    let mut record: Map<String, Value> = serde_json::from_str(&record)?;
    let children: Vec<i32> = live.children.iter().map(|pid| pid.get()).collect();
    record.insert(
        "live".to_owned(),
        json!({
            "rss_bytes": live.rss_bytes,
            "vms_bytes": live.vms_bytes,
            "cpu_percent": live.cpu_percent,
            "threads": live.threads,
            "open_files": live.open_files,
            "children": children,
        }),
    );
    Ok(Value::Object(record).to_string())
}
