//! Whether exit codes outlive us: the keeper, and who gets its orphans.

use super::Check;

pub(super) fn checks() -> [Check; 2] {
    [own_image(hostledger_keeper::available()), subreaper()]
}

fn own_image(available: bool) -> Check {
    const NAME: &str = "keeper";
    if available {
        return Check::good(NAME, "exit codes are kept when their launcher is killed");
    }
    Check::reduced(
        NAME,
        "this program cannot be its own: exit codes are lost when it is killed",
        "name a program that links hostledger as the keeper, such as hostledger itself",
    )
}

fn subreaper() -> Check {
    const NAME: &str = "subreaper";
    match rustix::process::child_subreaper() {
        Ok(_) => Check::good(NAME, "what loses its parent comes to its keeper"),
        Err(errno) => Check::bad(
            NAME,
            format!("what loses its parent is lost: {errno}"),
            "allow prctl in the container's seccomp profile",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_test_can_be_its_own_keeper() {
        assert!(checks().iter().all(|check| check.verdict == Verdict::Good));
        assert_eq!(own_image(false).verdict, Verdict::Reduced);
    }
}
