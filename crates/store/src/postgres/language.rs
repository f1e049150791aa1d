//! Servers that speak another language than English.
//!
//! diesel tells few of the server's error codes; the others are known by their messages, which
//! are in the language of its `lc_messages`. So we ask for English. Where the user may not do
//! that, what can be asked is asked: whether they may write, and how long it took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::connection::SimpleConnection;

use super::failure::Failures;
use super::permission;
use super::session::Session;
use crate::error::StoreError;

/// A superuser may, and who was granted it (PostgreSQL 15).
const ASK: &str = "DO $$ BEGIN SET lc_messages = 'C';
    EXCEPTION WHEN insufficient_privilege THEN NULL; END $$";

/// Whether messages with this `lc_messages` are English. An empty one is that of the server's
/// surroundings.
pub(super) fn is_english(lc_messages: &str) -> bool {
    matches!(lc_messages, "C" | "POSIX")
        || lc_messages.starts_with("C.")
        || lc_messages.starts_with("en")
}

/// Has the server speak English, if we may.
pub(super) fn ask_for_english(connection: &mut Session) -> QueryResult<()> {
    connection.batch_execute(ASK)
}

/// What a failure was that was not understood, as far as it can be found out otherwise.
pub(super) fn interpret(
    error: StoreError,
    connection: &mut Session,
    failures: &Failures,
    began: Instant,
) -> StoreError {
    let StoreError::Database { path, source } = error else {
        return error;
    };
    // A statement of ours that is not held up is over in a fraction of it.
    if failures.patience > Duration::ZERO && began.elapsed() >= failures.patience {
        let waited = failures.patience;
        return StoreError::Locked { path, waited };
    }
    match permission::refusal(connection, failures) {
        Ok(Some(StoreError::Forbidden { place, .. })) => StoreError::Forbidden {
            place,
            source: Arc::clone(&source),
        },
        _ => StoreError::Database { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_is_known_by_its_names() {
        for name in ["C", "POSIX", "C.UTF-8", "en_US.UTF-8", "en_GB", "english"] {
            assert!(is_english(name), "{name}");
        }
        for name in ["", "de_DE.UTF-8", "cs_CZ", "Czech"] {
            assert!(!is_english(name), "{name}");
        }
    }
}
