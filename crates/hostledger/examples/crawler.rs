//! A crawler: some threads share one ledger and work through a list, one program a page, with a
//! limit on each and nothing left of those that exceed it.
//!
//! `cargo run -p hostledger --example crawler`

use std::error::Error;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use hostledger::{Ledger, LedgerError, Outcome, Process};

const THREADS: usize = 4;
const LIMIT: Duration = Duration::from_millis(1500);

/// What stands for a browser: it has a helper in a session of its own that ignores being asked to
/// end, and one of the pages it never finishes.
const FETCH: &str = r#"
setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &
case "$1" in
    */endless) wait;;
    */broken) kill -KILL $!; kill -SEGV $$;;
    *) echo "<html>$1</html>"; kill -KILL $!;;
esac
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    // Should the keeper be killed, its programs come to us: nothing is lost by one death.
    let ledger = Ledger::options()
        .data_dir(directory.path().join("ledger"))
        .subreaper(true)
        .open()?;
    let pages: Vec<String> = (1..=6)
        .map(|page| format!("https://example.org/{page}"))
        .chain(["https://example.org/endless", "https://example.org/broken"].map(str::to_owned))
        .collect();

    let queue = Mutex::new(pages.iter());
    let fetched: Vec<Process> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| work_through(&ledger, &queue)))
            .collect();
        let results = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        results.collect::<Result<Vec<_>, _>>()
    })?
    .into_iter()
    .flatten()
    .collect();

    let mut out = io::stdout().lock();
    for process in &fetched {
        let outcome = process.outcome.map_or("no end", Outcome::as_str);
        let url = process.url.as_deref().unwrap_or_default();
        writeln!(out, "{outcome:<10} {:?} {url}", process.exit_code)?;
    }
    assert_eq!(fetched.len(), pages.len(), "every page is accounted for");
    let of = |outcome| {
        let fits = |process: &&Process| process.outcome == Some(outcome);
        fetched.iter().filter(fits).count()
    };
    assert_eq!(of(Outcome::TimedOut), 1);
    assert_eq!(of(Outcome::Signaled), 1);
    Ok(())
}

/// Takes pages from the list until there are none.
fn work_through<'a>(
    ledger: &Ledger,
    queue: &Mutex<impl Iterator<Item = &'a String>>,
) -> Result<Vec<Process>, LedgerError> {
    let next = || {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.next()
    };
    std::iter::from_fn(next)
        .map(|url| {
            ledger
                .command("sh")
                .args(["-c", FETCH, "fetch", url])
                .url(url)
                .timeout(LIMIT)
                .launch()?
                .wait()
        })
        .collect()
}
