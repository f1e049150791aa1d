//! How far a worker has come, for people.

use std::io::{self, IsTerminal as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use hostledger::{WorkCounts, Worker};

use crate::printer::Printer;

/// Between two lines, at least.
const PAUSE: Duration = Duration::from_millis(100);

/// To the beginning of the line, and nothing on it.
const AGAIN: &str = "\r\x1b[K";

/// Whether somebody sees it.
pub(super) fn is_wanted(printer: &Printer) -> bool {
    io::stderr().is_terminal() && !printer.is_quiet()
}

/// Shows a line on the terminal until the work is over. While nothing changes nothing is done.
pub(super) fn show(worker: &Worker) -> WorkCounts {
    let begin = Instant::now();
    let mut shown = worker.counts();
    loop {
        draw(&format!("{AGAIN}{}", line(&shown, begin.elapsed())));
        let Some(counts) = worker.wait_changed(&shown) else {
            break;
        };
        shown = counts;
        thread::sleep(PAUSE);
    }
    draw(AGAIN);
    worker.wait()
}

/// What cannot be drawn is not missed.
fn draw(text: &str) {
    let mut terminal = io::stderr().lock();
    if terminal.write_all(text.as_bytes()).is_ok() {
        let _drawn = terminal.flush();
    }
}

fn line(counts: &WorkCounts, passed: Duration) -> String {
    let done = counts.done();
    let mut line = format!("{done} done, {} running", counts.running);
    if counts.failed > 0 {
        line += &format!(", {} failed", counts.failed);
    }
    let passed = passed.as_secs_f64();
    if done > 0 && passed > 0.0 {
        #[expect(clippy::cast_precision_loss, reason = "a rate, for people")]
        let rate = done as f64 / passed;
        line += &format!(", {rate:.1}/s");
    }
    line
}

/// What was done in the end.
pub(super) fn summary(counts: &WorkCounts) -> String {
    let mut parts = vec![format!("{} succeeded", counts.succeeded)];
    for (count, what) in [
        (counts.failed, "failed"),
        (counts.retried, "attempts to be repeated"),
        (counts.left, "left running"),
        (counts.given_back, "given back"),
        (counts.taken_over, "taken over by others"),
        (counts.unreadable, "unreadable"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_happen_is_not_told() {
        let mut counts = WorkCounts {
            succeeded: 3,
            ..WorkCounts::default()
        };
        assert_eq!(summary(&counts), "3 succeeded");
        assert_eq!(
            line(&counts, Duration::from_secs(2)),
            "3 done, 0 running, 1.5/s"
        );
        (counts.failed, counts.left, counts.running) = (1, 2, 2);
        assert_eq!(summary(&counts), "3 succeeded, 1 failed, 2 left running");
        assert_eq!(
            line(&counts, Duration::from_secs(2)),
            "4 done, 2 running, 1 failed, 2.0/s"
        );
        assert_eq!(
            line(&WorkCounts::default(), Duration::ZERO),
            "0 done, 0 running"
        );
    }
}
