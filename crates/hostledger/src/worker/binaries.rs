//! Installing what is asked for, beside the processes of a worker.

use std::collections::HashMap;
use std::error::Error;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hostledger_engine::install::{InstallError, Installer};
use hostledger_engine::{ClockSteps, OwnerWatch};
use hostledger_install::Providers;
use hostledger_model::{Binary, BinaryId, Timestamp};
use hostledger_process::Signal;
use hostledger_store::QueueWatch;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{Errno, read, write};

use crate::binary::Recorded;
use crate::ledger::Inner;
use crate::{Interruption, Ledger, LedgerError};

/// News is looked at when it comes, unless that would be all the time: a queue that is filled or
/// worked off is news too, and mostly none of ours. After a look there is a rest of so many times
/// what it took, so that looking takes 5 % of a core at most, and little of the writer's time, who is
/// asked each time whether others have written.
const REST: u32 = 20;
const SHORTEST_REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_secs(1);
/// Until what could not be read is looked at again.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

const WORK: u8 = 0;
/// What is due is installed, and that is the end.
const FINISH: u8 = 1;
/// What is under way is interrupted.
const STOP: u8 = 2;

/// Installs binaries that are due, on threads of their own, for as long as its ledger is open.
pub(crate) struct BinaryWork {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    waker: OwnedFd,
    state: AtomicU8,
    interruption: Interruption,
    /// What is no longer under way.
    done: Mutex<Vec<BinaryId>>,
}

impl BinaryWork {
    /// Begins; at most `at_once` binaries are installed at a time.
    pub(super) fn start(
        ledger: &Ledger,
        providers: Arc<Providers>,
        at_once: usize,
    ) -> Result<Self, LedgerError> {
        let installer = ledger.installer(providers)?;
        let owners = OwnerWatch::new(&installer.bystander.owners, installer.owner)
            .map_err(LedgerError::Descriptors)?;
        let steps = ClockSteps::watch().map_err(LedgerError::Descriptors)?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| LedgerError::Descriptors(errno.into()))?;
        let shared = Arc::new(Shared {
            waker,
            state: AtomicU8::new(WORK),
            interruption: Interruption::default(),
            done: Mutex::default(),
        });
        let foreman = Foreman {
            ledger: Arc::downgrade(&ledger.inner),
            news: ledger.store().watch()?,
            steps,
            shared: Arc::clone(&shared),
            installer,
            owners,
            at_once,
            under_way: HashMap::new(),
        };
        let thread = thread::Builder::new()
            .name("hostledger-binaries".to_owned())
            .spawn(|| foreman.run())
            .map_err(LedgerError::Thread)?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Waits until nothing is due and nothing under way.
    pub(super) fn finish(&self) {
        // Who was told to stop does not go on.
        let finish =
            self.shared
                .state
                .compare_exchange(WORK, FINISH, Ordering::AcqRel, Ordering::Acquire);
        tracing::debug!(?finish, "what is asked for is installed to the end");
        self.shared.wake();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread that installs has panicked");
        }
    }

    /// Interrupts what is under way; it is due again at once, for whoever comes next.
    pub(super) fn stop(&self) {
        self.shared.state.store(STOP, Ordering::Release);
        self.shared.interruption.interrupt(Signal::TERM);
        self.shared.wake();
    }
}

impl Drop for BinaryWork {
    /// Its thread may be the one that drops it, so it is not waited for.
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn wake(&self) {
        // EAGAIN: it is awake.
        if let Err(errno) = write(&self.waker, &1u64.to_ne_bytes())
            && errno != Errno::AGAIN
        {
            tracing::error!(%errno, "who installs was not woken");
        }
    }

    fn done(&self) -> MutexGuard<'_, Vec<BinaryId>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::Acquire)
    }
}

/// What the thread owns. It holds no ledger, which could never be closed otherwise.
struct Foreman {
    ledger: Weak<Inner>,
    shared: Arc<Shared>,
    installer: Installer,
    news: Box<dyn QueueWatch>,
    owners: OwnerWatch,
    steps: ClockSteps,
    at_once: usize,
    under_way: HashMap<BinaryId, JoinHandle<()>>,
}

