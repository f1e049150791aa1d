//! The launcher's side: asking a keeper, and hearing from it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use hostledger_model::{KillMode, ProcessId};
use hostledger_sys::{Credentials, LaunchBlock, Pidfd, SpawnError, reap};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use crate::protocol::{
    ENDED, FAILED, LAUNCH_FDS, LaunchMessage, MOST_NEWS, MOST_WAITING, NEWS_BYTES, NONE, News,
    REFUSED, REQUEST_WORDS, RETURNED, STARTED, limit, recall, to_bytes,
};
use crate::run::{now, since_boot};
use crate::table::entry::{Slot, State, id_of, kill_mode_word};
use crate::table::layout::Field;
use crate::{KeeperError, Table};

/// A keeper of ours. When this is dropped it takes us for gone, and goes on without us.
#[derive(Debug)]
pub struct Keeper {
    socket: OwnedFd,
    table: Table,
    pidfd: Pidfd,
    /// Who we acted as when it was started, which it goes on acting as.
    credentials: Credentials,
    /// Requests for which the socket had no room.
    waiting: VecDeque<Waiting>,
    gone: bool,
    told_of_death: bool,
}

#[derive(Debug)]
struct Waiting {
    words: [u64; REQUEST_WORDS],
    descriptors: Vec<OwnedFd>,
}

/// A program to start. What a keeper is asked to start it starts once.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Whose process it will be.
    pub id: ProcessId,
    /// Which attempt at it.
    pub attempt: u32,
    /// What to start.
    pub block: &'a LaunchBlock,
    /// What it gets as descriptors 0, 1 and 2.
    pub stdio: [BorrowedFd<'a>; 3],
    /// How long it may run. The keeper sees to it when we are gone, and not before.
    pub timeout: Option<Duration>,
    /// How long it then has between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// What that reaches.
    pub kill_mode: KillMode,
    /// How large its stdout and stderr may grow, if those are log files that are only appended
    /// to.
    pub max_log_bytes: Option<u64>,
    /// It waits for its turn until fewer than this many of those that wait so run: no more than
    /// [`Keeper::MOST_WAITING`] can wait. `None` to start it without a wait.
    pub at_once: Option<u32>,
    /// What is not started by then is given back ([`Event::Returned`]), however late the keeper
    /// hears of it.
    pub start_by: Option<SinceBoot>,
}

/// A moment, by the clock that goes on while the machine sleeps and that nobody sets
/// (`CLOCK_BOOTTIME`, clock_gettime(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SinceBoot(u64);

impl SinceBoot {
    /// The moment that comes after so much time.
    #[must_use]
    pub fn after(span: Duration) -> Self {
        Self(since_boot().saturating_add(nanos(span)).min(NONE - 1))
    }
}

/// What a keeper has to tell. Details are in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The program has been executed.
    Started {
        /// Whose.
        id: ProcessId,
        /// Where it stands.
        slot: Slot,
    },
    /// The program could not be executed, and nothing is left of the attempt.
    Failed {
        /// Whose.
        id: ProcessId,
        /// Where it stands, until released.
        slot: Slot,
        /// What failed.
        error: SpawnError,
    },
    /// It has ended, and its end is in the table.
    Ended {
        /// Whose.
        id: ProcessId,
        /// Where it stands, until released.
        slot: Slot,
    },
    /// The keeper could not take the request on: there is no entry, and nothing runs.
    Refused {
        /// Whose.
        id: ProcessId,
        /// `ECANCELED` when the table is sealed; `ENOSPC` and the like when it cannot grow.
        reason: Errno,
    },
    /// It waited for its turn and was recalled, it had no place, or it was too late: nothing runs.
    Returned {
        /// Whose.
        id: ProcessId,
    },
    /// The keeper is gone. What it had started is in its table, and is ours if we are a
    /// subreaper; a request that has no entry there was never begun.
    Died,
}

impl Keeper {
    /// As many programs can wait for their turn.
    pub const MOST_WAITING: usize = MOST_WAITING;

