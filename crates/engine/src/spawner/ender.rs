//! Signals and ends of whole trees, in the background.
//!
//! Looking for all that descends from a process takes milliseconds, and ending it as long as it
//! is given; the event loop has no time for either.

use std::error::Error;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hostledger_process::{PidSpace, Signal, TreeEnd, TreeError, TreeRoot, end_trees, signal_trees};

/// A thread that signals and ends trees, begun with the first; those that are asked for together
/// are looked for together.
pub(super) struct Ender {
    space: PidSpace,
    thread: Option<(Sender<Order>, JoinHandle<()>)>,
}

enum Order {
    Signal(TreeRoot, Signal),
    End(TreeRoot, Duration),
}

impl Ender {
    pub(super) fn new(space: PidSpace) -> Self {
        Self {
            space,
            thread: None,
        }
    }

    /// Has a signal sent to a tree, after those asked for before.
    pub(super) fn signal(&mut self, root: TreeRoot, signal: Signal) -> io::Result<()> {
        self.send(Order::Signal(root, signal))
    }

    /// Has a tree ended that is left after `grace`.
    pub(super) fn end(&mut self, root: TreeRoot, grace: Duration) -> io::Result<()> {
        self.send(Order::End(root, grace))
    }

    fn send(&mut self, order: Order) -> io::Result<()> {
        let (orders, _) = match &mut self.thread {
            Some(thread) => thread,
            none => none.insert(begin(self.space.clone())?),
        };
        orders
            .send(order)
            .map_err(|_| io::Error::other("the thread that ends trees has panicked"))
    }
}

impl Drop for Ender {
    /// What was to be ended is, before we go.
    fn drop(&mut self) {
        if let Some((orders, thread)) = self.thread.take() {
            drop(orders);
            join(thread);
        }
    }
}

fn begin(space: PidSpace) -> io::Result<(Sender<Order>, JoinHandle<()>)> {
    let (orders, received) = channel();
    let thread = thread::Builder::new()
        .name("hostledger-ender".to_owned())
        .spawn(move || carry_out(&space, &received))?;
    Ok((orders, thread))
}

fn carry_out(space: &PidSpace, orders: &Receiver<Order>) {
    let mut rests: Vec<JoinHandle<()>> = Vec::new();
    while let Ok(first) = orders.recv() {
        let mut ends = Vec::new();
        let mut signals: Vec<(Signal, Vec<TreeRoot>)> = Vec::new();
        for order in std::iter::once(first).chain(orders.try_iter()) {
            match order {
                Order::End(root, grace) => ends.push((root, grace)),
                Order::Signal(root, signal) => match signals.last_mut() {
                    Some((last, roots)) if *last == signal => roots.push(root),
                    _ => signals.push((signal, vec![root])),
                },
            }
        }
        for (signal, roots) in signals {
            report(&signal_trees(space, &roots, signal));
        }
        rests.retain(|rest| !rest.is_finished());
        rests.extend(end_in_background(space, ends));
    }
    rests.into_iter().for_each(join);
}

/// Ends trees on a thread of their own, as others are to be signalled meanwhile.
fn end_in_background(space: &PidSpace, ends: Vec<(TreeRoot, Duration)>) -> Option<JoinHandle<()>> {
    let grace = ends.iter().map(|(_, grace)| *grace).max()?;
    let roots: Vec<TreeRoot> = ends.into_iter().map(|(root, _)| root).collect();
    let space = space.clone();
    thread::Builder::new()
        .name("hostledger-rest".to_owned())
        .spawn(move || {
            let ended = end_trees(&space, &roots, None, grace);
            survivors(&ended);
            report(&ended);
        })
        .inspect_err(|error| tracing::warn!(%error, "no thread to end what programs have left"))
        .ok()
}

fn survivors(ended: &[Result<TreeEnd, TreeError>]) {
    for survivor in ended.iter().flatten().flat_map(|end| &end.survivors) {
        tracing::warn!(pid = %survivor.pid, name = survivor.name, "a process could not be ended");
    }
}

fn report<T>(results: &[Result<T, TreeError>]) {
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        let error = error as &dyn Error;
        tracing::warn!(error, "what descends from a process was not reached");
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread that ends trees has panicked");
    }
}
