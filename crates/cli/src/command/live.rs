//! What running processes use now, for `ps` and `show`.

use std::collections::HashMap;
use std::path::PathBuf;

use hostledger::{Ledger, LedgerError, LiveUsage, Process, ProcessId};
use serde_json::{Value, json};

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

/// What it uses now, and the cgroup that is its own.
pub(super) fn to_json(live: &LiveUsage, cgroup: Option<PathBuf>) -> Value {
    let children: Vec<i32> = live.children.iter().map(|pid| pid.get()).collect();
    let mut figures = json!({
        "rss_bytes": live.rss_bytes,
        "vms_bytes": live.vms_bytes,
        "cpu_percent": live.cpu_percent,
        "threads": live.threads,
        "open_files": live.open_files,
        "children": children,
    });
    if let Some(cgroup) = cgroup {
        figures["cgroup"] = cgroup.display().to_string().into();
    }
    figures
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
        let shown = to_json(&live(), Some("/sys/fs/cgroup/x".into())).to_string();
        insta::assert_snapshot!(shown, @r#"{"rss_bytes":9007104,"vms_bytes":12582912,"cpu_percent":12.345,"threads":2,"open_files":null,"children":[4711,4712],"cgroup":"/sys/fs/cgroup/x"}"#);
        assert_eq!(to_json(&live(), None).get("cgroup"), None);
    }
}