    pub(crate) fn new(
        socket: OwnedFd,
        table: Table,
        pidfd: Pidfd,
        credentials: Credentials,
    ) -> Self {
        Self {
            socket,
            table,
            pidfd,
            credentials,
            waiting: VecDeque::new(),
            gone: false,
            told_of_death: false,
        }
    }

    /// Asks for a program to be started; does not wait for it.
    ///
    /// # Errors
    /// [`KeeperError::CredentialsChanged`], [`KeeperError::Gone`]; [`KeeperError::Send`] when
    /// descriptors run out. Nothing is started then.
    pub fn launch(&mut self, request: &Request<'_>) -> Result<(), KeeperError> {
        if self.gone {
            return Err(KeeperError::Gone);
        }
        if *request.block.credentials() != self.credentials {
            return Err(KeeperError::CredentialsChanged);
        }
        self.send_waiting();
        let words = message(request).to_words();
        let [stdin, stdout, stderr] = request.stdio;
        let descriptors = [request.block.as_fd(), stdin, stdout, stderr];
        if self.waiting.is_empty() {
            match send(&self.socket, &words, &descriptors) {
                Err(errno) if is_full(errno) => {}
                done => return sent(done),
            }
        }
        let copies = descriptors.iter().map(BorrowedFd::try_clone_to_owned);
        let descriptors = copies.collect::<io::Result<_>>();
        let descriptors = descriptors.map_err(|source| KeeperError::Send { source })?;
        self.waiting.push_back(Waiting { words, descriptors });
        Ok(())
    }

    /// Asks for all that wait for their turn: each is told as [`Event::Returned`], unless it had
    /// its turn before the keeper heard of this.
    pub fn recall(&mut self) {
        self.waiting.push_back(Waiting {
            words: recall(),
            descriptors: Vec::new(),
        });
        self.send_waiting();
    }

    /// Says how many of those that wait for their turn may run at once from now on, whatever the
    /// requests before have said.
    pub fn limit(&mut self, at_once: u32) {
        self.waiting.push_back(Waiting {
            words: limit(at_once.into()),
            descriptors: Vec::new(),
        });
        self.send_waiting();
    }

    /// Says that the end or failure in a slot is written down: it may be used again.
    pub fn release(&mut self, slot: Slot) {
        if let Some(words) = self.table.words(slot) {
            for state in [State::Ended, State::Failed, State::Settled] {
                words.exchange(Field::State, state.word(), State::Free.word());
            }
        }
    }

    /// Says when SIGKILL is due for a process that is being stopped, in case we die before;
    /// `None` takes it back.
    pub fn escalate(&mut self, slot: Slot, kill_after: Option<Duration>) {
        let at = kill_after.map_or(0, |after| now().saturating_add(nanos(after)).max(1));
        if let Some(words) = self.table.words(slot) {
            words.store(Field::KillAt, at);
        }
    }

