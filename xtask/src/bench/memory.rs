//! How much memory hostledger takes, by its own account: run through another hostledger.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::comparison::warm;
use super::place::Place;
use super::statistics::Spread;

const ROUNDS: usize = 5;

/// Largest resident set of `hostledger run -- true`, in MiB.
///
/// The outer hostledger reads it as the parent (waitid(2)). The kernel counts what the child
/// shared with its parent before its exec, too; as both are the same program, the larger of two
/// like numbers is told.
pub(super) fn measure(place: &Place<'_>) -> Result<Spread> {
    let mut sizes = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let (outer, inner) = (place.fresh("outer")?, place.fresh("inner")?);
        warm(place, &inner)?;
        let measured = place
            .hostledger(&outer)
            .args("run --")
            .arg(place.released())
            .arg("--data")
            .arg(&inner);
        measured.args("run -- true").output()?;
        let listed = place
            .hostledger(&outer)
            .args("ps --all --json --limit 1")
            .output()?;
        sizes.push(max_rss_kib(&listed)? / 1024.0);
    }
    Spread::of(sizes).context("no round was measured")
}

fn max_rss_kib(record: &[u8]) -> Result<f64> {
    let record: Value = serde_json::from_slice(record)
        .context("hostledger ps --json gave something else than one record")?;
    if record["exit_code"] != 0 {
        bail!("the program that was measured failed: {record}");
    }
    record["max_rss_kib"]
        .as_f64()
        .with_context(|| format!("the record has no max_rss_kib: {record}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_from_the_record_of_a_program_that_succeeded() {
        let record =
            |code| format!(r#"{{"type":"Process","exit_code":{code},"max_rss_kib":9216}}"#);
        let read = |text: String| max_rss_kib(text.as_bytes());
        assert!((read(record(0)).unwrap() - 9216.0).abs() < 0.5);
        assert!(read(record(1)).is_err());
        assert!(read(r#"{"exit_code":0}"#.to_owned()).is_err());
    }
}
