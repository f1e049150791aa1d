//! Errors told with what caused them.

use std::error::Error;
use std::iter::successors;

/// An error and its causes in one line: `what: why: why that`.
///
/// For rows and terminals, where a chain of errors has to become a text; inside a program keep
/// the error itself.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let chain = successors(Some(error), |&error| error.source());
    chain
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the box")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn each_cause_follows_what_it_caused() {
        let error = Outer(std::io::Error::other("no key"));
        assert_eq!(with_causes(&error), "cannot open the box: no key");
        assert_eq!(with_causes(&std::io::Error::other("no key")), "no key");
    }
}
