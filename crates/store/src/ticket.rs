//! The answer to a submission, which comes once it is committed.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::StoreError;
use crate::record_id::RecordId;

/// How a submission ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// All of it was written and committed: the records that were written, in the order of their
    /// changes.
    Applied(Vec<RecordId>),
    /// A change was refused, so nothing was written.
    Refused {
        /// Which change, from 0.
        change: usize,
    },
}

impl Commit {
    /// Whether it was written.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        matches!(self, Self::Applied(_))
    }
}

/// Answers a submission, or a claim; what must follow its commit waits for it.
///
/// Dropping it does not take the submission back.
#[must_use = "a failure to write shows here and nowhere else"]
pub struct Ticket<T = Commit>(Arc<Slot<T>>);

/// The other end of a [`Ticket`]: whoever commits answers through it.
///
/// Dropped without an answer, it answers [`StoreError::WriterGone`], so that nobody waits for
/// ever.
pub struct Completion<T = Commit>(Option<Arc<Slot<T>>>);

type Answer<T> = Result<T, StoreError>;
type Listener<T> = Box<dyn FnOnce(Answer<T>) + Send>;

struct Slot<T> {
    state: Mutex<State<T>>,
    answered: Condvar,
}

enum State<T> {
    Pending,
    Listened(Listener<T>),
    Answered(Answer<T>),
    Taken,
}

impl<T> Slot<T> {
    /// A panic while the lock is held leaves the state whole, so poisoning means nothing here.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Ticket<T> {
    /// A ticket and what answers it.
    pub fn pending() -> (Self, Completion<T>) {
        let slot = Arc::new(Slot {
            state: Mutex::new(State::Pending),
            answered: Condvar::new(),
        });
        (Self(Arc::clone(&slot)), Completion(Some(slot)))
    }

    /// A ticket that is answered already.
    pub fn answered(answer: Result<T, StoreError>) -> Self {
        let (ticket, completion) = Self::pending();
        completion.answer(answer);
        ticket
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// Why the submission was not written; nothing of it was.
    pub fn wait(self) -> Result<T, StoreError> {
        let mut state = self.0.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Answered(answer) => return answer,
                other => *state = other,
            }
            state = self
                .0
                .answered
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has `listener` called with the answer: on the thread that commits, or at once when the
    /// answer is there already.
    ///
    /// It must be quick and must not wait for another ticket: further commits wait for it.
    pub fn notify(self, listener: impl FnOnce(Result<T, StoreError>) + Send + 'static) {
        let mut state = self.0.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Answered(answer) => {
                drop(state);
                listener(answer);
            }
            State::Pending | State::Listened(_) | State::Taken => {
                *state = State::Listened(Box::new(listener));
            }
        }
    }
}

impl<T> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

impl<T> Completion<T> {
    /// Gives the answer.
    pub fn answer(mut self, answer: Result<T, StoreError>) {
        self.give(answer);
    }

    fn give(&mut self, answer: Answer<T>) {
        let Some(slot) = self.0.take() else { return };
        let mut state = slot.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Listened(listener) => {
                drop(state);
                listener(answer);
            }
            State::Pending | State::Answered(_) | State::Taken => {
                *state = State::Answered(answer);
                drop(state);
                slot.answered.notify_all();
            }
        }
    }
}

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        self.give(Err(StoreError::WriterGone));
    }
}

impl<T> fmt::Debug for Completion<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn applied() -> Answer<Commit> {
        Ok(Commit::Applied(Vec::new()))
    }

    #[test]
    fn waiting_ends_with_the_answer_of_another_thread() {
        let (ticket, completion) = Ticket::pending();
        let committer = std::thread::spawn(move || completion.answer(applied()));
        assert!(ticket.wait().unwrap().is_applied());
        committer.join().unwrap();
    }

    #[test]
    fn a_listener_hears_an_answer_that_comes_later_or_is_there_already() {
        let (sender, heard) = mpsc::channel();
        let (ticket, completion) = Ticket::pending();
        let later = sender.clone();
        ticket.notify(move |answer| later.send(answer.is_ok()).unwrap());
        assert!(heard.try_recv().is_err());
        completion.answer(applied());
        assert!(heard.recv().unwrap());

        Ticket::answered(applied()).notify(move |answer| sender.send(answer.is_ok()).unwrap());
        assert!(heard.recv().unwrap());
    }

    #[test]
    fn nobody_waits_for_a_committer_that_is_gone() {
        let (ticket, completion) = Ticket::<Commit>::pending();
        drop(completion);
        assert!(matches!(ticket.wait(), Err(StoreError::WriterGone)));
    }
}
