//! What can go wrong with a ledger.

use hostledger_engine::install::InstallError;
use hostledger_engine::{BystanderError, NotRecorded, OwnerError, StartError, WorkError};
use hostledger_install::hooks::InvalidArgument;
use hostledger_install::{InvalidName, LinkError, RunError};
use hostledger_model::{
    Binary, DraftError, InvalidCommand, LimitExceeded, ProcessId, ProcessStatus,
};
use hostledger_process::{
    IdentityError, InvalidLaunch, LogError, PidSpaceError, PtyError, RelayError, SweepError,
    UnknownMeans,
};
use hostledger_store::{InvalidLocation, InvalidPrefix, ReadOnly, RecordId, StoreError};

use crate::binary::BinaryCheck;
use crate::data_dir::DataDirError;

/// Why something could not be done with a ledger: which layer, which record, and why.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The ledger's directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The text says no place of a database.
    #[error(transparent)]
    Location(#[from] InvalidLocation),
    /// The database cannot be opened, read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The command line cannot be run.
    #[error(transparent)]
    Command(#[from] InvalidCommand),
    /// Something given for a process does not fit.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The process cannot be started like this.
    #[error(transparent)]
    Launch(#[from] InvalidLaunch),
    /// This is another program's database: nothing can be recorded in it.
    #[error("this database belongs to another program: it is only read")]
    ReadOnly,
    /// This process is a fork of the one that opened the ledger.
    #[error("this ledger was opened by the process that this one was forked from")]
    Forked,
    /// Threads have run out.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// Descriptors have run out.
    #[error("cannot get a file descriptor")]
    Descriptors(#[source] std::io::Error),
    /// What follows `pid:` is no number.
    #[error("{text:?} names no pid: write pid:1234")]
    InvalidPid {
        /// What was given.
        text: String,
    },
    /// The working directory is not known, so a process has none to start in.
    #[error("cannot tell the current directory")]
    CurrentDirectory(#[source] std::io::Error),
    /// Supervision cannot begin.
    #[error(transparent)]
    Engine(#[from] StartError),
    /// A worker cannot begin: one is at work, or the deaths of others cannot be listened for.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The lock that says we are alive cannot be had.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// Children cannot be watched.
    #[error("cannot watch processes")]
    Spawner(#[from] hostledger_engine::ProgramSpawnerError),
    /// This program cannot be started once more.
    #[error("cannot go on in the background")]
    Background(#[source] std::io::Error),
    /// This program cannot be made a child subreaper.
    #[error("cannot become a child subreaper")]
    Subreaper(#[source] std::io::Error),
    /// `HOSTLEDGER_DISABLE` names something unknown.
    #[error("HOSTLEDGER_DISABLE")]
    Means(#[from] UnknownMeans),
    /// A process cannot be waited for or stopped.
    #[error(transparent)]
    Bystander(#[from] BystanderError),
    /// What happened to a process could not be written down.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    /// Where we are among processes cannot be learnt.
    #[error(transparent)]
    PidSpace(#[from] PidSpaceError),
    /// Who a live process is cannot be learnt.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A log cannot be read or made.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A terminal cannot be made, or not be passed on.
    #[error(transparent)]
    Pty(#[from] PtyError),
    /// A log that is not used cannot be removed.
    #[error("cannot remove the unused log {}", path.display())]
    UnusedLog {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Pid files cannot be swept.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// Whoever reads our output was slower than the program, and its log is bounded.
    #[error(
        "{bytes} bytes that process {id} wrote were removed by the bound of its log before they could be passed on"
    )]
    OutputMissed {
        /// The process.
        id: ProcessId,
        /// How much, as far as that is known.
        bytes: u64,
    },
    /// Output cannot be passed on.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// What was given is no id.
    #[error(transparent)]
    Prefix(#[from] InvalidPrefix),
    /// No record's id begins like this.
    #[error("there is no record whose id begins with {prefix}")]
    NotFound {
        /// What was given.
        prefix: String,
    },
    /// Several records' ids begin like this.
    #[error("several ids begin with {prefix}: {}", list(.candidates))]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// Some of them.
        candidates: Vec<RecordId>,
    },
    /// The record is of another kind than what is wanted.
    #[error("{found} is not a {wanted}")]
    WrongKind {
        /// What it is.
        found: RecordId,
        /// What was wanted.
        wanted: &'static str,
    },
    /// No running process has this pid.
    #[error("no running process of this machine is recorded with pid {pid}")]
    NoSuchPid {
        /// The number.
        pid: i32,
    },
    /// The process is not queued, not due, or somebody else has taken it on.
    #[error(
        "process {id} cannot be launched: it is not queued, not due, or somebody else has taken it on"
    )]
    NotLaunchable {
        /// Its id.
        id: ProcessId,
    },
    /// Only what has ended can be done again.
    #[error("process {id} is {status}: only what has ended can be restarted")]
    NotEnded {
        /// Its id.
        id: ProcessId,
        /// Where it is in its life.
        status: ProcessStatus,
    },
    /// The value of a secret variable was not stored, so the process cannot be launched later.
    #[error("process {id} needs the secret variable {key}, whose value is not stored")]
    SecretMissing {
        /// Its id.
        id: ProcessId,
        /// The variable.
        key: String,
    },
    /// The value of a secret variable is kept in another data directory: that in which the
    /// process was queued.
    #[error(
        "process {id} needs the secret variable {key}, whose value is kept in another data \
         directory: that in which it was queued"
    )]
    SecretElsewhere {
        /// Its id.
        id: ProcessId,
        /// The variable.
        key: String,
    },
    /// The secret values of queued processes cannot be kept or read.
    #[error("cannot use the file of secrets {}", path.display())]
    Secrets {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A record was deleted while it was being changed.
    #[error("a record was deleted while it was being changed")]
    RecordGone,
    /// A text is longer than its field.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// A hook cannot be given an argument.
    #[error(transparent)]
    HookArgument(#[from] InvalidArgument),
    /// The directory that a hook runs in cannot be made.
    #[error("cannot make the directory {} for a hook", path.display())]
    HookDirectory {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What a hook has printed cannot be read.
    #[error("cannot read what the hook {hook} has printed")]
    HookOutput {
        /// Which.
        hook: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No provider is given such a name or argument.
    #[error(transparent)]
    BinaryName(InvalidName),
    /// There is no binary of this name or id.
    #[error("there is no binary {name}")]
    NoSuchBinary {
        /// What was given.
        name: String,
    },
    /// No provider has come up with a program; the record has every provider's reason.
    #[error("{} could not be installed", .binary.name)]
    NotInstalled {
        /// The record.
        binary: Box<Binary>,
    },
    /// A program has changed since it was installed, and we are strict.
    #[error("{check}")]
    BinaryChanged {
        /// What has changed.
        check: Box<BinaryCheck>,
    },
    /// An installation cannot go on.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// A program cannot be linked under its name.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A program of a provider could not be run.
    #[error(transparent)]
    ProviderRun(RunError),
    /// Nothing of the output was kept.
    #[error("nothing of the output of process {id} is kept in a file")]
    NoLog {
        /// Its id.
        id: ProcessId,
    },
}

fn list(candidates: &[RecordId]) -> String {
    candidates
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

impl LedgerError {
    /// What whoever sees this can do about it, in one sentence; none when the error says it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::DataDir(DataDirError::NotADirectory { .. }) => {
                "name another directory with --data or HOSTLEDGER_DATA"
            }
            Self::DataDir(DataDirError::ForeignOwner { .. } | DataDirError::NotWritable { .. }) => {
                "use a directory of your own with --data or HOSTLEDGER_DATA, or become its owner"
            }
            Self::DataDir(DataDirError::Unknown) => {
                "name a directory with --data or HOSTLEDGER_DATA"
            }
            Self::Store(error) => return store_hint(error),
            Self::NotRecorded(NotRecorded::Failed { source, .. }) => {
                return source.downcast_ref().and_then(store_hint);
            }
            Self::Forked => "open the ledger after the fork",
            Self::Means(_) => "name what it lists in HOSTLEDGER_DISABLE, or unset it",
            Self::ReadOnly => "give a ledger of your own with --data or --database",
            Self::Ambiguous { .. } => "give more digits of the id",
            Self::NotFound { .. } => "hostledger ps --all lists the processes, export every record",
            Self::NoSuchPid { .. } => "hostledger ps lists the running processes",
            Self::SecretMissing { .. } => {
                "queue it anew with its secrets: they are kept until it has ended, no longer"
            }
            Self::Work(WorkError::UnderWay) => "stop that one, and wait until it is done",
            Self::SecretElsewhere { .. } => "run it with that directory (--data)",
            Self::NotEnded {
                status: ProcessStatus::Queued,
                ..
            } => "it is going to be run; hostledger cancel takes it back",
            Self::NotEnded { .. } => "hostledger kill ends it, hostledger wait waits for its end",
            Self::OutputMissed { .. } => {
                "read faster, or bound the log by more with --max-log-size (0: not at all)"
            }
            Self::BinaryChanged { .. } => {
                "hostledger binary install records it anew; without --strict it is only told"
            }
            Self::NoSuchBinary { .. } => "hostledger binary list lists the programs",
            Self::NoLog { .. } => "output is kept of programs that have run without --terminal",
            Self::Bystander(BystanderError::Elsewhere { .. }) => "run this on that machine",
            Self::Bystander(BystanderError::OtherNamespace { .. }) => {
                "run this in the container that the process runs in"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn store_hint(error: &StoreError) -> Option<String> {
    let hint = match error {
        StoreError::NoDirectory { .. } => "make the directory first, or give another path",
        StoreError::NetworkFileSystem { .. } => {
            "keep the ledger on a local disk: its write-ahead log needs memory shared by all who use it"
        }
        StoreError::Locked { .. } => "wait for the other program to finish, or end it",
        StoreError::Newer { .. } => "use that version of hostledger or a later one",
        StoreError::Full { .. } => "make room on the disk; nothing that was recorded is lost",
        StoreError::Unreachable { .. } => {
            "see that the server runs and can be reached from here; nothing that was recorded is lost"
        }
        StoreError::Login { .. } => {
            "correct user, password and database in the URL, or let them in with pg_hba.conf"
        }
        StoreError::Untrusted { .. } => {
            "name the server's own certificate authority with sslrootcert, and the host as its certificate does"
        }
        StoreError::Forbidden { .. } => {
            "let the user own the ledger's tables, or grant it SELECT, INSERT, UPDATE and DELETE on all of them (and CREATE on the schema, where there are none yet)"
        }
        StoreError::TooOld { .. } => "use a newer server, or a file with sqlite:PATH",
        StoreError::Encoding { .. } => "make a database with ENCODING 'UTF8'",
        StoreError::ReadOnly {
            why: ReadOnly::Standby,
            ..
        } => {
            "name the server that is written to: target_session_attrs=read-write finds it among several"
        }
        StoreError::ReadOnly { .. } => {
            "give a ledger of your own to write to with --data or --database"
        }
        StoreError::NotALedger { .. } | StoreError::NotADatabase { .. } => {
            "give the path of a ledger, or of a file that does not exist yet"
        }
        StoreError::Damaged { .. } => {
            "restore a backup, or save what sqlite3 PATH .recover can read"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}
