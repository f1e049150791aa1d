//! Timers of processes, on the clock that never jumps.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use hostledger_lifecycle::process::Timer;
use hostledger_model::ProcessId;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Alarm {
    /// The state machine asked for it.
    Lifecycle(Timer),
    /// A change could not be written: try again.
    SaveAgain,
    /// An end that somebody wants has waited for the database for long enough.
    Overtake,
}

/// When which timer of which process goes off; at most one of a kind for each process.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BinaryHeap<Reverse<(Duration, ProcessId, Alarm)>>,
    armed: HashMap<(ProcessId, Alarm), Duration>,
}

impl Timers {
    /// Has `alarm` go off at `at`; one of the same kind that was armed before no longer does.
    pub(crate) fn arm(&mut self, id: ProcessId, alarm: Alarm, at: Duration) {
        self.armed.insert((id, alarm), at);
        self.due.push(Reverse((at, id, alarm)));
    }

    /// Whether `alarm` is still to go off.
    pub(crate) fn is_armed(&self, id: ProcessId, alarm: Alarm) -> bool {
        self.armed.contains_key(&(id, alarm))
    }

    /// Has no timer of the process go off any more.
    pub(crate) fn disarm(&mut self, id: ProcessId) {
        let alarms = [Timer::Timeout, Timer::Grace].map(Alarm::Lifecycle);
        for alarm in alarms
            .into_iter()
            .chain([Alarm::SaveAgain, Alarm::Overtake])
        {
            self.armed.remove(&(id, alarm));
        }
    }

    /// How long after `now` the next timer goes off.
    pub(crate) fn next_in(&mut self, now: Duration) -> Option<Duration> {
        self.drop_disarmed();
        self.due
            .peek()
            .map(|Reverse((at, ..))| at.saturating_sub(now))
    }

    /// The timers that have gone off by `now`, earliest first.
    pub(crate) fn take_due(&mut self, now: Duration) -> Vec<(ProcessId, Alarm)> {
        let mut gone_off = Vec::new();
        loop {
            self.drop_disarmed();
            let Some(&Reverse((at, id, alarm))) = self.due.peek() else {
                break;
            };
            if at > now {
                break;
            }
            self.due.pop();
            self.armed.remove(&(id, alarm));
            gone_off.push((id, alarm));
        }
        gone_off
    }

    fn drop_disarmed(&mut self) {
        while let Some(&Reverse((at, id, alarm))) = self.due.peek()
            && self.armed.get(&(id, alarm)) != Some(&at)
        {
            self.due.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Alarm = Alarm::Lifecycle(Timer::Timeout);
    const GRACE: Alarm = Alarm::Lifecycle(Timer::Grace);

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn timers_go_off_in_order_and_once() {
        let (a, b) = (ProcessId::generate(), ProcessId::generate());
        let mut timers = Timers::default();
        timers.arm(a, TIMEOUT, secs(5));
        timers.arm(b, GRACE, secs(2));
        assert_eq!(timers.next_in(secs(1)), Some(secs(1)));
        assert_eq!(timers.take_due(secs(1)), []);
        assert_eq!(timers.take_due(secs(9)), [(b, GRACE), (a, TIMEOUT)]);
        assert_eq!(timers.take_due(secs(99)), []);
        assert_eq!(timers.next_in(secs(99)), None);
    }

    #[test]
    fn arming_again_replaces_and_disarming_ends() {
        let a = ProcessId::generate();
        let mut timers = Timers::default();
        timers.arm(a, GRACE, secs(2));
        timers.arm(a, GRACE, secs(4));
        assert_eq!(timers.take_due(secs(3)), []);
        timers.arm(a, TIMEOUT, secs(5));
        timers.disarm(a);
        assert_eq!(timers.next_in(secs(3)), None);
        assert_eq!(timers.take_due(secs(9)), []);
        assert!(
            timers.due.is_empty(),
            "nothing is kept of what was disarmed"
        );
    }
}
