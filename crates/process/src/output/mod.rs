//! What programs write: log files that hold everything, and bounded views of them.

mod capture;
mod holes;
mod log_error;
mod log_files;
mod notice;
mod placement;
mod private_file;
mod program_directory;
mod relay;
mod removal;
mod source;
mod tail;

pub use capture::{Captured, DEFAULT_CAPTURE_LIMIT, LogPart, capture};
pub use log_error::LogError;
pub use log_files::{LogDirectory, LogFiles, LogName, Stream, log_file_name};
pub use placement::{LogPlacement, hook_script};
pub use program_directory::ProgramDirectory;
pub(crate) use relay::write_all;
pub use relay::{Begin, DroppedBytes, Followed, Passed, RelayError, follow, relay};
pub use removal::{Removal, Removed};
pub use tail::{tail, tail_offset};
