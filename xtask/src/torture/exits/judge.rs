//! What is recorded, against what was true.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::launch::{Told, runs_file};
use super::plan::{Launcher, Subject};
use crate::torture::place::Place;
use crate::torture::records::Record;
use crate::torture::verdict::Verdict;
use crate::waiting::within;

/// What can be said of one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    Right,
    Lost,
    NeverStarted,
    Wrong,
    Twice,
    Unrecorded,
    SaidToRun,
}

const FINDINGS: [(Finding, &str); 7] = [
    (Finding::Right, "right"),
    (Finding::Lost, "lost"),
    (Finding::NeverStarted, "never started"),
    (Finding::Wrong, "wrong"),
    (Finding::Twice, "ran twice"),
    (Finding::Unrecorded, "unrecorded"),
    (Finding::SaidToRun, "said to run"),
];

/// Nobody is left who could tell how a program ended.
const BOTH: &str = "both";

/// How long keepers may take to go when there is nothing left to keep.
const UNTIL_GONE: Duration = Duration::from_secs(5);

/// How often what was found, by who launched and who died.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<(Launcher, &'static str), BTreeMap<Finding, usize>>,
    programs: usize,
    struck: usize,
    waited: usize,
    broken: Vec<String>,
}

/// The number of a program, from the file its command names.
pub(in crate::torture) fn number_of(record: &Record) -> Option<usize> {
    let command = record.command();
    let at = command.iter().position(|word| *word == "end")?;
    let file = Path::new(*command.get(at + 1)?);
    file.file_name()?.to_str()?.parse().ok()
}

impl Tally {
    pub(super) fn of(place: &Place<'_>, told: Vec<Told>) -> Result<Self> {
        let mut records: BTreeMap<usize, Vec<Record>> = BTreeMap::new();
        for record in place.records()? {
            if let Some(number) = number_of(&record) {
                records.entry(number).or_default().push(record);
            }
        }
        let mut tally = Self::default();
        for told in told {
            tally.struck += usize::from(told.struck.launcher) + usize::from(told.struck.keeper);
            for program in &told.launch.programs {
                let records = records.get(&program.number);
                let records = records.map_or(&[][..], Vec::as_slice);
                tally.take(place, &told, *program, records);
            }
            if runs(place, told.launch.programs[0]) > 0 {
                tally.compare_codes(&told);
            }
        }
        Ok(tally)
    }

    fn take(&mut self, place: &Place<'_>, told: &Told, program: Subject, records: &[Record]) {
        let runs = runs(place, program);
        let finding = judge(program, runs, records);
        let who = who_died(told);
        let counts = self.counts.entry((told.launch.by, who)).or_default();
        *counts.entry(finding).or_default() += 1;
        self.programs += 1;
        let fine = match finding {
            Finding::Right | Finding::NeverStarted => true,
            Finding::Lost => who == BOTH,
            _ => false,
        };
        if fine {
            return;
        }
        let shown: Vec<_> = records.iter().map(|it| it.0.to_string()).collect();
        self.broken.push(format!(
            "{finding:?}: {program:?} ran {runs} times; {}\n      recorded: {}",
            circumstances(told),
            shown.join("\n        "),
        ));
    }

    /// What those said who waited: the launcher itself, and `hostledger wait`.
    fn compare_codes(&mut self, told: &Told) {
        let expected = told.launch.programs[0].end.recorded().0;
        let lost_is_fine = who_died(told) == BOTH;
        self.waited += usize::from(told.waited_code.is_some());
        let stays = told.launch.by == Launcher::Run;
        let codes = [
            ("run", told.launcher_code.filter(|_| stays)),
            ("wait", told.waited_code),
        ];
        for (command, code) in codes {
            let Some(code) = code.map(i64::from) else {
                continue;
            };
            if code != expected && !(lost_is_fine && code == 125) {
                self.broken.push(format!(
                    "`hostledger {command}` ended with {code} for {:?}; {}",
                    told.launch.programs[0],
                    circumstances(told)
                ));
            }
        }
    }

    /// Nobody is to be there any more, keepers included.
    pub(super) fn left_running(&mut self, place: &Place<'_>) {
        let mut living = Ok(Vec::new());
        within(UNTIL_GONE, || {
            living = place.living();
            living.as_ref().is_ok_and(Vec::is_empty)
        });
        match living {
            Ok(living) => {
                let left = living.iter().map(|left| format!("still there: {left}"));
                self.broken.extend(left);
            }
            Err(error) => self.broken.push(format!("{error:#}")),
        }
    }

