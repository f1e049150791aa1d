//! What a slot says, read at one moment.

use std::path::PathBuf;

use hostledger_model::{KillMode, Pid, ProcessId, ResourceUsage, StartTicks, Timestamp};
use hostledger_sys::{EndStatus, Signal, SpawnError};
use uuid::Uuid;

use super::layout::{Field, SlotWords};

/// A place in a table; used again once it has been released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(crate) u32);

impl Slot {
    /// Its number, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// How far a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody's.
    Free,
    /// About to be started or being started: it has an id, and a pid as soon as it exists.
    Starting,
    /// Its program has been executed.
    Running,
    /// It has ended; its end is here.
    Ended,
    /// Its program could not be executed.
    Failed,
    /// Ended or failed, and written down elsewhere by who took over.
    Settled,
}

impl State {
    const ALL: [Self; 6] = [
        Self::Free,
        Self::Starting,
        Self::Running,
        Self::Ended,
        Self::Failed,
        Self::Settled,
    ];

    pub(crate) fn word(self) -> u64 {
        self as u64
    }

    pub(crate) fn of_word(word: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(word).ok()?).copied()
    }
}

/// One process of a keeper.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it stands.
    pub slot: Slot,
    /// How far it is.
    pub state: State,
    /// Whose it is.
    pub id: ProcessId,
    /// Which attempt at it.
    pub attempt: u32,
    /// `None` before it exists. The kernel writes it before the process runs, so a process
    /// whose entry has none does not run.
    pub pid: Option<Pid>,
    /// `None` before it is about to execute its program.
    pub start_ticks: Option<StartTicks>,
    /// `None` where the kernel has no pidfs, and for a moment after the start.
    pub pidfd_inode: Option<u64>,
    /// The soft `RLIMIT_LOCKS` of all that descends from it, if it could be set.
    pub tag: Option<u64>,
    /// Why the program could not be executed.
    pub failure: Option<SpawnError>,
    /// How it ended; [`Torn`] when the record is damaged.
    pub end: Option<Result<End, Torn>>,
    /// When the keeper itself began to stop it, as its time was over, and with what.
    pub stop: Option<(Timestamp, i32)>,
    /// What a stop reaches.
    pub kill_mode: KillMode,
    /// The directory of its cgroup.
    pub group: Option<PathBuf>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Code or signal.
    pub status: EndStatus,
    /// When the keeper saw it.
    pub at: Timestamp,
    /// What it and the children it waited for used.
    pub usage: ResourceUsage,
    /// How many bytes the bound of the logs has removed, from stdout and stderr.
    pub dropped: [u64; 2],
    /// Whether stdout and stderr are known to have been empty then.
    pub empty: [bool; 2],
}

/// A record that was not written to its end, or changed afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record of the end does not agree with its checksum")]
pub struct Torn;

const KILL_MODES: [KillMode; 3] = [KillMode::Tree, KillMode::Group, KillMode::Process];

pub(crate) fn kill_mode_word(mode: KillMode) -> u64 {
    let found = (0..).zip(KILL_MODES).find(|(_, known)| *known == mode);
    found.map_or(0, |(number, _)| number)
}

pub(crate) fn kill_mode_of(word: u64) -> KillMode {
    let index = usize::try_from(word).unwrap_or(0);
    KILL_MODES.get(index).copied().unwrap_or(KillMode::Tree)
}

pub(crate) fn id_of(high: u64, low: u64) -> ProcessId {
    Uuid::from_u64_pair(high, low).into()
}

impl Entry {
    /// Reads a slot; `None` when it is free. `group` makes a path of a group's generation.
    pub(super) fn read(
        slot: Slot,
        words: SlotWords<'_>,
        group: impl FnOnce(u64) -> Option<PathBuf>,
    ) -> Option<Self> {
        let state = State::of_word(words.load(Field::State))?;
        if state == State::Free {
            return None;
        }
        let some = |field| Some(words.load(field)).filter(|word| *word != 0);
        let failure = SpawnError::from_word(words.load(Field::Failure));
        let ended = state == State::Ended || (state == State::Settled && failure.is_none());
        Some(Self {
            slot,
            state,
            id: id_of(words.load(Field::IdHigh), words.load(Field::IdLow)),
            attempt: u32::try_from(words.load(Field::Attempt)).unwrap_or(u32::MAX),
            pid: pid_of(words),
            start_ticks: some(Field::StartTicks).map(StartTicks),
            pidfd_inode: some(Field::PidfdInode),
            tag: some(Field::Tag),
            failure,
            end: ended.then(|| End::read(words)),
            stop: stop_of(words),
            kill_mode: kill_mode_of(words.load(Field::KillMode)),
            group: some(Field::GroupName).and_then(group),
        })
    }
}

impl End {
    fn read(words: SlotWords<'_>) -> Result<Self, Torn> {
        if words.load(Field::Checksum) != words.checksum() {
            return Err(Torn);
        }
        let status = i32::try_from(words.load(Field::WaitStatus)).map_err(|_| Torn)?;
        let at = words.load(Field::EndAt).cast_signed();
        let load = |field| words.load(field);
        Ok(Self {
            status: EndStatus::of_wait_status(status).ok_or(Torn)?,
            at: Timestamp::from_unix_micros(at).ok_or(Torn)?,
            usage: ResourceUsage {
                cpu_user_us: load(Field::UserTime),
                cpu_system_us: load(Field::SystemTime),
                max_rss_kib: load(Field::MaxRss),
                block_inputs: load(Field::BlockInputs),
                block_outputs: load(Field::BlockOutputs),
                voluntary_switches: load(Field::VoluntarySwitches),
                involuntary_switches: load(Field::InvoluntarySwitches),
            },
            dropped: [load(Field::DroppedOut), load(Field::DroppedErr)],
            empty: [1, 2].map(|bit| load(Field::Empty) & bit != 0),
        })
    }
}

pub(crate) fn pid_of(words: SlotWords<'_>) -> Option<Pid> {
    Pid::new(i32::try_from(words.load(Field::Pid)).ok()?)
}

fn stop_of(words: SlotWords<'_>) -> Option<(Timestamp, i32)> {
    let at = Some(words.load(Field::StopAt)).filter(|at| *at != 0)?;
    let at = Timestamp::from_unix_micros(at.cast_signed())?;
    let signal = Signal::new(i32::try_from(words.load(Field::StopSignal)).ok()?)?;
    Some((at, signal.number()))
}