    /// What has happened since it was last asked, in order; does not block.
    #[must_use]
    pub fn take_events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while !self.gone && self.receive(&mut events) {}
        if !self.gone {
            self.send_waiting();
        }
        if self.gone && !self.told_of_death {
            self.told_of_death = true;
            self.waiting.clear();
            self.reap();
            events.push(Event::Died);
        }
        events
    }

    /// Whether requests wait for room. When it was others who took it, nothing tells that there is
    /// some again: [`take_events`](Self::take_events) is to be called again in a moment.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.gone && !self.waiting.is_empty()
    }

    /// Its table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The keeper itself: a child of ours, which is reaped when its death is told.
    #[must_use]
    pub fn pidfd(&self) -> &Pidfd {
        &self.pidfd
    }

    /// Takes one message; false when there is none.
    fn receive(&mut self, events: &mut Vec<Event>) -> bool {
        let mut buffer = [0; MOST_NEWS * NEWS_BYTES];
        match rustix::net::recv(&self.socket, &mut buffer, RecvFlags::DONTWAIT) {
            Ok((0, _)) => self.gone = true,
            Ok((length, _)) => {
                let news = buffer.get(..length).unwrap_or_default();
                let news = news.chunks_exact(NEWS_BYTES).filter_map(News::of_bytes);
                events.extend(news.filter_map(|news| self.event(news)));
            }
            // It died with requests unread: that is told once, before what it had still sent.
            Err(Errno::INTR | Errno::CONNRESET) => {}
            // Nothing is there, or not to be had now; what is there stays there.
            Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM) => return false,
            // What a connected socket does not say (recv(2)): then the keeper itself is asked.
            Err(_) => {
                self.gone = !matches!(self.pidfd.wait_ended(Some(Duration::ZERO)), Ok(false));
                return false;
            }
        }
        !self.gone
    }

    fn event(&self, news: News) -> Option<Event> {
        let id = id_of(news.id.0, news.id.1);
        let slot = Slot(news.slot);
        match news.kind {
            STARTED => Some(Event::Started { id, slot }),
            ENDED => Some(Event::Ended { id, slot }),
            FAILED => {
                let failure = self.table.words(slot)?.load(Field::Failure);
                let error = SpawnError::from_word(failure)?;
                Some(Event::Failed { id, slot, error })
            }
            REFUSED => {
                let reason = Errno::from_raw_os_error(news.errno.cast_signed());
                Some(Event::Refused { id, reason })
            }
            RETURNED => Some(Event::Returned { id }),
            _ => None,
        }
    }

    /// Sends what waited for room, as long as there is some. What cannot be sent now waits on: if
    /// the keeper is gone, that is told by what is received.
    fn send_waiting(&mut self) {
        while let Some(first) = self.waiting.front() {
            let descriptors: Vec<_> = first.descriptors.iter().map(AsFd::as_fd).collect();
            if send(&self.socket, &first.words, &descriptors).is_err() {
                break;
            }
            self.waiting.pop_front();
        }
    }

    fn reap(&self) {
        /// Between closing its end of the socket and being a zombie it only frees memory.
        const ENDING: Duration = Duration::from_secs(10);
        // Nothing to do about an error: an unreaped keeper is a zombie until we end.
        if self.pidfd.wait_ended(Some(ENDING)).is_ok() {
            drop(reap(&self.pidfd));
        }
    }
}

/// Readable when [`Keeper::take_events`] has something to tell.
impl AsFd for Keeper {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn sent(done: Result<(), Errno>) -> Result<(), KeeperError> {
    done.map_err(|errno| match errno {
        // Its last events may still be there: `take_events` finds out.
        Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN => KeeperError::Gone,
        errno => KeeperError::Send {
            source: errno.into(),
        },
    })
}

/// The socket's buffer is full, memory is short, or too many descriptors of this user are on their
/// way, whoever has sent them (unix(7)).
fn is_full(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM | Errno::TOOMANYREFS
    )
}

fn message(request: &Request<'_>) -> LaunchMessage {
    LaunchMessage {
        id: request.id.uuid().as_u64_pair(),
        attempt: u64::from(request.attempt),
        timeout: request.timeout.map_or(NONE, nanos),
        grace: nanos(request.grace),
        kill_mode: kill_mode_word(request.kill_mode),
        max_log_bytes: request.max_log_bytes.unwrap_or(NONE),
        at_once: request.at_once.map_or(NONE, u64::from),
        start_by: request.start_by.map_or(NONE, |it| it.0),
    }
}

/// Sends one message, without blocking and without a SIGPIPE.
pub(crate) fn send(
    socket: &OwnedFd,
    words: &[u64; REQUEST_WORDS],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    let bytes = to_bytes(words);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(LAUNCH_FDS))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !rights.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Errno::INVAL);
    }
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    loop {
        match rustix::net::sendmsg(socket, &[IoSlice::new(&bytes)], &mut rights, flags) {
            Err(Errno::INTR) => {}
            sent => return sent.map(drop),
        }
    }
}

/// As much as a clock of 64-bit nanoseconds can hold, which is 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).map_or(NONE - 1, |nanos| nanos.min(NONE - 1))
}
