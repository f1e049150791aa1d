//! How many processes and descriptors we may have.

use rustix::process::{Resource, getrlimit};

use super::Check;

const NAME: &str = "limits";

/// Fewer descriptors than this are soon used up: a process takes one while it runs.
const FEW_DESCRIPTORS: u64 = 1024;

pub(super) fn check() -> Check {
    let limit = |resource| getrlimit(resource).current;
    let text = |value: Option<u64>| value.map_or("unlimited".to_owned(), |value| value.to_string());
    let (descriptors, processes) = (limit(Resource::Nofile), limit(Resource::Nproc));
    let found = format!(
        "{} descriptors, {} processes",
        text(descriptors),
        text(processes)
    );
    if descriptors.is_some_and(|descriptors| descriptors < FEW_DESCRIPTORS) {
        return Check::reduced(NAME, found, "raise it: ulimit -n 4096");
    }
    Check::good(NAME, found)
}
