//! What can be known to be wrong with an order before anything is recorded.

use hostledger_process::{InvalidLaunch, Launch, LaunchSpec, Session, Stdin};

use crate::port::{LaunchOrder, OutputPlace, StdinSource};

impl LaunchOrder {
    /// Checks what can be known to be wrong before anything is recorded.
    ///
    /// # Errors
    /// See [`InvalidLaunch`].
    pub fn check(&self) -> Result<Launch, InvalidLaunch> {
        self.spec().check_with(&self.environment)
    }

    /// The launch of a process as a child of ours: marked, so that what descends from it is known.
    pub(super) fn tagged(&self, tag: u64) -> Result<Launch, InvalidLaunch> {
        let mut spec = self.spec();
        spec.tag = Some(tag);
        spec.check_with(&self.environment)
    }

    /// All but the environment.
    fn spec(&self) -> LaunchSpec {
        let attributes = &self.attributes;
        let mut spec = LaunchSpec::new(self.command.clone(), self.working_directory.clone());
        spec.stdin = match self.stdin {
            StdinSource::Null | StdinSource::Given(_) => Stdin::Null,
            StdinSource::Inherit => Stdin::Inherit,
        };
        spec.session = match self.output {
            OutputPlace::Files(_) | OutputPlace::Given { .. } => Session::New,
            OutputPlace::MadeTerminal { .. } => Session::Terminal,
            OutputPlace::Terminal => Session::Same,
        };
        spec.umask = attributes.umask;
        spec.nice = attributes.nice;
        spec.limits.clone_from(&attributes.rlimits);
        spec
    }
}