impl Foreman {
    fn run(mut self) {
        while self.shared.state() != STOP
            && let Some(inner) = self.ledger.upgrade()
        {
            let begun = Instant::now();
            // EAGAIN: nobody has woken us.
            let _woken = read(&self.shared.waker, &mut [0; 8]);
            for id in self.shared.done().drain(..) {
                self.under_way.remove(&id);
            }
            let until = match self.take_on(&Ledger { inner }) {
                Ok(next) => next,
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::warn!(error, "what is asked for is not installed yet");
                    Some(AFTER_FAILURE)
                }
            };
            if self.shared.state() == FINISH && self.under_way.is_empty() {
                return;
            }
            let rest = (begun.elapsed() * REST).clamp(SHORTEST_REST, LONGEST_REST);
            self.wait(rest, until);
        }
        for (_, thread) in self.under_way.drain() {
            if thread.join().is_err() {
                tracing::error!("an installation has panicked");
            }
        }
    }

    /// Takes on what is due, as far as there is room; how long until something else is.
    fn take_on(&mut self, ledger: &Ledger) -> Result<Option<Duration>, LedgerError> {
        let store = &self.installer.bystander.store;
        let pending = store.pending_binaries(self.installer.bystander.machine)?;
        let now = Timestamp::now();
        let mut next: Option<TimeDelta> = None;
        for binary in pending.records {
            if self.under_way.contains_key(&binary.id) {
                continue;
            }
            let wait = binary.retry_at.map(|at| at.since(now));
            let due = wait.is_some_and(|wait| wait <= TimeDelta::zero());
            let left = binary.owner.is_some() && !self.installer.is_at_work(&binary)?;
            if !due && !left {
                next = [next, wait].into_iter().flatten().min();
            } else if self.under_way.len() < self.at_once {
                self.begin(ledger, &binary)?;
            }
        }
        Ok(next.and_then(|next| next.to_std().ok()))
    }

    fn begin(&mut self, ledger: &Ledger, binary: &Binary) -> Result<(), LedgerError> {
        let Some(claimed) = self.installer.claim(binary)? else {
            return Ok(());
        };
        let (id, ledger) = (claimed.id, ledger.clone());
        let mut installer = self.installer.clone();
        // What the machine's configuration names may have changed since the work began.
        installer.place = ledger.place()?;
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new()
            .name("hostledger-install".to_owned())
            .spawn(move || {
                let over = Over { id, shared };
                let interruption = &over.shared.interruption;
                report(id, install(&ledger, &installer, claimed, interruption));
                drop(ledger);
                drop(over);
            })
            .map_err(LedgerError::Thread)?;
        self.under_way.insert(id, thread);
        Ok(())
    }

    /// Rests, and then sleeps until something may be to be done. What comes while it rests is told
    /// then.
    fn wait(&mut self, rest: Duration, until: Option<Duration>) {
        let rest = until.map_or(rest, |until| until.min(rest));
        let waker = self.shared.waker.as_fd();
        let mut fds = [PollFd::from_borrowed_fd(waker, PollFlags::IN)];
        if poll_for(&mut fds, Some(rest)) {
            return;
        }
        let left = until.map(|until| until.saturating_sub(rest));
        // What is due at a time of day is waited for as a span, which a step of the clock changes.
        let steps = left.map_or(PollFlags::empty(), |_| PollFlags::IN);
        let mut fds = [
            PollFd::from_borrowed_fd(waker, PollFlags::IN),
            PollFd::from_borrowed_fd(self.news.readiness(), PollFlags::IN),
            PollFd::new(&self.owners, PollFlags::IN),
            PollFd::from_borrowed_fd(self.steps.as_fd(), steps),
        ];
        poll_for(&mut fds, left);
        if let Err(error) = self.steps.take() {
            tracing::warn!(%error, "nobody tells when the clock is set");
        }
        // What they tell is looked at all the same: only that they are quiet again counts.
        let _told = self.news.take();
        if let Err(error) = self.owners.take_gone() {
            tracing::warn!(%error, "nobody tells of the death of others");
        }
    }
}

/// An installation that is under way: dropped, also by a panic, it is none any more.
struct Over {
    id: BinaryId,
    shared: Arc<Shared>,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.shared.done().push(self.id);
        self.shared.wake();
    }
}

/// Whether one of them is ready before the time is up.
fn poll_for(fds: &mut [PollFd<'_>], limit: Option<Duration>) -> bool {
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    match poll(fds, limit.as_ref()) {
        Ok(ready) => ready > 0,
        Err(Errno::INTR) => false,
        Err(errno) => {
            tracing::error!(%errno, "who installs failed to wait");
            thread::sleep(LONGEST_REST);
            false
        }
    }
}

fn install(
    ledger: &Ledger,
    installer: &Installer,
    binary: Binary,
    interruption: &Interruption,
) -> Result<Binary, InstallError> {
    let runner = Recorded {
        ledger,
        interruption,
    };
    let interrupted = || interruption.signal().is_some();
    installer.drive(binary, &runner, &interrupted, &mut |_| ())
}

fn report(id: BinaryId, driven: Result<Binary, InstallError>) {
    match driven {
        Ok(binary) => {
            let (name, status, reasons) = (&binary.name, binary.status, &binary.reasons);
            tracing::info!(%id, name, %status, ?reasons, "an installation has ended");
        }
        Err(error) => {
            let error = &error as &dyn Error;
            tracing::warn!(%id, error, "an installation was broken off");
        }
    }
}