    pub(super) fn verdict(self) -> Verdict {
        let mut columns = vec!["launched by, killed"];
        columns.extend(FINDINGS.map(|(_, name)| name));
        let mut verdict = Verdict::table(&columns);
        for ((by, who), counts) in &self.counts {
            let first = format!("{by:?}, {who}");
            let cells = FINDINGS.map(|(finding, _)| counts.get(&finding).unwrap_or(&0).to_string());
            verdict.row([first].into_iter().chain(cells));
        }
        verdict.note(format!(
            "{} programs, {} launchers and keepers killed, {} waited for from outside",
            self.programs, self.struck, self.waited
        ));
        for broken in self.broken {
            verdict.broken(broken);
        }
        verdict
    }
}

/// How often a program ran: it leaves a line each time.
fn runs(place: &Place<'_>, program: Subject) -> usize {
    std::fs::read_to_string(runs_file(place, program)).map_or(0, |lines| lines.lines().count())
}

fn circumstances(told: &Told) -> String {
    let Told {
        launch,
        struck,
        said,
        ..
    } = told;
    format!(
        "launched by {:?} with {} others, {:?} {:?} after {:?}, {struck:?}, launcher said {:?}",
        launch.by,
        launch.programs.len() - 1,
        launch.death,
        launch.after,
        launch.since,
        said.trim_end()
    )
}

/// Who could not tell any more. A launcher that does not stay is not there to be killed.
fn who_died(told: &Told) -> &'static str {
    match (told.struck.launcher, told.struck.keeper) {
        (false, false) => "nobody",
        (true, true) => BOTH,
        (false, true) if told.launch.by == Launcher::Detach => BOTH,
        (true, false) => "launcher",
        (false, true) => "keeper",
    }
}

fn judge(program: Subject, runs: usize, records: &[Record]) -> Finding {
    if runs > 1 || records.len() > 1 {
        return Finding::Twice;
    }
    let Some(record) = records.first() else {
        return if runs == 0 {
            Finding::NeverStarted
        } else {
            Finding::Unrecorded
        };
    };
    let (code, outcome) = program.end.recorded();
    match (record.text("status"), record.text("outcome"), runs) {
        ("queued", _, 0) | ("exited", "spawn_failed" | "cancelled", 0) => Finding::NeverStarted,
        ("queued", ..) => Finding::Unrecorded,
        ("running", ..) => Finding::SaidToRun,
        ("exited", "lost", _) if record.exit_code().is_none() => Finding::Lost,
        ("exited", told, 1) if told == outcome && record.exit_code() == Some(code) => {
            Finding::Right
        }
        _ => Finding::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::plan::End;
    use super::*;

    const SUBJECT: Subject = Subject {
        number: 3,
        millis: 0,
        end: End::Code(7),
    };

    #[test]
    fn only_the_true_code_of_a_program_that_ran_once_is_right() {
        let of = |runs, status, outcome, code: Option<i64>| {
            let record = json!({"status": status, "outcome": outcome, "exit_code": code});
            judge(SUBJECT, runs, &[Record(record)])
        };
        assert_eq!(of(1, "exited", "exited", Some(7)), Finding::Right);
        assert_eq!(of(1, "exited", "exited", Some(0)), Finding::Wrong);
        assert_eq!(of(1, "exited", "signaled", Some(7)), Finding::Wrong);
        assert_eq!(of(0, "exited", "exited", Some(7)), Finding::Wrong);
        assert_eq!(of(2, "exited", "exited", Some(7)), Finding::Twice);
        assert_eq!(of(1, "exited", "lost", None), Finding::Lost);
        assert_eq!(of(1, "exited", "lost", Some(0)), Finding::Wrong);
        assert_eq!(of(1, "queued", "", None), Finding::Unrecorded);
        assert_eq!(of(0, "queued", "", None), Finding::NeverStarted);
        assert_eq!(of(1, "running", "", None), Finding::SaidToRun);
        assert_eq!(of(1, "exited", "spawn_failed", Some(127)), Finding::Wrong);
    }

    #[test]
    fn a_program_without_a_record_never_ran_or_ran_unrecorded() {
        assert_eq!(judge(SUBJECT, 0, &[]), Finding::NeverStarted);
        assert_eq!(judge(SUBJECT, 1, &[]), Finding::Unrecorded);
    }

    #[test]
    fn a_record_is_told_by_the_file_its_program_writes() {
        let command = json!({"cmd": ["/bin/offspring", "/tmp/x", "end", "/tmp/x/runs/42", "5"]});
        assert_eq!(number_of(&Record(command)), Some(42));
        assert_eq!(number_of(&Record(json!({"cmd": ["true"]}))), None);
    }
}
