//! What programs write: log files that hold everything, and bounded views of them.

mod capture;
mod holes;
mod log_files;
mod notice;
mod relay;
mod source;
mod tail;

pub use capture::{Captured, DEFAULT_CAPTURE_LIMIT, LogPart, capture};
pub use log_files::{LogDirectory, LogError, LogFiles, LogName, Stream, log_file_name};
pub use relay::{Begin, DroppedBytes, Followed, Passed, RelayError, follow, relay};
pub use tail::{tail, tail_offset};
