//! What running processes use now, for `ps` and `show`.

use std::collections::HashMap;
use std::path::PathBuf;

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

/// Adds the cgroup that is the process's own, beside what it uses.
pub(super) fn with_cgroup(record: String, cgroup: Option<PathBuf>) -> anyhow::Result<String> {
    let Some(path) = cgroup else {
        return Ok(record);
    };
    let mut record: Map<String, Value> = serde_json::from_str(&record)?;
    if let Some(live) = record.get_mut("live").and_then(Value::as_object_mut) {
        live.insert("cgroup".to_owned(), path.display().to_string().into());
    }
    Ok(Value::Object(record).to_string())
}

#[cfg(test)]
mod tests {
    use hostledger::Pid;

    use super::*;

    fn live() -> LiveUsage {
        LiveUsage {
            rss_bytes: 8796 << 10,
            vms_bytes: 12 << 20,
            cpu_percent: 12.345,
            threads: 2,
            children: [4711, 4712].into_iter().filter_map(Pid::new).collect(),
            open_files: None,
        }
    }

    #[test]
    fn what_is_used_is_shown_in_few_digits() {
        let mut fields = Fields::default();
        add(&mut fields, &live());
        insta::assert_snapshot!(fields.text(), @r"
        live_rss: 8M
        live_vms: 12M
        live_cpu: 12.3 %
        live_threads: 2
        live_children: 4711 4712
        ");
    }

    #[test]
    fn in_json_it_is_exact() {
        let record = || "{\"id\":1}".to_owned();
        assert_eq!(with_json(record(), None).unwrap(), record());
        let shown = with_json(record(), Some(live())).unwrap();
        let shown = with_cgroup(shown, Some("/sys/fs/cgroup/x".into())).unwrap();
        insta::assert_snapshot!(shown, @r#"{"id":1,"live":{"rss_bytes":9007104,"vms_bytes":12582912,"cpu_percent":12.345,"threads":2,"open_files":null,"children":[4711,4712],"cgroup":"/sys/fs/cgroup/x"}}"#);
        assert_eq!(with_cgroup(record(), Some("/x".into())).unwrap(), record());
    }
}
