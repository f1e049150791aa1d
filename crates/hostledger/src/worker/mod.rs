//! Working off what is queued.

mod binaries;
mod known;
mod orders;
mod programs;
mod trouble;

use std::num::NonZeroUsize;
use std::sync::mpsc::{Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use hostledger_engine::{AtEnd, Ended, StoreQueue, WorkCounts, WorkPlan, WorkWatch};
use hostledger_install::Providers;
use hostledger_model::Process;
use hostledger_process::Signal;

pub(crate) use self::binaries::BinaryWork;
use self::orders::{LedgerOrders, our_environment};
use self::programs::{KnowingQueue, Programs};
use self::trouble::Trouble;
use crate::ledger::{Supervision, WithKeeper};
use crate::stop::stop_request;
use crate::{BinaryCheck, Ledger, LedgerError};

/// Between SIGTERM and SIGKILL of what is stopped with its worker.
const GRACE: TimeDelta = TimeDelta::seconds(5);

/// Longer than a keeper holds what it was handed ahead.
const SHORTEST_SLACK: TimeDelta = TimeDelta::seconds(6);

/// What becomes of what runs when its worker is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnExit {
    /// It goes on under its keeper, marked as detached; how it ended is written down by whoever
    /// opens the ledger next.
    #[default]
    Leave,
    /// It is stopped by its kill mode: SIGTERM, and after 5 seconds SIGKILL.
    Stop,
}

/// How what is queued is to be worked off; see [`Ledger::worker`].
#[derive(Clone)]
#[must_use = "nothing is started before `start` or `run`"]
pub struct WorkerBuilder {
    ledger: Ledger,
    jobs: usize,
    once: bool,
    on_exit: OnExit,
    ended: Option<Ended>,
    changed: Option<Sender<BinaryCheck>>,
    lease_slack: Option<TimeDelta>,
    trouble: Option<Sender<LedgerError>>,
    providers: Arc<Providers>,
}

/// A worker: takes on what is due and runs it, several at a time.
///
/// Dropped, it goes on in the background, for as long as the ledger is open.
pub struct Worker {
    supervision: Arc<Supervision>,
    watch: Arc<WorkWatch>,
    on_exit: OnExit,
    binaries: Arc<BinaryWork>,
}

impl Ledger {
    /// A worker for what is queued on this machine, and for binaries that are asked for: by default
    /// as many processes at a time as there are cores, until it is stopped.
    ///
    /// What is due is taken on in the order of its `retry_at`, creation and id; however many
    /// workers share a ledger, each process is run by one. Failures are tried again as their rows
    /// ask for. What a worker that has died left behind is taken over.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let ledger = hostledger::Ledger::open(directory.path().join("ledger"))?;
    /// for number in 0..3 {
    ///     ledger.command("echo").arg(number.to_string()).create()?;
    /// }
    /// let counts = ledger.worker().jobs(2).once().run()?;
    /// assert_eq!((counts.succeeded, counts.failed), (3, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn worker(&self) -> WorkerBuilder {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        WorkerBuilder {
            ledger: self.clone(),
            jobs: cores,
            once: false,
            on_exit: OnExit::default(),
            ended: None,
            changed: None,
            lease_slack: None,
            trouble: None,
            providers: Arc::default(),
        }
    }
}

impl WorkerBuilder {
    /// Says how many run at once, at least 1.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// Has it end when nothing is due and nothing that it started or took over runs. What is due
    /// later stays queued.
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Says what becomes of what runs when it is stopped; it is left unless you say so.
    pub fn on_exit(mut self, on_exit: OnExit) -> Self {
        self.on_exit = on_exit;
        self
    }

    /// Has each process that has ended for good told to a channel, as it ends, with up to 64 KiB of
    /// each of its outputs. The channel closes when the work is over.
    ///
    /// The work does not wait for whoever receives: an end that the channel has no room for is not
    /// told, but [counted](WorkCounts::untold); its row is there all the same. So the channel needs
    /// room for all that ends while nobody receives.
    pub fn tell_ended(mut self, listener: SyncSender<Process>) -> Self {
        self.ended = Some(Ended::new(listener, true));
        self
    }

    /// The same, without the outputs: what waits in the channel takes little memory.
    pub fn tell_ended_without_output(mut self, listener: SyncSender<Process>) -> Self {
        self.ended = Some(Ended::new(listener, false));
        self
    }

    /// Has programs told to a channel that have changed since they were installed and are started
    /// all the same, each change once. A ledger that is [strict](crate::LedgerOptions::strict)
    /// does not start them: their processes say why.
    pub fn tell_changed(mut self, changed: Sender<BinaryCheck>) -> Self {
        self.changed = Some(changed);
        self
    }

