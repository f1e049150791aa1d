//! The barest queue: pgbench takes rows on and ends them.

use std::fs;

use anyhow::{Context, Result, bail};

use super::{BATCH, Ours, WORKERS};
use crate::bench::disk::Disk;

const SCRIPT: &str = include_str!("bare.pgbench");

/// A table as narrow as a queue's can be.
const NARROW: &str = "
CREATE TABLE jobs (id uuid PRIMARY KEY, status text NOT NULL, retry_at timestamptz);
CREATE INDEX ON jobs (retry_at) WHERE status = 'queued';
INSERT INTO jobs SELECT gen_random_uuid(), 'queued', now() FROM generate_series(1, ";

/// Which rows it is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    /// Three columns.
    Narrow,
    /// Ours, with all its columns and indexes.
    Processes,
}

impl Table {
    pub(super) const ALL: [Self; 2] = [Self::Narrow, Self::Processes];

    fn name(self) -> &'static str {
        match self {
            Self::Narrow => "jobs",
            Self::Processes => "machine_process",
        }
    }

    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Narrow => "pgbench, a table of three columns",
            Self::Processes => "pgbench, our table of processes",
        }
    }

    /// Jobs a second.
    pub(super) fn work(self, ours: &Ours<'_>, disk: &Disk<'_>, jobs: u64) -> Result<f64> {
        match self {
            Self::Narrow => {
                ours.database.run(&format!("{NARROW}{jobs})"));
            }
            Self::Processes => {
                ours.settle(0, jobs)?;
            }
        }
        let script = disk.root().join("bare.pgbench");
        fs::write(&script, SCRIPT.replace(":table", self.name()))?;
        let pgbench = ours
            .database
            .client("pgbench")
            .args(["--no-vacuum", "--protocol=prepared"])
            .arg(format!("--client={WORKERS}"))
            .arg(format!("--transactions={}", jobs / WORKERS / BATCH))
            .arg("--file")
            .arg(&script)
            .output()
            .context("pgbench cannot be run")?;
        let said = String::from_utf8_lossy(&pgbench.stdout);
        if !pgbench.status.success() {
            bail!("pgbench: {}", String::from_utf8_lossy(&pgbench.stderr));
        }
        let left = format!(
            "SELECT count(*) FROM {} WHERE status = 'queued'",
            self.name()
        );
        if ours.database.run(&left).trim() != "0" {
            bail!("pgbench has not done all: {said}");
        }
        transactions(&said)
            .map(|transactions| transactions * BATCH as f64)
            .with_context(|| format!("pgbench does not say how fast it was: {said}"))
    }
}

/// Transactions a second.
fn transactions(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::transactions;

    #[test]
    fn pgbench_says_how_fast_it_was() {
        let said = "latency average = 8.9 ms\ntps = 897.13 (without initial connection time)\n";
        assert_eq!(transactions(said), Some(897.13));
        assert_eq!(transactions("tps"), None);
    }
}
