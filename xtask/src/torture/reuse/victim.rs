//! A recorded process whose end nobody has written down.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use super::namespace::reap;
use crate::held::Held;
use crate::torture::place::Place;
use crate::torture::records::Record;
use crate::waiting::{LONG, within};

/// It has ended, and its pid is free.
#[derive(Debug)]
pub(super) struct Victim {
    pub(super) id: String,
    pub(super) pid: i32,
    /// When it started, in clock ticks since boot (proc_pid_stat(5), field 22).
    pub(super) ticks: u64,
}

impl Victim {
    /// Was recorded as running; then its keeper and it were killed.
    pub(super) fn ended_later(place: &Place<'_>) -> Result<Self> {
        let run = place.hostledger().args("run --detach --");
        let id = run.words(place.offspring(&["lead"])).output()?;
        let id = String::from_utf8(id)?.trim().to_owned();
        let running = place.running()?;
        let record = running.iter().find(|it| it.id() == id);
        let pid = record.and_then(Record::pid).context("it runs")?;
        let ticks = ticks_of(pid).context("it runs")?;
        let victim = Held::open(pid).context("it runs")?;
        let keeper = Held::keeper_above(pid).context("what is detached has a keeper")?;
        keeper.kill()?;
        reap(keeper.pid())?;
        victim.kill()?;
        reap(pid)?;
        Ok(Self { id, pid, ticks })
    }

    /// Killed its keeper and its launcher as its first act, and ended.
    pub(super) fn ended_at_once(place: &Place<'_>, file: &Path) -> Result<Self> {
        let shown = file.display().to_string();
        let run = place.hostledger().args("run --");
        let run = run.words(place.offspring(&["betray", &shown]));
        let mut run = run.start(Stdio::null(), Stdio::null(), Stdio::inherit())?;
        run.wait()?;
        let mut said = String::new();
        within(LONG, || {
            said = fs::read_to_string(file).unwrap_or_default();
            said.ends_with('\n')
        });
        let (pid, ticks) = said.trim().split_once(' ').context("it says who it was")?;
        let pid = pid.parse()?;
        reap(pid)?;
        Ok(Self {
            // Looked up when there is time for it.
            id: String::new(),
            pid,
            ticks: ticks.parse()?,
        })
    }

    /// The id of its record, by the file that its command names.
    pub(super) fn look_up(&mut self, place: &Place<'_>, file: &Path) -> Result<()> {
        if self.id.is_empty() {
            let file = file.display().to_string();
            let records = place.records()?;
            let mut records = records.iter();
            let record = records.find(|it| it.command().last() == Some(&file.as_str()));
            record
                .context("it is recorded")?
                .id()
                .clone_into(&mut self.id);
        }
        Ok(())
    }
}

/// The start of a process.
pub(super) fn ticks_of(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = stat.rsplit_once(") ")?;
    behind_name.split(' ').nth(19)?.parse().ok()
}

/// Its state, by a letter.
pub(super) fn state_of(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
