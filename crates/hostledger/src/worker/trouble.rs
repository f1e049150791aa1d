//! Telling that what is due cannot be taken on.

use std::error::Error;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use hostledger_engine::port::BookError;
use hostledger_store::StoreError;

use crate::LedgerError;

/// One failure is nothing to speak of: a lock, a server that is being restarted.
const PATIENCE: u32 = 2;

/// What claims have come to lately.
pub(super) struct Trouble {
    tell: Option<Sender<LedgerError>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// One after another.
    failures: u32,
    told: Option<String>,
}

impl Trouble {
    pub(super) fn new(tell: Option<Sender<LedgerError>>) -> Arc<Self> {
        Arc::new(Self {
            tell,
            state: Mutex::default(),
        })
    }

    pub(super) fn is_over(&self) {
        *self.lock() = State::default();
    }

    /// Told when it goes on, once for as long as it stays the same.
    pub(super) fn failed(&self, error: &BookError) {
        let Some(tell) = &self.tell else { return };
        let Some(error) = of_store(&**error) else {
            return;
        };
        let mut state = self.lock();
        state.failures += 1;
        let text = error.to_string();
        if state.failures < PATIENCE || state.told.as_ref() == Some(&text) {
            return;
        }
        state.told = Some(text);
        if tell.send(LedgerError::Store(error)).is_err() {
            tracing::debug!("nobody is told any more why nothing is taken on");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the database failed of.
fn of_store(error: &(dyn Error + Send + Sync + 'static)) -> Option<StoreError> {
    if let Some(LedgerError::Store(error)) = error.downcast_ref() {
        return Some(error.clone());
    }
    error.downcast_ref().cloned()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_goes_on_failing_is_told_once_until_it_fails_otherwise_or_is_over() {
        let (sender, told) = channel();
        let trouble = Trouble::new(Some(sender));
        let gone: BookError = Arc::new(StoreError::WriterGone);
        let full: BookError = Arc::new(StoreError::Full { path: "x".into() });
        let count = |errors: &[&BookError]| {
            for error in errors {
                trouble.failed(error);
            }
            told.try_iter().count()
        };
        assert_eq!(count(&[&gone]), 0);
        assert_eq!(count(&[&gone, &gone, &gone]), 1);
        assert_eq!(count(&[&full, &full]), 1);
        trouble.is_over();
        assert_eq!(count(&[&full]), 0);
        assert_eq!(count(&[&full]), 1);
    }
}
