//! What is queued.

use serde_json::json;

use crate::torture::exits::{End, number_of};
use crate::torture::place::Place;
use crate::torture::random::Random;
use crate::torture::records::Record;

/// One job: each of its attempts leaves a line in a file of its own and ends in the same way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) number: usize,
    /// How long an attempt runs.
    millis: u64,
    pub(super) end: End,
    pub(super) max_attempts: u32,
}

/// None runs longer than this many milliseconds.
const RUNS: u64 = 250;

impl Job {
    /// So many of them.
    pub(super) fn some(count: usize, random: &mut Random) -> Vec<Self> {
        let job = |number| {
            // Some end before anybody can have looked at them.
            let longest = random.of(&[1, RUNS, RUNS]);
            Self {
                number,
                millis: random.below(longest),
                end: End::any(random),
                max_attempts: random.of(&[1, 1, 2, 3]),
            }
        };
        (0..count).map(job).collect()
    }

    /// What is submitted.
    pub(super) fn line(self, place: &Place<'_>) -> String {
        let file = place.path("runs").join(self.number.to_string());
        let [how, number] = self.end.words();
        let file = file.display().to_string();
        let command = place.offspring(&["end", &file, &self.millis.to_string(), &how, &number]);
        json!({"cmd": command, "max_attempts": self.max_attempts}).to_string()
    }

    /// How often it has run: it leaves a line each time.
    pub(super) fn runs(self, place: &Place<'_>) -> usize {
        let file = place.path("runs").join(self.number.to_string());
        std::fs::read_to_string(file).map_or(0, |lines| lines.lines().count())
    }

    pub(super) fn is_of(self, record: &Record) -> bool {
        number_of(record) == Some(self.number)
    }
}
