//! The same for several processes at once.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::Context as _;
use hostledger::ProcessId;

/// Does `work` for each process on a thread of its own; the answers come as they are ready.
///
/// Whoever stops listening leaves the threads to themselves.
pub(crate) fn each<T: Send + 'static>(
    ids: &[ProcessId],
    work: impl Fn(ProcessId) -> T + Send + Sync + 'static,
) -> anyhow::Result<Receiver<(ProcessId, T)>> {
    let work = Arc::new(work);
    let (sender, receiver) = channel();
    for &id in ids {
        let (sender, work) = (sender.clone(), Arc::clone(&work));
        let answer = move || {
            // Refused when nobody listens any more, who then does not miss it.
            drop(sender.send((id, work(id))));
        };
        thread::Builder::new()
            .spawn(answer)
            .context("cannot start a thread")?;
    }
    Ok(receiver)
}
