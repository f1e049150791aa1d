//! What the engine needs of others.

mod book;
mod clock;
mod spawner;
mod work;

pub use book::{BookError, ProcessBook, Saved, Writing};
pub use clock::{Clock, SystemClock};
pub use spawner::{LaunchOrder, LogFilesPlace, OutputPlace, SignalFailed, Spawner, StdinSource};
pub use work::{Answered, NotStartable, Orders, Queue};
