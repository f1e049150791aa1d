//! A durable ledger of hosts, binaries and processes.
//!
//! Programs that start other programs lose track of them: orphans eat the memory, exit codes
//! vanish, a kill by pid hits a stranger. A [`Ledger`] accounts for every process it starts:
//! who it was, who started it, what it wrote, how it ended and what it used. It knows which
//! machine and network it is on, and keeps all of it in a SQLite file.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let data_dir = directory.path().join("ledger");
//! use hostledger::{Ledger, Outcome};
//!
//! let ledger = Ledger::open(data_dir)?;
//! let running = ledger.command("sh").args(["-c", "echo hello; exit 7"]).launch()?;
//! let process = running.wait()?;
//!
//! assert_eq!(process.exit_code, Some(7));
//! assert_eq!(process.outcome, Some(Outcome::Exited));
//! assert_eq!(process.stdout, "hello\n");
//! assert_eq!(ledger.process(process.id)?, process);
//! # Ok(())
//! # }
//! ```
//!
//! Linux 5.10 and later, x86_64 and aarch64. A [`Ledger`] is cheap to clone and can be shared
//! between threads; no async runtime is needed.

mod attempts;
mod background;
mod binary;
mod command;
mod current;
mod data_dir;
pub mod doctor;
mod ended;
mod error;
mod hooks;
mod housekeeping;
mod import;
mod intake;
mod launch;
mod ledger;
mod live;
mod made_terminal;
mod options;
mod output;
mod read;
mod registration;
mod running;
mod secrets;
mod stdio;
mod stop;
mod submit;
mod tree;
mod worker;

pub use attempts::Stopper;
pub use background::{Background, again_in_background};
pub use binary::{BinaryCheck, Drift, InstallBuilder};
pub use command::CommandBuilder;
pub use data_dir::{DataDir, DataDirError};
pub use ended::Ended;
pub use error::LedgerError;
pub use hooks::{EventRun, HookEnd, HookNews, Interruption, Plugins, PluginsBuilder};
pub use import::{Import, Imported, LONGEST_RECORD};
pub use intake::{Intake, Taken};
pub use ledger::Ledger;
pub use options::{KeeperChoice, LedgerOptions};
pub use output::{Output, Until};
pub use read::AnyRecord;
pub use running::{Relayed, Running};
pub use stop::StopResult;
pub use submit::{
    BATCH_BYTES, BATCH_LINES, Batch, LONGEST_LINE, LineError, LinesError, SubmitLines,
};
pub use tree::Tree;
pub use worker::{OnExit, Worker, WorkerBuilder};

pub use hostledger_engine::install::InstallNews;
pub use hostledger_engine::{
    Cancelled, Cleaned, CleanedRow, Pruned, Replayed, StopReport, Stopped, WorkCounts, WorkError,
};
pub use hostledger_host::{Endpoints, Fixed, Http, Offline, PublicNetwork, Resolver};
pub use hostledger_install as install;
pub use hostledger_install::hooks::{
    Disabled, EventName, Hook, InvalidEventName, Mode, PassedOver, Problem, RequiredBinary, Verdict,
};
pub use hostledger_model as model;
pub use hostledger_model::{
    Binary, BinaryId, InterfaceId, Machine, MachineId, NetworkInterface, Outcome, Pid, Process,
    ProcessId, ProcessStatus, ProcessType, Timestamp,
};
pub use hostledger_process::{
    Begin, LiveUsage, Means, Removed, Signal, Stream, Survivor, SweepVerdict, Swept, tail,
};
pub use hostledger_store::{
    Descendant, Durability, ProcessFilter, RecordId, Records, Rows, StoreError,
};
