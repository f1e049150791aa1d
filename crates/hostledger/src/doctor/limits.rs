//! How many processes and descriptors we may have, and whether processes can be marked.

use rustix::process::{Resource, Rlimit, getrlimit};

use super::Check;

/// Fewer descriptors than this are soon used up: a process takes one while it runs.
const FEW_DESCRIPTORS: u64 = 1024;

/// Marks are soft limits below this; see [`hostledger_keeper::tag`].
const HIGHEST_MARK: u64 = 1 << 62;

pub(super) fn checks() -> [Check; 2] {
    [
        counts(getrlimit(Resource::Nofile), getrlimit(Resource::Nproc)),
        marks(getrlimit(Resource::Locks)),
    ]
}

fn counts(descriptors: Rlimit, processes: Rlimit) -> Check {
    const NAME: &str = "limits";
    let text = |value: Option<u64>| value.map_or("unlimited".to_owned(), |value| value.to_string());
    let found = format!(
        "{} descriptors, {} processes",
        text(descriptors.current),
        text(processes.current)
    );
    if descriptors.current.is_some_and(|it| it < FEW_DESCRIPTORS) {
        return Check::reduced(NAME, found, "raise it: ulimit -n 4096");
    }
    Check::good(NAME, found)
}

fn marks(locks: Rlimit) -> Check {
    const NAME: &str = "marks";
    match locks.maximum {
        Some(hard) if hard < HIGHEST_MARK => Check::reduced(
            NAME,
            format!(
                "the hard limit of locks is {hard}: what leaves its session and its parent may \
                 not be found again"
            ),
            "lift it: LimitLOCKS=infinity in the unit, or \"* hard locks unlimited\" in \
             /etc/security/limits.conf",
        ),
        _ => Check::good(NAME, "all that descends from a process can be marked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn low_limits_are_said_with_what_to_do() {
        let limit = |value| Rlimit {
            current: value,
            maximum: value,
        };
        assert_eq!(counts(limit(None), limit(None)).verdict, Verdict::Good);
        let few = counts(limit(Some(256)), limit(None));
        assert_eq!(few.verdict, Verdict::Reduced);
        assert!(few.found.contains("256 descriptors"), "{few:?}");
        assert_eq!(marks(limit(None)).verdict, Verdict::Good);
        assert_eq!(marks(limit(Some(HIGHEST_MARK))).verdict, Verdict::Good);
        assert_eq!(marks(limit(Some(64))).verdict, Verdict::Reduced);
    }
}
