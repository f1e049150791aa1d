//! Which machine and network this is: host detection for hostledger.
//!
//! Linux only. [`Host`] answers three questions, each cheap and none of which can fail or hang
//! its caller: what identifies this machine ([`Host::machine_guid`]), what it is
//! ([`Host::detect_machine`]) and how it reaches the network ([`Host::detect_network`]). What
//! cannot be learnt falls back to a stated value and is told by `tracing`.
//!
//! Everything is read from files below a [`HostRoot`], from the few system calls behind
//! [`Kernel`] and from an [`Environment`] that is passed in, so that every detection runs as well
//! on the recorded tree of another machine. `/` and the process environment appear in
//! [`Host::live`] and behind [`LiveKernel`] alone. No program is run.
//!
//! No packet leaves the host unless a [`Resolver`] that sends some is handed in: [`Offline`] is
//! the one to use by default, `Http` asks services on the internet.
//!
//! ```
//! use hostledger_host::{Host, MachineOptions, Offline};
//!
//! # let data_dir = tempfile::tempdir()?;
//! let host = Host::live();
//! let machine = host.detect_machine(&MachineOptions::new(data_dir.path()));
//! let network = host.detect_network(&Offline);
//! assert_eq!(machine.guid.len(), 64);
//! assert_eq!(network.ip_public, network.ip_local);
//! # Ok::<(), std::io::Error>(())
//! ```

mod cgroup;
mod container;
mod dmi;
mod environment;
mod file_system;
mod guid;
mod host;
mod hypervisor;
mod kept_id;
mod kernel;
mod libc_version;
mod machine;
mod machine_id;
mod network;
mod operating_system;
mod resolver;
mod root;
mod stats;
mod xen;

pub use environment::Environment;
pub use host::Host;
pub use kernel::{DiskUsage, Kernel, LiveKernel, Uname};
pub use machine::{DetectedMachine, MachineOptions};
pub use network::DetectedNetwork;
#[cfg(feature = "http")]
pub use resolver::{Endpoints, Http};
pub use resolver::{Fixed, Offline, PublicNetwork, Resolver};
pub use root::HostRoot;
