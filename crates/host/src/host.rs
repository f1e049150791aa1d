//! The host that is asked: its files, its kernel and the environment.

use std::fmt;

use crate::environment::Environment;
use crate::kernel::{Kernel, LiveKernel};
use crate::machine::{self, DetectedMachine, MachineOptions};
use crate::network::{self, DetectedNetwork};
use crate::resolver::Resolver;
use crate::root::HostRoot;
use crate::{guid, machine_id};

/// A host whose identity, hardware, system and network can be read.
pub struct Host {
    root: HostRoot,
    kernel: Box<dyn Kernel>,
    environment: Environment,
}

impl Host {
    /// The host this process runs on.
    pub fn live() -> Self {
        Self::new(
            HostRoot::new("/"),
            LiveKernel,
            Environment::of_this_process(),
        )
    }

    /// A host made of its parts: a recorded tree with the answers of its kernel.
    pub fn new(root: HostRoot, kernel: impl Kernel + 'static, environment: Environment) -> Self {
        Self {
            root,
            kernel: Box::new(kernel),
            environment,
        }
    }

    /// The id of the machine that `detect_machine` reports, and nothing else: one small file is
    /// read, which is all that a start needs while the stored record is fresh.
    ///
    /// It is the lower-case hex of HMAC-SHA256 with the host's machine id as the key and
    /// [`MachineOptions::application_id`] as the message, so the same for every start of the host
    /// and different from what another application derives (`machine-id(5)` asks for that).
    pub fn machine_guid(&self, options: &MachineOptions) -> String {
        let id = machine_id::machine_id(&self.root, self.kernel.as_ref(), &options.data_dir);
        guid::guid(&id, &options.application_id)
    }

    /// Reads what the machine is, and its load, memory and disks at this moment.
    pub fn detect_machine(&self, options: &MachineOptions) -> DetectedMachine {
        machine::detect(&self.root, self.kernel.as_ref(), &self.environment, options)
    }

    /// Reads how the host reaches the network, and asks `resolver` how it looks from outside.
    ///
    /// Costs what the resolver costs: nothing with `Offline`, up to its deadlines with `Http`.
    pub fn detect_network(&self, resolver: &dyn Resolver) -> DetectedNetwork {
        network::detect(&self.root, self.kernel.as_ref(), resolver)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Host")
            .field("root", &self.root)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}
