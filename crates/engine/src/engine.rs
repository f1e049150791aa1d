//! The engine as others hold it.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use chrono::TimeDelta;
use hostledger_model::{MachineId, OwnerId, Process, ProcessId, StopRequest};

use crate::event_loop::EventLoop;
use crate::message::Message;
use crate::port::{Clock, LaunchOrder, ProcessBook, Spawner};
use crate::take_over::{TakeOver, TakeOverError};
use crate::waker::Waker;
use crate::watch::Watch;
use crate::work::{AtEnd, WorkPlan, WorkWatch};

/// What an engine works with.
pub struct Parts {
    /// Where changes are written.
    pub book: Box<dyn ProcessBook>,
    /// Who starts programs.
    pub spawner: Box<dyn Spawner>,
    /// What time it is.
    pub clock: Box<dyn Clock>,
    /// The host we are on.
    pub machine: MachineId,
    /// Who we are, for the rows we own.
    pub owner: OwnerId,
}

/// The engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No eventfd(2) for its wake-up.
    #[error("failed to create the wake-up of the event loop")]
    Waker(#[source] std::io::Error),
    /// No thread.
    #[error("failed to start the thread of the event loop")]
    Thread(#[source] std::io::Error),
}

/// Work off a queue cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// What is under way is not over.
    #[error("a worker of this ledger is at work already, in this program")]
    UnderWay,
    /// The deaths of others cannot be listened for.
    #[error(transparent)]
    TakeOver(#[from] TakeOverError),
}

/// Starts, supervises and stops processes, on a thread of its own.
///
/// Dropping it ends the supervision, not the processes: what has happened until then is
/// written down first.
pub struct Engine {
    owner: OwnerId,
    inbox: Mutex<Sender<Message>>,
    waker: Arc<Waker>,
    /// Of the work that was begun last.
    work: Mutex<Option<Arc<WorkWatch>>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the event loop.
    ///
    /// # Errors
    /// The kernel is out of descriptors or threads.
    pub fn start(parts: Parts) -> Result<Self, StartError> {
        let waker = Arc::new(Waker::new().map_err(StartError::Waker)?);
        let owner = parts.owner;
        let (inbox, received) = channel();
        let event_loop = EventLoop::new(parts, received, inbox.clone(), Arc::clone(&waker));
        let thread = thread::Builder::new()
            .name("hostledger-loop".to_owned())
            .spawn(|| event_loop.run())
            .map_err(StartError::Thread)?;
        Ok(Self {
            owner,
            inbox: Mutex::new(inbox),
            waker,
            work: Mutex::default(),
            thread: Some(thread),
        })
    }

    /// Starts the program of a process whose row is written and claimed by us.
    pub fn launch(&self, process: Process, order: LaunchOrder) -> Arc<Watch> {
        self.launch_watched(process, order, Watch::default())
    }

    /// The same for somebody who tries it again himself: when it has failed and has attempts left,
    /// it is queued and stays ours, to be launched here once more after [`retry_wait`].
    ///
    /// [`retry_wait`]: crate::retry_wait
    pub fn launch_kept(&self, process: Process, order: LaunchOrder) -> Arc<Watch> {
        self.launch_watched(process, order, Watch::keeping())
    }

    fn launch_watched(&self, process: Process, order: LaunchOrder, watch: Watch) -> Arc<Watch> {
        let watch = Arc::new(watch);
        let (process, order) = (Box::new(process), Arc::new(order));
        self.send(Message::Launch {
            process,
            order,
            watch: Arc::clone(&watch),
        });
        watch
    }

    /// Has a process stopped: the request is stored, then its signal is sent, and after
    /// `grace` SIGKILL. One that is not supervised here is left alone.
    pub fn stop(&self, id: ProcessId, request: StopRequest, grace: Option<TimeDelta>) {
        self.send(Message::Stop { id, request, grace });
    }

    /// Sends a signal that is no request to stop, by the process's kill mode.
    pub fn signal(&self, id: ProcessId, signal: i32) {
        self.send(Message::Signal { id, signal });
    }

    /// Works a queue off, beside whatever else is supervised: what is due is taken on and started.
    /// One at a time.
    ///
    /// # Errors
    /// What was begun before is not over, or the deaths of others cannot be listened for.
    pub fn work(&self, mut plan: WorkPlan) -> Result<Arc<WorkWatch>, WorkError> {
        let mut current = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|watch| !watch.is_over()) {
            return Err(WorkError::UnderWay);
        }
        let heir = plan.heir.take();
        let take_over = heir.map(|bystander| {
            let waker = Arc::clone(&self.waker);
            TakeOver::start(bystander, self.owner, move || waker.wake())
        });
        let watch = Arc::new(WorkWatch::default());
        self.send(Message::Work {
            plan: Box::new(plan),
            take_over: take_over.transpose()?,
            watch: Arc::clone(&watch),
        });
        *current = Some(Arc::clone(&watch));
        Ok(watch)
    }

    /// Ends the work: nothing more is taken on, what was not started is given back, and what runs
    /// is left or stopped. The watch tells when that is done.
    pub fn end_work(&self, at_end: AtEnd) {
        self.send(Message::EndWork(at_end));
    }

    fn send(&self, message: Message) {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        if inbox.send(message).is_err() {
            tracing::error!("the event loop has ended: a message was dropped");
        }
        self.waker.wake();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.send(Message::Close);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the event loop has panicked");
        }
    }
}
