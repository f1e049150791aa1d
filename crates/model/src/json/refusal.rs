//! Why a record was not taken.

use super::RecordType;
use crate::{DraftError, InvalidCommand, LimitExceeded, MachineId};

/// Why an object that should be a record is none of ours.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It does not say what it is.
    #[error("the object has no \"type\": add one, such as \"type\":\"Process\"")]
    NoType,
    /// A field does not hold what it should; the source says what was expected.
    #[error("{record}: {field} cannot be read")]
    Field {
        /// What the object is.
        record: RecordType,
        /// Which field, such as `cmd[1]`.
        field: String,
        /// What was found, and what was expected.
        #[source]
        source: serde_json::Error,
    },
    /// A text is longer than its field.
    #[error("{record}: a text is too long")]
    Limit {
        /// What the object is.
        record: RecordType,
        /// Which field, and what fits.
        #[source]
        source: LimitExceeded,
    },
    /// A text holds a NUL character, which no program can be given and not every database keeps.
    #[error("{record}: {field} holds a NUL character: leave it out")]
    NulCharacter {
        /// What the object is.
        record: RecordType,
        /// Which field.
        field: &'static str,
    },
    /// A number of a process that has ended that cannot be.
    #[error("Process: {field} cannot be so: {expected}")]
    Impossible {
        /// Which field.
        field: &'static str,
        /// What can be.
        expected: &'static str,
    },
    /// A machine record without a patch.
    #[error(
        "Machine: there is no \"config\": give an object of keys to set; nothing else of a machine is taken"
    )]
    NoConfig,
    /// The older form of a machine record asks for something else than an update.
    #[error("Machine: \"_method\" is {method:?}: only \"update\" is known")]
    UnknownMethod {
        /// What it asks for.
        method: String,
    },
    /// The older form of a machine record names no key.
    #[error("Machine: an update of one value needs a \"key\" and a \"value\"")]
    NoKey,
    /// A binary without a name.
    #[error("{record}: there is no \"name\": name the program")]
    NoName {
        /// What the object is.
        record: RecordType,
    },
    /// A binary that is neither a request nor installed.
    #[error(
        "{record} {name:?}: give \"binproviders\" or \"overrides\" to ask for it, or both \"abspath\" and \"version\" when it is installed"
    )]
    NeitherRequestNorInstalled {
        /// What the object is.
        record: RecordType,
        /// The program.
        name: String,
    },
    /// A process that is not known and has no command.
    #[error(
        "Process: there is no known \"id\" and no \"cmd\": give the command to be run as a list"
    )]
    NoCommand,
    /// A process that has ended, without an id: it would be taken anew each time.
    #[error(
        "Process: one that has ended needs an \"id\" to be known by: give it, or leave the status out to have it run"
    )]
    NoId,
    /// A process that runs elsewhere.
    #[error(
        "Process: it is running by its record: how it ends is learnt where it runs; take it in when it has ended"
    )]
    NotEnded,
    /// A process whose command was no text.
    #[error(
        "Process: {field} holds U+FFFD, which stands for what is not UTF-8: what it was cannot be told any more"
    )]
    NotExact {
        /// Which field.
        field: &'static str,
    },
    /// A process of another machine, whose secrets would stay on this one.
    #[error(
        "Process: the values of {names} are secret and are kept where they are given, but it is to run on machine {machine}: take it in there, or leave them out"
    )]
    SecretsElsewhere {
        /// The variables.
        names: String,
        /// Where it is to run.
        machine: MachineId,
    },
    /// A process with a text that does not fit.
    #[error("Process: it cannot be recorded like this")]
    Draft(#[source] DraftError),
    /// A process whose command cannot be run.
    #[error("Process: \"cmd\" cannot be run")]
    Command(#[source] InvalidCommand),
    /// A process that has no time to run.
    #[error("Process: \"timeout\" is {seconds}: give a number of seconds above 0, or leave it out")]
    Timeout {
        /// What it says.
        seconds: i64,
    },
}
