//! What this host offers, whether the ledger is healthy, and what to do about it.

mod cgroup;
mod keeper;
mod kernel;
mod leftovers;
mod limits;
mod owners;

use hostledger_model::with_causes;
use serde::Serialize;

use crate::ledger::means_of_environment;
use crate::{Ledger, LedgerError};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What, in a word or two.
    pub name: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What can be done; none when nothing needs to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, with less than it could have.
    Reduced,
    /// It does not work.
    Bad,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Good,
            found: found.into(),
            advice: None,
        }
    }

    fn reduced(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let (found, advice) = (found.into(), Some(advice.into()));
        Self {
            name,
            verdict: Verdict::Reduced,
            found,
            advice,
        }
    }

    fn bad(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Bad,
            ..Self::reduced(name, found, advice)
        }
    }
}

/// What to do about what `HOSTLEDGER_DISABLE` switches off.
const SWITCHED_ON: &str = "take it out of HOSTLEDGER_DISABLE to have it";

/// Looks at the host: kernel, keeper, cgroups, limits. Leaves everything as it is.
#[must_use]
pub fn host() -> Vec<Check> {
    // Whoever opens a ledger learns of a name that is none.
    let means = means_of_environment().unwrap_or_default();
    let mut checks = kernel::checks(means);
    checks.extend(keeper::checks());
    checks.push(cgroup::check(means));
    checks.extend(limits::checks());
    checks
}

/// Looks at a ledger that was opened, or at why it could not be.
#[must_use]
pub fn ledger(opened: &Result<Ledger, LedgerError>) -> Vec<Check> {
    match opened {
        Err(error) => vec![unusable("ledger", error)],
        Ok(ledger) => ledger_checks(ledger),
    }
}

fn ledger_checks(ledger: &Ledger) -> Vec<Check> {
    let place = match ledger.data_dir() {
        Some(directory) => Check::good("data directory", directory.display().to_string()),
        None => Check::reduced(
            "data directory",
            "none: this is another program's database, which is only read",
            "give a ledger of your own with --data or --database to record anything",
        ),
    };
    let database = match ledger.store().check() {
        Ok(problems) if problems.is_empty() => Check::good("database", "sound"),
        Ok(problems) => Check::bad(
            "database",
            problems.join("; "),
            "restore a backup, or save what sqlite3 PATH .recover can read",
        ),
        Err(error) => unusable("database", &error.into()),
    };
    let mut checks = vec![place, database];
    if let Some(data_dir) = ledger.own_data_dir() {
        checks.extend(leftovers::checks(ledger, data_dir));
        checks.push(owners::check(ledger));
    }
    checks
}

fn unusable(name: &'static str, error: &LedgerError) -> Check {
    let found = with_causes(error);
    Check::bad(
        name,
        found,
        error.hint().unwrap_or_else(|| "see the error".to_owned()),
    )
}
