//! What hostledger uses of the machine by its own account: run through another hostledger.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::comparison::warm;
use crate::bench::place::Place;
use crate::bench::statistics::Spread;
use crate::program::Program;

/// What `hostledger run -- true` used, the `true` in it included.
pub(super) struct Account {
    /// Milliseconds of a processor.
    pub(super) processor: Spread,
    /// The same of a bare `true`.
    pub(super) bare_processor: Spread,
    /// Largest resident set, in MiB.
    pub(super) memory: Spread,
}

/// Runs both in turn through an outer hostledger, which reads as their parent what they used
/// (waitid(2)).
///
/// The kernel counts as resident what a child shared with its parent before its exec, too; as
/// both are the same program, the larger of two like numbers is told.
pub(super) fn measure(place: &Place<'_>, rounds: usize) -> Result<Account> {
    let mut processor = Vec::with_capacity(rounds);
    let mut bare_processor = Vec::with_capacity(rounds);
    let mut memory = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let inner = place.fresh("inner")?;
        warm(place, &inner)?;
        let (time, size) = used(place, |outer| {
            let ours = outer.arg(place.built()).arg("--data").arg(&inner);
            ours.args("run -- true")
        })?;
        processor.push(time);
        memory.push(size);
        bare_processor.push(used(place, |outer| outer.arg("true"))?.0);
    }
    let spread = |numbers| Spread::of(numbers).context("no round was measured");
    Ok(Account {
        processor: spread(processor)?,
        bare_processor: spread(bare_processor)?,
        memory: spread(memory)?,
    })
}

/// Processor time and memory of what is run through a ledger of its own.
fn used(place: &Place<'_>, command: impl FnOnce(Program) -> Program) -> Result<(f64, f64)> {
    let outer = place.fresh("outer")?;
    command(place.hostledger(&outer).args("run --")).output()?;
    let list = place.hostledger(&outer).args("ps --all --json");
    read(&list.output()?)
}

/// Milliseconds of a processor and MiB, from the one record that was listed.
fn read(record: &[u8]) -> Result<(f64, f64)> {
    let record: Value = serde_json::from_slice(record)
        .context("hostledger ps --json gave something else than one record")?;
    if record["exit_code"] != 0 {
        bail!("the program that was measured failed: {record}");
    }
    let number = |field: &str| {
        record[field]
            .as_f64()
            .with_context(|| format!("the record has no {field}: {record}"))
    };
    let processor = number("cpu_user_us")? + number("cpu_system_us")?;
    Ok((processor / 1000.0, number("max_rss_kib")? / 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_is_read_from_the_record_of_a_program_that_succeeded() {
        let record = |code| {
            format!(
                r#"{{"exit_code":{code},"cpu_user_us":1500,"cpu_system_us":500,"max_rss_kib":9216}}"#
            )
        };
        let (processor, memory) = read(record(0).as_bytes()).unwrap();
        assert!((processor - 2.0).abs() < 1e-9 && (memory - 9.0).abs() < 1e-9);
        assert!(read(record(1).as_bytes()).is_err());
        assert!(read(br#"{"exit_code":0}"#).is_err());
        assert!(read(format!("{}\n{}", record(0), record(0)).as_bytes()).is_err());
    }
}
