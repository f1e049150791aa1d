//! The event loop of hostledger: carries out what the state machines decide.
//!
//! One thread waits for whatever happens next: a request, an exit, a timer, a change that has
//! become durable. It feeds each to the state machine of the process it concerns and carries
//! the effects out, strictly in order for each process. It never waits for one process while
//! another could go on, and takes no CPU while nothing happens.
//!
//! What it works with comes in through [ports](port): where changes are written, who starts
//! and signals programs, and what time it is.

mod age;
mod bystander;
mod clock_steps;
mod engine;
mod entry;
mod event_loop;
mod forget;
mod group;
mod heartbeat;
pub mod install;
pub mod logs;
mod message;
mod moment;
mod own_directory;
mod owner;
mod owner_watch;
pub mod port;
mod retry;
mod secrets;
mod settled_start;
mod spawner;
mod store_book;
mod supervised;
mod take_over;
mod timers;
mod waker;
mod watch;
mod work;

pub use bystander::{
    Bystander, BystanderError, Cancelled, Cleaned, CleanedRow, Pruned, Replayed, Standing,
    StopReport, Stopped,
};
pub use clock_steps::ClockSteps;
pub use engine::{Engine, Parts, StartError, WorkError};
pub use heartbeat::Heartbeat;
pub use hostledger_lifecycle::process::lease_end;
pub use own_directory::script_of;
pub use owner::{Owner, OwnerError};
pub use owner_watch::OwnerWatch;
pub use retry::retry_wait;
pub use secrets::{is_secret_batch_of, new_secret_batch, secrets_file, secrets_header};
pub use spawner::{KeeperPlace, ProgramSpawner, ProgramSpawnerError};
pub use store_book::StoreBook;
pub use take_over::{TakeOver, TakeOverError};
pub use watch::{NotRecorded, Progress, Watch};
pub use work::{AtEnd, Ended, StoreQueue, WorkCounts, WorkPlan, WorkWatch};
