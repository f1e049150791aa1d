//! What is recorded, against what was true.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::plan::Job;
use super::workers::Deaths;
use crate::torture::place::Place;
use crate::torture::records::Record;
use crate::torture::verdict::Verdict;
use crate::torture::{Database, parallel};
use crate::waiting::{LONG, within};

/// What can be said of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    /// Each attempt is recorded as it was, and there are as many as there have to be.
    Right,
    /// So it is, but for attempts that nobody saw the end of.
    Lost,
    /// An attempt has another end than it had.
    Wrong,
    /// It ran more often than its row and history say.
    Unrecorded,
    /// It ran less often than they say.
    Imagined,
    /// It was not tried as often as it was to be.
    Forgotten,
    /// It has not ended, by its row.
    SaidToRun,
}

const FINDINGS: [(Finding, &str); 7] = [
    (Finding::Right, "right"),
    (Finding::Lost, "lost"),
    (Finding::Wrong, "wrong"),
    (Finding::Unrecorded, "unrecorded"),
    (Finding::Imagined, "imagined"),
    (Finding::Forgotten, "forgotten"),
    (Finding::SaidToRun, "said to run"),
];

/// Looked at at a time.
const AT_ONCE: usize = 4;

/// How often what was found, by who was killed.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<(Database, Deaths), BTreeMap<Finding, usize>>,
    jobs: usize,
    attempts: usize,
    struck: usize,
    /// How often a server was killed.
    servers: usize,
    skipped: Option<&'static str>,
    broken: Vec<String>,
}

impl Tally {
    pub(super) fn take(
        &mut self,
        place: &Place<'_>,
        killed: (Database, Deaths),
        jobs: &[Job],
        struck: usize,
        servers: usize,
    ) -> Result<()> {
        self.struck += struck;
        self.servers += servers;
        let (_, deaths) = killed;
        let records = place.records()?;
        let of_jobs = parallel::each(jobs.to_vec(), AT_ONCE, |job| {
            let of_job = records.iter().filter(|it| job.is_of(it));
            let shown: Result<Vec<_>> = of_job.map(|it| shown(place, it)).collect();
            Ok((job, shown?))
        })?;
        for (job, records) in of_jobs {
            let runs = job.runs(place);
            let finding = judge(job, runs, &records);
            self.jobs += 1;
            self.attempts += runs;
            let counts = self.counts.entry(killed).or_default();
            *counts.entry(finding).or_default() += 1;
            let fine = match finding {
                Finding::Right => true,
                Finding::Lost => deaths == Deaths::Any,
                _ => false,
            };
            if !fine {
                let shown: Vec<_> = records.iter().map(|it| it.0.to_string()).collect();
                self.broken.push(format!(
                    "{finding:?}, {killed:?} killed: {job:?} ran {runs} times\n      {}",
                    shown.join("\n      ")
                ));
            }
        }
        Ok(())
    }

    /// Something could not be tried here.
    pub(super) fn skipped(&mut self, reason: &'static str) {
        self.skipped = Some(reason);
    }

    /// Nobody is to be there any more, keepers included.
    pub(super) fn left_running(&mut self, place: &Place<'_>) -> Result<()> {
        let mut living = Vec::new();
        within(LONG, || {
            living = place.living().unwrap_or_default();
            living.is_empty()
        });
        let left = place.living()?;
        let left = left.iter().map(|it| format!("still there: {it}"));
        self.broken.extend(left);
        Ok(())
    }

