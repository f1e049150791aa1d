//! Starting a program: written down first, then started.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{Ordering, fence};

use hostledger_sys::{CloneWay, ConcurrentSpawn, Report, SpawnError, Stage, Starting};
use rustix::io::Errno;

use super::{Run, clock, slots};
use crate::protocol::{FAILED, LAUNCH_FDS, LaunchMessage, NONE, STARTED};
use crate::table::entry::State;
use crate::table::layout::{Field, Head, SLOT_WORDS, SlotWords};

impl Run {
    /// Starts a program, has it wait for its turn, or tells why not.
    pub(super) fn launch_or_wait(
        &mut self,
        message: LaunchMessage,
        descriptors: [OwnedFd; LAUNCH_FDS],
    ) {
        if message.waits() {
            if let Err((message, _)) = self.turns.add((message, descriptors)) {
                self.owed.give_back(message.id);
            }
        } else if message.is_late(clock::since_boot()) {
            self.owed.give_back(message.id);
        } else {
            self.launch(&message, descriptors);
        }
        self.launch_waiting();
    }

    /// Starts those whose turn it is; gives back those that were recalled or have waited too long.
    pub(super) fn launch_waiting(&mut self) {
        let now = clock::since_boot();
        while self.owed.has_room_for_refusals()
            && let Some((message, _)) = self.turns.take_recalled(now)
        {
            self.owed.give_back(message.id);
        }
        while self.has_room()
            && let Some((message, descriptors)) = self.turns.next(now)
        {
            // Looked at now: it may have gone since we woke up, and for nobody nothing is started.
            if !self.is_launcher_alive() {
                return self.turns.close();
            }
            self.launch(&message, descriptors);
        }
    }

    /// Tells the launcher; of a program that had its turn not at once, as long as enough others
    /// wait for theirs.
    pub(super) fn tell(&mut self, slot: usize, kind: u64, had_turn: bool) {
        if had_turn && !self.turns.run_low() {
            self.owed.tell_soon(slot, kind, clock::now());
        } else {
            self.owed.tell(slot, kind);
        }
    }

    fn launch(&mut self, message: &LaunchMessage, descriptors: [OwnedFd; LAUNCH_FDS]) {
        let slot = match slots::find_free(self.map, self.file) {
            Ok(slot) => slot,
            Err(errno) => return self.owed.refuse(message.id, errno),
        };
        let Some(words) = self.map.slot(slot) else {
            return self.owed.refuse(message.id, Errno::NOSPC);
        };
        write_down(words, message);
        // Whoever seals the table looks for what is starting afterwards: either the entry is
        // seen, or the seal is.
        fence(Ordering::SeqCst);
        if self.map.load(Head::Sealed) != 0 {
            words.store(Field::State, State::Free.word());
            return self.owed.refuse(message.id, Errno::CANCELED);
        }
        match self.start(slot, words, &descriptors) {
            Ok(starting) => self.keep_account(slot, words, message, starting, descriptors),
            Err(error) => {
                words.store(Field::Failure, error.to_word());
                words.store(Field::State, State::Failed.word());
                self.owed.tell(slot, FAILED);
            }
        }
    }

    /// Says that the programs run that have been executed meanwhile.
    pub(super) fn note_started(&mut self) {
        while let Some(slot) = self.starts.take_over(&mut self.rooms) {
            let had_turn = self.turns.has_begun(slot);
            self.started(slot, had_turn);
        }
    }

    /// A start is over. If it failed, the end of the child will say so.
    pub(super) fn started(&mut self, slot: usize, had_turn: bool) {
        let Some(words) = self.map.slot(slot) else {
            return;
        };
        if words.load(Field::Failure) == 0 {
            words.store(Field::State, State::Running.word());
            self.tell(slot, STARTED, had_turn);
        }
    }

    fn start(
        &mut self,
        slot: usize,
        words: SlotWords<'static>,
        descriptors: &[OwnedFd; LAUNCH_FDS],
    ) -> Result<Starting, SpawnError> {
        match self.try_start(slot, words, descriptors) {
            // A filter that refuses the call does so for good.
            Err(SpawnError {
                stage: Stage::Clone,
                source: Errno::NOSYS | Errno::PERM,
            }) if self.way == CloneWay::Concurrent => {
                self.way = CloneWay::Suspended;
                self.try_start(slot, words, descriptors)
            }
            done => done,
        }
    }

    fn try_start(
        &mut self,
        slot: usize,
        words: SlotWords<'static>,
        [block, stdin, stdout, stderr]: &[OwnedFd; LAUNCH_FDS],
    ) -> Result<Starting, SpawnError> {
        let block = self
            .rooms
            .load(block, &self.inherited)
            .map_err(|source| SpawnError {
                stage: Stage::Block,
                source,
            })?;
        words.store(Field::Tag, block.tag());
        let group = self.groups.assign(slot, words);
        let starting = ConcurrentSpawn {
            block,
            stdio: [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()],
            group,
            // We were executed with all at their defaults, and set none. Only clone3 sees to
            // what others who were loaded with us may have set.
            default_actions: self.way == CloneWay::Concurrent,
            report: Report {
                pid: words.word(Field::Pid),
                start_ticks: words.word(Field::StartTicks),
                pidfd_inode: words.word(Field::PidfdInode),
                failure: words.word(Field::Failure),
            },
        }
        .start(self.way);
        if !starting.as_ref().is_ok_and(Starting::is_grouped) {
            words.store(Field::GroupName, 0);
        }
        starting
    }

    fn keep_account(
        &mut self,
        slot: usize,
        words: SlotWords<'_>,
        message: &LaunchMessage,
        starting: Starting,
        [_, _, stdout, stderr]: [OwnedFd; LAUNCH_FDS],
    ) {
        let pidfd = starting.pidfd();
        self.live.add(pidfd.pid(), slot);
        if message.waits() {
            self.turns.begin(slot);
        }
        if message.timeout != NONE {
            let deadline = clock::now().saturating_add(message.timeout);
            words.store(Field::Deadline, deadline.max(1));
        }
        if message.max_log_bytes != NONE {
            let now = clock::now();
            self.logs
                .keep(slot, [stdout, stderr], message.max_log_bytes, now);
        }
        self.starts.add(slot, starting);
    }
}

/// Everything but what belongs to the slot's group, which outlives its processes.
fn write_down(words: SlotWords<'_>, message: &LaunchMessage) {
    let kept = [Field::State, Field::Group, Field::GroupGeneration].map(|field| field as usize);
    for index in (0..SLOT_WORDS).filter(|index| !kept.contains(index)) {
        words.0[index].store(0, Ordering::Relaxed);
    }
    for (field, value) in [
        (Field::IdHigh, message.id.0),
        (Field::IdLow, message.id.1),
        (Field::Attempt, message.attempt),
        (Field::KillMode, message.kill_mode),
        (Field::Grace, message.grace),
        (Field::State, State::Starting.word()),
    ] {
        words.store(field, value);
    }
}
