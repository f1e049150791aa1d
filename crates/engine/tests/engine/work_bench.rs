//! Fakes of what working off a queue needs of others.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hostledger_engine::port::{
    Answered, LaunchOrder, NotStartable, Orders, OutputPlace, Queue, StdinSource,
};
use hostledger_engine::{WorkCounts, WorkError, WorkPlan, WorkWatch};
use hostledger_model::{LaunchAttributes, Process, Timestamp};
use hostledger_store::{Claimed, Claims};

use crate::bench::{Bench, LIMIT, flag, raise};

/// A queue that answers claims as a test says, and when it says so.
#[derive(Default)]
pub(crate) struct Desk {
    /// Claims that are not answered yet.
    pending: Mutex<VecDeque<(u32, Answered)>>,
    asked: Condvar,
    news: AtomicBool,
}

pub(crate) struct FakeQueue {
    desk: Arc<Desk>,
    bell: Arc<OwnedFd>,
}

impl Queue for FakeQueue {
    fn claim(&self, limit: u32, _: Timestamp, answered: Answered) {
        let mut pending = self.desk.pending.lock().unwrap();
        pending.push_back((limit, answered));
        self.desk.asked.notify_all();
    }

    fn readiness(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    fn has_news(&mut self) -> bool {
        // EAGAIN: the bell has not rung.
        let _ = rustix::io::read(&*self.bell, &mut [0; 8]);
        self.desk.news.swap(false, Ordering::SeqCst)
    }
}

impl Desk {
    /// Waits for a claim; how many it asks for at most, and where the answer goes.
    #[track_caller]
    pub(crate) fn claim(&self) -> (u32, Answered) {
        let pending = self.pending.lock().unwrap();
        let none = |pending: &mut VecDeque<_>| pending.is_empty();
        let waited = self.asked.wait_timeout_while(pending, LIMIT.unwrap(), none);
        let claim = waited.unwrap().0.pop_front();
        claim.unwrap()
    }

    pub(crate) fn is_claiming(&self) -> bool {
        !self.pending.lock().unwrap().is_empty()
    }

    /// Answers the next claim.
    #[track_caller]
    pub(crate) fn give(&self, claimed: impl IntoIterator<Item = Process>) {
        self.claim().1(Ok(claims(claimed, None)));
    }

    /// Has the next claim fail.
    #[track_caller]
    pub(crate) fn fail(&self) {
        self.claim().1(Err(Arc::new(io::Error::other("the database is gone"))));
    }
}

/// What was claimed, and when the next is due.
pub(crate) fn claims(
    claimed: impl IntoIterator<Item = Process>,
    next_due: Option<Timestamp>,
) -> Claims {
    let claimed = claimed.into_iter().map(|process| Claimed {
        due_at: process.created_at,
        process,
    });
    Claims {
        claimed: claimed.collect(),
        next_due,
        ..Claims::default()
    }
}

/// Who answers for the queue, what is told of the work, and what rings when there is news.
pub(crate) type Begun = (Arc<Desk>, Arc<WorkWatch>, Arc<OwnedFd>);

/// Orders whatever its row says, but for programs of this name.
pub(crate) struct FakeOrders;

pub(crate) const REFUSED: &str = "refused";
/// For programs of this name it is another worker's.
pub(crate) const ELSEWHERE: &str = "elsewhere";

impl Orders for FakeOrders {
    fn order(&self, process: &mut Process) -> Result<LaunchOrder, NotStartable> {
        if process.cmd[0] == ELSEWHERE {
            return Err(NotStartable::Here {
                reason: "its secrets are elsewhere".to_owned(),
            });
        }
        if process.cmd[0] == REFUSED {
            return Err(NotStartable::Ever {
                exit_code: 126,
                reason: "its secrets are gone".to_owned(),
            });
        }
        Ok(LaunchOrder {
            command: process.cmd.iter().map(Into::into).collect(),
            working_directory: PathBuf::from("/"),
            environment: Vec::new(),
            attributes: LaunchAttributes::default(),
            stdin: StdinSource::Null,
            output: OutputPlace::Terminal,
        })
    }
}

pub(crate) fn plan(queue: impl Queue + 'static, jobs: usize) -> WorkPlan {
    WorkPlan {
        queue: Box::new(queue),
        orders: Box::new(FakeOrders),
        heir: None,
        jobs,
        once: false,
        ended: None,
    }
}

impl Bench {
    /// Begins to work off a queue that a test answers for.
    pub(crate) fn work(&self, jobs: usize, change: impl FnOnce(&mut WorkPlan)) -> Begun {
        self.try_work(jobs, change).unwrap()
    }

    pub(crate) fn try_work(
        &self,
        jobs: usize,
        change: impl FnOnce(&mut WorkPlan),
    ) -> Result<Begun, WorkError> {
        let (desk, bell) = (Arc::new(Desk::default()), Arc::new(flag()));
        let queue = FakeQueue {
            desk: Arc::clone(&desk),
            bell: Arc::clone(&bell),
        };
        let mut plan = plan(queue, jobs);
        change(&mut plan);
        let watch = self.engine.work(plan)?;
        Ok((desk, watch, bell))
    }

    /// A process that was taken on by us, for a minute.
    pub(crate) fn claimed(&self, program: &str) -> Process {
        let (mut process, _) = self.process(program);
        process.owner = Some(self.owner);
        process.retry_at = Some(Timestamp::now().saturating_add(TimeDelta::minutes(1)));
        process
    }
}

/// Has a worker told of news.
pub(crate) fn ring(desk: &Desk, bell: &OwnedFd) {
    desk.news.store(true, Ordering::SeqCst);
    raise(bell);
}

#[track_caller]
pub(crate) fn over(watch: &WorkWatch) -> WorkCounts {
    watch.wait(LIMIT).unwrap()
}

/// Waits until the counts are so.
#[track_caller]
pub(crate) fn wait_counts(watch: &WorkWatch, are_so: impl Fn(&WorkCounts) -> bool) {
    let deadline = Instant::now() + LIMIT.unwrap();
    while !are_so(&watch.counts()) {
        assert!(Instant::now() < deadline, "{:?}", watch.counts());
        std::thread::sleep(Duration::from_millis(1));
    }
}
