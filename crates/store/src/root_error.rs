//! What is behind the errors that diesel makes of others.

use diesel::result::Error;

/// The error behind those that diesel makes of a failed commit or rollback.
pub(crate) fn root_error(error: Error) -> Error {
    match error {
        Error::RollbackErrorOnCommit { commit_error, .. } => root_error(*commit_error),
        other => other,
    }
}
