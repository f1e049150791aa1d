//! Plugins and the hooks in them, by ArchiveBox's contract.

mod event_run;
mod installers;
mod interruption;
mod own_log;
mod plugins;
mod records;

pub use event_run::{EventRun, HookEnd, HookNews};
pub use interruption::Interruption;
pub use plugins::{Plugins, PluginsBuilder};
