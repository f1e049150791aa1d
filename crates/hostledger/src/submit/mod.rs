//! Work for later: commands are recorded as queued, and run by whoever takes them on.

mod batch;
mod cancel;
mod lines;
mod restart;

pub use batch::Batch;
pub use lines::{BATCH_BYTES, BATCH_LINES, LONGEST_LINE, LineError, LinesError, SubmitLines};
