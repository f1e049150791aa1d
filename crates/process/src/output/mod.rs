//! What programs write: log files that hold everything, and bounded views of them.

mod capture;
mod holes;
mod log_files;
mod relay;
mod tail;

pub use capture::{Captured, DEFAULT_CAPTURE_LIMIT, LogPart, capture};
pub use log_files::{LogDirectory, LogError, LogFiles, Stream, log_file_name};
pub use relay::{RelayError, relay};
pub use tail::{tail, tail_offset};
