//! The end of all of them at once.

use std::process::{Child, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::crowd::Crowd;
use crate::bench::place::Place;

/// Milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopped {
    /// Until `hostledger stop` had ended: all processes are gone then.
    pub(super) ended: f64,
    /// Until each end was recorded.
    pub(super) recorded: f64,
    /// Until as many bare children had ended and were reaped, of a program that sends each of them
    /// SIGTERM and does nothing else.
    pub(super) bare: f64,
}

impl Stopped {
    pub(super) fn measure(place: &Place<'_>, crowd: Crowd<'_>, count: usize) -> Result<Self> {
        let begun = Instant::now();
        let stop = place.hostledger(&crowd.ledger).args("stop --quiet");
        stop.output()?;
        let ended = since(begun);
        for _ in 0..count {
            crowd.hear(" killed 143")?;
        }
        let recorded = since(begun);
        drop(crowd);
        Ok(Self {
            ended,
            recorded,
            bare: bare(place, count)?,
        })
    }
}

fn since(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

fn bare(place: &Place<'_>, count: usize) -> Result<f64> {
    let start = || {
        let sleep = place.program("sleep").arg("600");
        sleep.start(Stdio::null(), Stdio::null(), Stdio::null())
    };
    let children: Result<Vec<Child>> = (0..count).map(|_| start()).collect();
    let mut children = children?;
    let begun = Instant::now();
    for child in &children {
        #[expect(
            clippy::disallowed_methods,
            reason = "our own children, not reaped yet: nobody else can have their numbers"
        )]
        let sent = kill_process(Pid::from_child(child), Signal::TERM);
        sent.context("a child takes no signal")?;
    }
    for child in &mut children {
        if child.wait()?.success() {
            bail!("a child has ended by itself");
        }
    }
    Ok(since(begun))
}
