//! Ends that somebody asks for.

use std::time::Duration;

use hostledger_model::{
    KillMode, Pid, Process, ProcessChange, ProcessId, ProcessStatus, StopRequest,
};
use hostledger_process::{
    Pidfd, Signal, Survivor, TreeEnd, TreeRoot, ancestors, end_trees, send_signal, wait_ended,
};
use hostledger_store::{Change, Ticket};

use super::tables::Kept;
use super::{Bystander, BystanderError, Whereabouts};
use crate::moment::wait_for;

/// How long somebody who has begun to start a process may take to write that down.
const UNTIL_STARTED: Duration = Duration::from_secs(5);

/// What a stop came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It had ended before, and nothing was left of what it had started.
    AlreadyEnded,
    /// All ended by themselves within the grace.
    Ended,
    /// Some had to be killed.
    Killed,
    /// SIGKILL is sent but some have not ended: the kernel has them in a sleep nothing interrupts,
    /// or they belong to another user.
    Survived,
}

/// What came of stopping one process.
#[derive(Debug)]
pub struct StopReport {
    /// Which.
    pub id: ProcessId,
    /// In a word.
    pub stopped: Stopped,
    /// How many processes were ended, descendants included.
    pub ended: usize,
    /// Who could not be ended.
    pub survivors: Vec<Survivor>,
    /// Whether it was asked for from within: we and our ancestors are never ended.
    pub spared: bool,
}

impl StopReport {
    fn nothing(id: ProcessId) -> Self {
        Self {
            id,
            stopped: Stopped::AlreadyEnded,
            ended: 0,
            survivors: Vec::new(),
            spared: false,
        }
    }

    fn of(id: ProcessId, end: TreeEnd) -> Self {
        let stopped = match &end {
            TreeEnd { survivors, .. } if !survivors.is_empty() => Stopped::Survived,
            TreeEnd { killed: true, .. } => Stopped::Killed,
            TreeEnd { ended: 0, .. } => Stopped::AlreadyEnded,
            TreeEnd { .. } => Stopped::Ended,
        };
        Self {
            id,
            stopped,
            ended: end.ended,
            survivors: end.survivors,
            spared: false,
        }
    }
}

impl Bystander {
    /// Stores a request to stop, sends its signal to what the process started as far as `scope`
    /// reaches (its own kill mode when there is none), and SIGKILL to what is left after `grace`.
    ///
    /// The row changes when the process ends, not when it is signalled. Of one that has ended,
    /// what it has left behind is ended.
    ///
    /// # Errors
    /// See [`BystanderError`]; nothing is sent to a process that is not certain to be the one.
    pub fn stop(
        &self,
        id: ProcessId,
        request: &StopRequest,
        signal: Signal,
        scope: Option<KillMode>,
        grace: Duration,
    ) -> Result<StopReport, BystanderError> {
        let process = self.begun(id)?;
        let mut reports = self.stop_all(vec![process], request, signal, scope, grace)?;
        reports.pop().unwrap_or_else(|| Ok(StopReport::nothing(id)))
    }

    /// The same for many at once, in parallel, in the order given.
    ///
    /// # Errors
    /// Our own ancestors cannot be learnt, or the tables of keepers not be listed; nothing is
    /// stopped then.
    pub fn stop_all(
        &self,
        processes: Vec<Process>,
        request: &StopRequest,
        signal: Signal,
        scope: Option<KillMode>,
        grace: Duration,
    ) -> Result<Vec<Result<StopReport, BystanderError>>, BystanderError> {
        let own = OwnLine::read()?;
        let kept = self.kept()?;
        // All requests are on their way before the first is waited for, as they are committed
        // together.
        let aims = processes.iter();
        let aims = aims.map(|process| self.aim(process, request, scope, &own));
        let aims: Vec<_> = aims.collect();
        let mut reports = Vec::with_capacity(processes.len());
        let (mut roots, mut asked) = (Vec::new(), Vec::new());
        for (process, aim) in processes.into_iter().zip(aims) {
            match aim.and_then(|aim| self.root(&process, aim, &kept)) {
                Ok(Some(root)) => {
                    asked.push((reports.len(), process));
                    roots.push(root);
                    reports.push(None);
                }
                Ok(None) => reports.push(Some(Ok(StopReport::nothing(process.id)))),
                Err(error) => reports.push(Some(Err(error))),
            }
        }
        let ends = end_trees(&self.space, &roots, Some(signal), grace);
        for (((at, process), root), end) in asked.iter().zip(&roots).zip(ends) {
            let report = end.map_err(BystanderError::from).map(|end| StopReport {
                spared: root.leader.as_ref().is_some_and(|leader| own.has(leader)),
                ..StopReport::of(process.id, end)
            });
            let settled = self.settle_stopped(process, root);
            if let Some(place) = reports.get_mut(*at) {
                *place = Some(report.and_then(|report| settled.map(|()| report)));
            }
        }
        Ok(reports.into_iter().flatten().collect())
    }

