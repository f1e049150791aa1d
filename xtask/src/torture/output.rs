//! However much is written, memory and database stay as they are: a program writes a gigabyte, and
//! the same is run with next to nothing to compare with.

use std::fs;
use std::io::Read as _;
use std::process::Stdio;

use anyhow::{Context, Result};

use super::Bench;
use super::place::Place;
use super::verdict::Verdict;
use crate::held::Held;
use crate::memory::Memory;

const MIB: u64 = 1024 * 1024;

/// What is written to compare with: as much as is kept in the database.
const LITTLE: u64 = 64 * 1024;

/// Characters of a stream that the database keeps, and room for the line that says what is left
/// out.
const KEPT: usize = 64 * 1024 + 256;

/// KiB that may come and go by chance.
const NOISE: u64 = 2 * 1024;

/// What a run took.
#[derive(Debug, Default)]
struct Taken {
    launcher: Memory,
    keeper: Memory,
    database: u64,
    relayed: u64,
    logged: u64,
    kept: usize,
    recorded: u64,
}

pub(super) fn prove(bench: &Bench<'_>) -> Result<Verdict> {
    let much = bench.extent.of(64 * MIB, 1024 * MIB);
    let little = Taken::by_writing(bench, LITTLE)?;
    let taken = Taken::by_writing(bench, much)?;
    let mut verdict = Verdict::table(&["written", "launcher", "keeper", "database", "kept", "log"]);
    for (bytes, taken) in [(LITTLE, &little), (much, &taken)] {
        verdict.row([
            format!("{} KiB", bytes / 1024),
            format!("{} KiB", taken.launcher.peak),
            format!("{} KiB", taken.keeper.peak),
            format!("{} KiB", taken.database / 1024),
            format!("{} B", taken.kept),
            format!("{} KiB", taken.logged / 1024),
        ]);
    }
    verdict.note("launcher and keeper: the most memory that was resident; kept: in the database");
    for (what, little, much) in [
        (
            "the launcher's memory",
            little.launcher.peak,
            taken.launcher.peak,
        ),
        ("the keeper's memory", little.keeper.peak, taken.keeper.peak),
        (
            "the database",
            little.database / 1024,
            taken.database / 1024,
        ),
    ] {
        if much > little + NOISE {
            verdict.broken(format!("{what} grew from {little} KiB to {much} KiB"));
        }
    }
    for (what, count) in [
        ("relayed", taken.relayed),
        ("in the log", taken.logged),
        ("recorded", taken.recorded),
    ] {
        if count != much {
            verdict.broken(format!("{count} bytes of {much} are {what}"));
        }
    }
    if taken.kept > KEPT {
        verdict.broken(format!("{} characters are in the database", taken.kept));
    }
    Ok(verdict)
}

impl Taken {
    fn by_writing(bench: &Bench<'_>, bytes: u64) -> Result<Self> {
        let place = Place::make(bench)?;
        let run = place.hostledger().args("run --");
        let run = run.words(place.offspring(&["write", &bytes.to_string()]));
        let mut run = run.start(Stdio::null(), Stdio::piped(), Stdio::inherit())?;
        let launcher = run.id().cast_signed();
        let mut taken = Self::default();
        let mut keeper: Option<Held> = None;
        let mut stdout = run.stdout.take().context("its output is piped")?;
        let mut block = vec![0; 256 * 1024];
        loop {
            let read = stdout.read(&mut block)?;
            taken.relayed += read as u64;
            if keeper.is_none() {
                keeper = Held::keeper_of(launcher);
            }
            // The peak is the kernel's own: it is enough to look now and then.
            taken.launcher = Memory::of(launcher).unwrap_or(taken.launcher);
            let held = keeper.as_ref().and_then(|it| Memory::of(it.pid()));
            taken.keeper = held.unwrap_or(taken.keeper);
            if read == 0 {
                break;
            }
        }
        run.wait()?;
        taken.look(&place)?;
        Ok(taken)
    }

    /// What is left on disk.
    fn look(&mut self, place: &Place<'_>) -> Result<()> {
        for name in ["ledger.sqlite3", "ledger.sqlite3-wal"] {
            self.database += fs::metadata(place.data().join(name)).map_or(0, |file| file.len());
        }
        let records = place.records()?;
        let record = records.first().context("the program is recorded")?;
        self.recorded = record.0["stdout_bytes"].as_u64().unwrap_or(0);
        for file in fs::read_dir(place.data().join("processes"))? {
            let file = file?;
            if file.file_name().to_string_lossy().ends_with(".stdout.log") {
                self.logged += file.metadata()?.len();
            }
            fs::remove_file(file.path())?;
        }
        // Without its log, what the record has of it.
        let kept = place.hostledger().args("logs --stdout").arg(record.id());
        self.kept = String::from_utf8_lossy(&kept.output()?).chars().count();
        Ok(())
    }
}
