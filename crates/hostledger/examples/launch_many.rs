//! Launches every command it reads, one on each line, and says how each has ended: one thread that
//! polls, however many there are.
//!
//! `printf 'true\nfalse\n' | cargo run -p hostledger --example launch_many -- --data DIR`

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use hostledger::{Ended, Ledger, Outcome, Process};
use rustix::event::{PollFd, PollFlags, poll};

fn main() -> Result<(), Box<dyn Error>> {
    // What its keeper has started comes to us, should that one die.
    let mut options = Ledger::options().subreaper(true);
    if let [flag, directory] = &std::env::args_os().skip(1).collect::<Vec<_>>()[..] {
        assert_eq!(flag, "--data", "launch_many [--data DIR]");
        options = options.data_dir(PathBuf::from(directory));
    }
    let ledger = options.open()?;
    let mut commands = Commands::default();
    let mut running: Vec<Ended> = Vec::new();
    while !commands.closed || !running.is_empty() {
        let (readable, ended) = ready(commands.closed, &running)?;
        for number in ended.into_iter().rev() {
            if let Some(process) = running.swap_remove(number).process()? {
                report(&process)?;
            }
        }
        if readable {
            for line in commands.read()? {
                running.push(launch(&ledger, &line)?);
            }
        }
    }
    Ok(())
}

/// Waits until there is something to do: whether there are commands, and who has ended.
fn ready(closed: bool, running: &[Ended]) -> io::Result<(bool, Vec<usize>)> {
    let stdin = io::stdin();
    let mut fds: Vec<_> = running
        .iter()
        .map(|ended| PollFd::new(ended, PollFlags::IN))
        .collect();
    if !closed {
        fds.push(PollFd::new(&stdin, PollFlags::IN));
    }
    poll(&mut fds, None)?;
    let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
    let readable = !closed && fds.last().is_some_and(is_ready);
    let ended = fds.iter().take(running.len()).enumerate();
    let ended = ended
        .filter(|(_, fd)| is_ready(fd))
        .map(|(number, _)| number);
    Ok((readable, ended.collect()))
}

/// Words are separated by blanks: no shell is involved.
fn launch(ledger: &Ledger, line: &str) -> Result<Ended, Box<dyn Error>> {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    let running = ledger.command(program).args(words).no_timeout().launch()?;
    writeln!(io::stdout(), "{} runs", running.id())?;
    Ok(running.ended()?)
}

fn report(process: &Process) -> io::Result<()> {
    let outcome = process.outcome.map_or("no end", Outcome::as_str);
    let code = process
        .exit_code
        .map_or("none".to_owned(), |code| code.to_string());
    writeln!(io::stdout(), "{} {outcome} {code}", process.id)
}

/// The lines of standard input, as they come.
#[derive(Default)]
struct Commands {
    unfinished: Vec<u8>,
    closed: bool,
}

impl Commands {
    /// Those that are complete by now; blocks when there is nothing to read.
    fn read(&mut self) -> io::Result<Vec<String>> {
        let mut block = [0; 64 * 1024];
        let read = io::stdin().lock().read(&mut block)?;
        self.closed = read == 0;
        self.unfinished.extend_from_slice(&block[..read]);
        let complete = self.unfinished.iter().rposition(|byte| *byte == b'\n');
        let complete = complete.map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.unfinished.drain(..complete).collect();
        let lines = String::from_utf8_lossy(&lines).into_owned();
        Ok(lines.lines().map(str::to_owned).collect())
    }
}
