//! History that is old enough to go.

use std::time::Duration;

use anstyle::Style;
use hostledger::model::format_duration;
use hostledger::{Ledger, LedgerError, Pruned};
use serde_json::json;

use crate::error;
use crate::printer::Printer;
use crate::size::size_text;

/// Deletes it, or says what there is; whether something could not be done.
pub(super) fn run(
    ledger: &Ledger,
    age: Duration,
    delete: bool,
    printer: &mut Printer,
) -> anyhow::Result<bool> {
    let mut pruned = ledger.prune(age, delete)?;
    let has_failed = !pruned.corrupt.is_empty() || !pruned.failed.is_empty();
    for row in std::mem::take(&mut pruned.corrupt) {
        error::report(&row.into());
    }
    for (id, failure) in std::mem::take(&mut pruned.failed) {
        let failure = anyhow::Error::from(LedgerError::from(failure));
        error::report(&failure.context(format!("process {id} stays")));
    }
    if printer.is_json() {
        printer.json(&line(&pruned, delete))?;
    } else {
        printer.line(Style::new(), &sentence(&pruned, age, delete))?;
    }
    Ok(has_failed)
}

fn line(pruned: &Pruned, delete: bool) -> String {
    json!({
        "found": "old",
        "action": if delete { "deleted" } else { "reported" },
        "processes": pruned.processes,
        "files": pruned.files.files,
        "bytes": pruned.files.bytes,
        "kept": pruned.kept,
    })
    .to_string()
}

fn sentence(pruned: &Pruned, age: Duration, delete: bool) -> String {
    let Pruned {
        processes,
        files,
        kept,
        ..
    } = pruned;
    let action = if delete {
        "deleted"
    } else {
        "to be deleted with --delete"
    };
    let mut text = format!(
        "older than {}, {action}: {}, {} ({})",
        format_duration(age),
        counted(*processes, "process", "processes"),
        counted(files.files, "file", "files"),
        size_text(files.bytes)
    );
    if *kept > 0 {
        text += &format!("; {kept} stay, as something that they started runs");
    }
    text
}

fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use hostledger::Removed;

    use super::*;

    #[test]
    fn what_was_deleted_is_counted() {
        let mut pruned = Pruned {
            processes: 3,
            files: Removed {
                files: 6,
                bytes: 24 << 10,
            },
            ..Pruned::default()
        };
        let day = Duration::from_secs(86_400);
        assert_eq!(
            sentence(&pruned, day * 30, true),
            "older than 30d, deleted: 3 processes, 6 files (24K)"
        );
        pruned.kept = 2;
        assert!(sentence(&pruned, day, false).contains("with --delete: 3"));
        assert!(
            sentence(&pruned, day, false).ends_with("2 stay, as something that they started runs")
        );
        assert_eq!(
            line(&pruned, false),
            r#"{"found":"old","action":"reported","processes":3,"files":6,"bytes":24576,"kept":2}"#
        );
    }
}
