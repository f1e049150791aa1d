//! Saying now and then that an owner lives, where others may not see its lock.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hostledger_model::{OwnerRecord, Timestamp};
use hostledger_store::{Change, OwnerChange, Store};

/// Says again and again that an owner lives, for as long as this does; on a thread of its own.
#[derive(Debug)]
pub struct Heartbeat {
    /// Nothing is ever sent: gone, it ends the thread.
    lives: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// How often it is to be said on a server. Who has not said so for
    /// [some of these](crate::Standing) may be dead.
    pub const PERIOD: Duration = Duration::from_secs(30);

    /// Says so every `period` from now on, for the first time when one has passed.
    ///
    /// # Errors
    /// Threads have run out.
    pub fn start(store: Arc<dyn Store>, owner: OwnerRecord, period: Duration) -> io::Result<Self> {
        let (lives, gone) = channel::<()>();
        let thread = thread::Builder::new()
            .name("hostledger-heart".to_owned())
            .spawn(move || {
                while gone.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                    let seen_at = Timestamp::now();
                    let seen = OwnerRecord {
                        seen_at,
                        ..owner.clone()
                    };
                    let beat = vec![Change::Owner(OwnerChange::Seen(Box::new(seen)))];
                    // Not waited for: the next one is as good.
                    drop(store.submit(seen_at, beat));
                }
            })?;
        Ok(Self {
            lives: Some(lives),
            thread: Some(thread),
        })
    }
}

impl Drop for Heartbeat {
    /// Nothing is said after this.
    fn drop(&mut self) {
        drop(self.lives.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that says that we live has panicked");
        }
    }
}
