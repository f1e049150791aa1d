//! The records as JSON lines: one compact object a line, told apart by its `type`.
//!
//! Writing: `to_json` of each record. Reading: [`parse_line`], or [`records`] for what a
//! program printed among other things.
//!
//! Every object begins with `type` and `schema_version`, the version of whoever wrote it. That
//! of others is kept as information and never a reason to refuse; fields nobody here knows are
//! passed over. Ids are written with dashes and read with or without.
//!
//! ```
//! use hostledger_model::json::{Line, Record, parse_line};
//!
//! let Line::Record(Record::Process(process)) =
//!     parse_line(r#"{"type":"Process","cmd":["echo","hello"]}"#)
//! else {
//!     panic!("a process");
//! };
//! assert_eq!(process.cmd.as_deref(), Some(["echo".to_owned(), "hello".to_owned()].as_slice()));
//! ```

mod binary;
mod field;
mod interface;
mod line;
mod machine;
mod process;
mod refusal;
mod request;
mod stdout;

pub use binary::{BinaryCase, BinaryInput, BinaryRecord};
pub use interface::InterfaceRecord;
pub use line::{Line, NotAnObject, Record, interpret, parse_line};
pub use machine::MachineRecord;
pub use process::{AttemptRecord, ProcessDefaults, ProcessRecord, RunLimit};
pub use refusal::Refusal;
pub use request::{CommandRequest, InvalidRequest};
pub use stdout::{Records, records};

use serde::Serialize;

use crate::text_enum::text_enum;

text_enum! {
    /// The `type` of a record's JSON.
    pub enum RecordType("record type") {
        /// A host; see [`MachineRecord`].
        Machine = "Machine",
        /// A way a host reaches the network; see [`InterfaceRecord`].
        NetworkInterface = "NetworkInterface",
        /// A program that is there, with path and version; see [`BinaryRecord`].
        Binary = "Binary",
        /// A program that is asked for; see [`BinaryRecord`].
        BinaryRequest = "BinaryRequest",
        /// One execution of a command; see [`ProcessRecord`].
        Process = "Process",
    }
}

/// The version that records of ours carry.
fn own_version() -> Option<String> {
    Some(env!("CARGO_PKG_VERSION").to_owned())
}

/// One line, without spaces and without its end.
fn compact(record: &impl Serialize) -> String {
    #[expect(
        clippy::expect_used,
        reason = "a record is a struct of texts, numbers and JSON values: nothing in it can fail to become JSON"
    )]
    serde_json::to_string(record).expect("a record is plain data")
}
