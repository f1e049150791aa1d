//! What hostledger's worker is measured against: starts a program so many times, some at a time,
//! waits, and records nothing.
//!
//! `cargo run --release -p hostledger-process --example spawn_bare -- AT_ONCE COUNT PROGRAM`

use std::error::Error;
use std::process::{Command, Stdio};

use rustix::process::{WaitOptions, wait};

fn main() -> Result<(), Box<dyn Error>> {
    let [at_once, count, program] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("spawn_bare AT_ONCE COUNT PROGRAM".into());
    };
    let (at_once, count): (usize, usize) = (at_once.parse()?, count.parse()?);
    let (mut started, mut ended) = (0, 0);
    while ended < count {
        while started < count && started - ended < at_once {
            #[expect(
                clippy::disallowed_methods,
                reason = "what it costs without a ledger is the question"
            )]
            let mut command = Command::new(program);
            command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
            started += 1;
        }
        // Whichever it is.
        wait(WaitOptions::empty())?;
        ended += 1;
    }
    Ok(())
}
