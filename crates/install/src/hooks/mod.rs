//! Hooks: programs that come with plugins and run at an event, by ArchiveBox's contract.
//!
//! A plugin is a directory with an optional `config.json` and files called
//! `on_<Event>__<NN>_<what>.<py|js|sh>`. [`discover`] finds them, [`Settings`] says which are on
//! and with which configuration, [`command`] and [`variables`] what is to be run, and
//! [`HookOutput`] reads the records that a hook has printed among other things.
//!
//! Nothing is run or written here: whoever runs a hook does it as a recorded process.

mod allow_list;
mod argument;
mod discovery;
mod environment;
mod event;
mod expansion;
mod hook;
mod log;
mod output;
mod pattern;
mod plugin_config;
mod problem;
mod property;
mod provider;
mod required;
mod resolution;
mod settings;
mod verdict;

pub use allow_list::allows;
pub use argument::{InvalidArgument, command};
pub use discovery::{Discovered, Plugin, discover};
pub use environment::{Surroundings, Variables, variables};
pub use event::{EventName, InvalidEventName};
pub use hook::{Hook, Mode};
pub use log::LogBegin;
pub use output::{HookOutput, PassedOver, tag};
pub use pattern::Pattern;
pub use plugin_config::{ConfigError, PluginConfig};
pub use problem::Problem;
pub use property::{FurtherMembers, Property, ValueType};
pub use provider::{HookProvider, HookRecord, RecordSink};
pub use required::{RequiredBinary, required_binaries};
pub use resolution::{Resolved, Source, Sources};
pub use settings::{Disabled, Settings};
pub use verdict::Verdict;
