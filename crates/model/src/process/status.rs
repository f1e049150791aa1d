//! The fixed words of a process row.

use crate::text_enum::text_enum;

text_enum! {
    /// Where a process is in its life.
    pub enum ProcessStatus("process status") {
        /// To be started when due.
        Queued = "queued",
        /// Started, its end not yet known.
        Running = "running",
        /// Ended; final.
        Exited = "exited",
    }
}

text_enum! {
    /// What kind of process it is.
    pub enum ProcessType("process type") {
        /// A supervisor of daemons.
        Supervisord = "supervisord",
        /// A loop that hands out work.
        Orchestrator = "orchestrator",
        /// Something that works off a queue.
        Worker = "worker",
        /// A command somebody asked for.
        Cli = "cli",
        /// A plugin's hook.
        Hook = "hook",
        /// Any other program.
        Binary = "binary",
    }
}

text_enum! {
    /// How a process ended.
    pub enum Outcome("outcome") {
        /// By itself, with an exit code.
        Exited = "exited",
        /// By a signal that was not ours.
        Signaled = "signaled",
        /// Stopped by us, as its time was up.
        TimedOut = "timed_out",
        /// Stopped by us, as somebody asked.
        Killed = "killed",
        /// Taken back before it started.
        Cancelled = "cancelled",
        /// It could not be started.
        SpawnFailed = "spawn_failed",
        /// Nobody could learn how.
        Lost = "lost",
    }
}

impl Outcome {
    /// Whether the process never ran: there is no pid, no start and no log.
    #[must_use]
    pub const fn is_before_start(self) -> bool {
        matches!(self, Self::Cancelled | Self::SpawnFailed)
    }

    /// Whether the process ended by itself, as far as whoever said so knew: nobody had asked
    /// for its end.
    #[must_use]
    pub const fn is_by_itself(self) -> bool {
        matches!(self, Self::Exited | Self::Signaled)
    }
}

text_enum! {
    /// Which part of what a process started is ended with it.
    pub enum KillMode("kill mode") {
        /// All that descends from it.
        Tree = "tree",
        /// Its process group.
        Group = "group",
        /// Itself alone.
        Process = "process",
    }
}