    /// Says for how long beyond its timeout what it has claimed and not started stays its own, should
    /// it be stopped and not notice; 30 seconds unless you say so, and never less than 6.
    pub fn lease_slack(mut self, slack: TimeDelta) -> Self {
        self.lease_slack = Some(slack.max(SHORTEST_SLACK));
        self
    }

    /// Has it told to a channel why what is due cannot be taken on, when that goes on for a while:
    /// each trouble once. It is tried again whatever it is.
    pub fn tell_trouble(mut self, trouble: Sender<LedgerError>) -> Self {
        self.trouble = Some(trouble);
        self
    }

    /// Has these providers install what is asked for, instead of the built-in ones.
    pub fn installing_by(mut self, providers: Providers) -> Self {
        self.providers = Arc::new(providers);
        self
    }

    /// Begins, in the background. One worker at a time for each open ledger.
    ///
    /// # Errors
    /// The worker before is not done, supervision cannot begin, or the database cannot be used: it
    /// may not be written, say.
    pub fn start(self) -> Result<Worker, LedgerError> {
        let ledger = &self.ledger;
        let data_dir = ledger.writable_data_dir()?.clone();
        ledger.store().may_write()?;
        let machine = ledger.current_machine()?.id;
        let supervision = ledger.supervision(WithKeeper::Now)?;
        let (store, owner) = (ledger.shared_store(), supervision.owner());
        let mut queue = StoreQueue::open(Arc::clone(&store), machine, owner)?;
        if let Some(slack) = self.lease_slack {
            queue = queue.slack(slack);
        }
        let programs = Arc::new(Programs {
            store,
            machine,
            owner,
            digests: Arc::clone(&ledger.inner.digests),
            strict: ledger.inner.strict,
            environment: our_environment(),
            known: Mutex::default(),
        });
        let orders = LedgerOrders {
            data_dir,
            guard: ledger.guard()?,
            programs: Arc::clone(&programs),
            changed: self.changed,
            told: Mutex::default(),
        };
        let queue = KnowingQueue::begin(queue, programs, Trouble::new(self.trouble))
            .map_err(LedgerError::Thread)?;
        // Before anything is started that would have to be left at once.
        let binaries = Arc::new(BinaryWork::start(ledger, self.providers, self.jobs)?);
        let begun = supervision.engine.work(WorkPlan {
            heir: Some(ledger.bystander()?),
            queue: Box::new(queue),
            orders: Box::new(orders),
            jobs: self.jobs,
            once: self.once,
            ended: self.ended,
        });
        let watch = begun.inspect_err(|_| {
            binaries.stop();
            binaries.finish();
        })?;
        *ledger.lock(&ledger.inner.binary_work) = Some(Arc::clone(&binaries));
        Ok(Worker {
            supervision,
            watch,
            on_exit: self.on_exit,
            binaries,
        })
    }

    /// Works until it is done, which is never unless [`once`](Self::once) was asked for.
    ///
    /// # Errors
    /// It could not begin.
    pub fn run(self) -> Result<WorkCounts, LedgerError> {
        Ok(self.start()?.wait())
    }
}

impl Worker {
    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> WorkCounts {
        self.watch.counts()
    }

    /// Waits until it is done, or was stopped and everything is written down.
    #[must_use]
    pub fn wait(&self) -> WorkCounts {
        loop {
            if let Some(counts) = self.wait_timeout(Duration::MAX) {
                return counts;
            }
        }
    }

    /// The same; none when `timeout` has passed before.
    #[must_use]
    pub fn wait_timeout(&self, timeout: Duration) -> Option<WorkCounts> {
        let counts = self.watch.wait(Some(timeout))?;
        // What is under way is waited for, however long that takes: it has a limit of its own.
        self.binaries.finish();
        Some(counts)
    }

    /// Stops it: it takes on nothing more, gives back what it has not started, and leaves or
    /// stops what runs. [`wait`](Self::wait) tells when that is done.
    pub fn stop(&self) {
        self.binaries.stop();
        self.supervision.engine.end_work(match self.on_exit {
            OnExit::Leave => AtEnd::Leave,
            OnExit::Stop => AtEnd::Stop {
                request: stop_request(Signal::TERM),
                grace: GRACE,
            },
        });
    }

    /// Waits until the counts are others than `seen`; none when the work is over.
    #[must_use]
    pub fn wait_changed(&self, seen: &WorkCounts) -> Option<WorkCounts> {
        self.watch.wait_changed(seen)
    }
}