    /// Who is meant by a stop, the request being on its way into the row.
    fn aim(
        &self,
        process: &Process,
        request: &StopRequest,
        scope: Option<KillMode>,
        own: &OwnLine,
    ) -> Result<Aim, BystanderError> {
        let leader = self.hold(process)?;
        // One of our own is not ended by this, so it is not recorded as stopped either.
        let ends = leader.as_ref().is_some_and(|leader| !own.has(leader));
        Ok(Aim {
            stored: ends.then(|| self.request_stop(process.id, request.clone())),
            scope: scope.unwrap_or(process.kill_mode),
            leader,
        })
    }

    /// What is to be ended of a process, once the request is written down; none when nothing is.
    fn root(
        &self,
        process: &Process,
        aim: Aim,
        kept: &Kept,
    ) -> Result<Option<TreeRoot>, BystanderError> {
        if let Some(stored) = aim.stored {
            stored.wait()?;
        }
        // It has ended: only what it has left is there to be ended.
        if aim.leader.is_none() && aim.scope == KillMode::Process {
            return Ok(None);
        }
        self.tree(process, aim.leader, aim.scope, kept)
    }

    /// Nobody else may have seen it end: those who look later come too late for the kernel.
    fn settle_stopped(&self, process: &Process, root: &TreeRoot) -> Result<(), BystanderError> {
        let Some(leader) = &root.leader else {
            return Ok(());
        };
        if wait_ended(leader, Some(Duration::ZERO))? {
            self.settle_unowned(process, Some(leader))?;
        }
        Ok(())
    }

    /// Sends a signal to a process alone; says whether it was alive to get it. With a `request`
    /// that is stored first, so that its outcome will be `killed`.
    ///
    /// # Errors
    /// See [`BystanderError`]; nothing is stored or sent then.
    pub fn kill(
        &self,
        id: ProcessId,
        signal: Signal,
        request: Option<StopRequest>,
    ) -> Result<bool, BystanderError> {
        let process = self.begun(id)?;
        let Some(pidfd) = self.hold(&process)? else {
            return Ok(false);
        };
        if let Some(request) = request {
            self.request_stop(id, request).wait()?;
        }
        Ok(send_signal(&pidfd, signal)?)
    }

    /// The row of a process; of one that is being started this moment, once that is written down.
    /// A program can ask for its own end before.
    fn begun(&self, id: ProcessId) -> Result<Process, BystanderError> {
        let written = || {
            let begun = |process| Ok((!self.is_starting(&process)?).then_some(process));
            self.process(id).and_then(begun).transpose()
        };
        wait_for(UNTIL_STARTED, written).unwrap_or_else(|| self.process(id))
    }

    /// Whether somebody who lives has begun to start a process, and not written that down yet.
    fn is_starting(&self, process: &Process) -> Result<bool, BystanderError> {
        if process.status != ProcessStatus::Queued || !self.is_owned(process)? {
            return Ok(false);
        }
        Ok(self.is_taken_at_birth(process) || self.is_kept(process)?)
    }

    /// The live process of a row; none when it has ended.
    ///
    /// # Errors
    /// It has not been started, or it is not certain which one it is, or not from here.
    pub fn hold(&self, process: &Process) -> Result<Option<Pidfd>, BystanderError> {
        let (id, machine) = (process.id, process.machine_id);
        match process.status {
            ProcessStatus::Exited => return Ok(None),
            ProcessStatus::Queued => return Err(BystanderError::NotStarted { id }),
            ProcessStatus::Running => {}
        }
        match self.find(process)? {
            // A zombie has ended: a stop comes too late to be the cause.
            Whereabouts::Held(pidfd) => {
                Ok((!wait_ended(&pidfd, Some(Duration::ZERO))?).then_some(pidfd))
            }
            Whereabouts::Gone => Ok(None),
            Whereabouts::OtherNamespace => Err(BystanderError::OtherNamespace { id }),
            Whereabouts::Elsewhere => Err(BystanderError::Elsewhere { id, machine }),
            Whereabouts::Unknown => Err(BystanderError::Unidentified { id }),
        }
    }

    /// Has it written down that somebody wants a process stopped; the first such request stands.
    pub(super) fn request_stop(&self, id: ProcessId, request: StopRequest) -> Ticket {
        let now = request.at;
        let change = Change::ChangeProcess {
            id,
            change: ProcessChange::StopRequested(request),
            owner: None,
        };
        self.store.submit(now, vec![change])
    }
}

/// One who is to be stopped.
struct Aim {
    /// None when it has ended.
    leader: Option<Pidfd>,
    scope: KillMode,
    /// The request, on its way into the row.
    stored: Option<Ticket>,
}

/// We and our ancestors, whom nobody ends who is one of us.
struct OwnLine(Vec<i32>);

impl OwnLine {
    fn read() -> Result<Self, BystanderError> {
        let own = rustix::process::getpid().as_raw_pid();
        let line = Pid::new(own).map(ancestors).transpose()?;
        let line = line.unwrap_or_default().into_iter().map(Pid::get);
        Ok(Self(std::iter::once(own).chain(line).collect()))
    }

    fn has(&self, process: &Pidfd) -> bool {
        self.0.contains(&process.pid().as_raw_pid())
    }
}