    pub(super) fn verdict(self) -> Verdict {
        let mut columns = vec!["killed"];
        columns.extend(FINDINGS.map(|(_, name)| name));
        let mut verdict = Verdict::table(&columns);
        for ((database, deaths), counts) in &self.counts {
            let first = match (database, deaths) {
                (Database::Sqlite, Deaths::One) => "worker or keeper",
                (Database::Sqlite, Deaths::Any) => "any, both too",
                (Database::Postgres, Deaths::One) => "worker or keeper, PostgreSQL",
                (Database::Postgres, Deaths::Any) => "any, both too, PostgreSQL",
            };
            let cells = FINDINGS.map(|(finding, _)| counts.get(&finding).unwrap_or(&0).to_string());
            verdict.row([first.to_owned()].into_iter().chain(cells));
        }
        verdict.note(format!(
            "{} jobs ran {} times, {} workers and keepers killed, a server {} times",
            self.jobs, self.attempts, self.struck, self.servers
        ));
        if let Some(reason) = self.skipped {
            verdict.note(format!("SKIPPED: {reason}"));
        }
        for broken in self.broken {
            verdict.broken(broken);
        }
        verdict
    }
}

/// The record with the history of its attempts.
fn shown(place: &Place<'_>, record: &Record) -> Result<Record> {
    let shown = place.hostledger().args("show --json").arg(record.id());
    let shown = String::from_utf8(shown.output()?).context("the record is no text")?;
    Ok(Record(serde_json::from_str(&shown)?))
}

fn judge(job: Job, runs: usize, records: &[Record]) -> Finding {
    let [record] = records else {
        return Finding::Forgotten;
    };
    if record.text("status") != "exited" {
        return Finding::SaidToRun;
    }
    let earlier = record.0["earlier_attempts"].as_array();
    let attempts: Vec<&Value> = earlier.into_iter().flatten().chain([&record.0]).collect();
    let mut lost = 0;
    for (number, attempt) in (1..).zip(&attempts) {
        if attempt["attempt"] != number {
            return Finding::Wrong;
        }
        let (code, outcome) = job.end.recorded();
        match attempt["outcome"].as_str() {
            Some("lost") if attempt["exit_code"].is_null() => lost += 1,
            Some(told) if told == outcome && attempt["exit_code"] == code => {}
            _ => return Finding::Wrong,
        }
    }
    if runs > attempts.len() {
        return Finding::Unrecorded;
    }
    if runs < attempts.len() {
        return Finding::Imagined;
    }
    if lost > 0 {
        return Finding::Lost;
    }
    let failed = job.end.recorded() != (0, "exited");
    let expected = if failed { job.max_attempts as usize } else { 1 };
    if attempts.len() == expected {
        Finding::Right
    } else {
        Finding::Forgotten
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::torture::random::Random;

    fn job() -> Job {
        let mut jobs = Job::some(200, &mut Random::new(1, 1)).into_iter();
        jobs.find(|job| job.max_attempts == 2 && job.end.recorded().0 != 0)
            .unwrap()
    }

    fn record(attempts: &[(&str, Option<i64>)]) -> Record {
        let attempts = attempts.iter().enumerate();
        let mut attempts: Vec<_> = attempts
            .map(|(at, (outcome, code))| {
                json!({"attempt": at + 1, "outcome": outcome, "exit_code": code, "status": "exited"})
            })
            .collect();
        let mut record = attempts.pop().unwrap();
        record["earlier_attempts"] = attempts.into();
        Record(record)
    }

    #[test]
    fn only_what_ran_as_often_and_ended_as_it_is_told_is_right() {
        let job = job();
        let (code, outcome) = job.end.recorded();
        let end = (outcome, Some(code));
        let of = |runs, attempts: &[_]| judge(job, runs, &[record(attempts)]);
        assert_eq!(of(2, &[end, end]), Finding::Right);
        assert_eq!(of(3, &[end, end]), Finding::Unrecorded);
        assert_eq!(of(1, &[end, end]), Finding::Imagined);
        assert_eq!(of(1, &[end]), Finding::Forgotten);
        assert_eq!(of(1, &[("lost", None)]), Finding::Lost);
        assert_eq!(of(2, &[end, (outcome, Some(code + 1))]), Finding::Wrong);
        assert_eq!(of(2, &[("lost", Some(1)), end]), Finding::Wrong);
        assert_eq!(judge(job, 0, &[]), Finding::Forgotten);
        let running = Record(json!({"status": "running"}));
        assert_eq!(judge(job, 1, &[running]), Finding::SaidToRun);
    }
}
