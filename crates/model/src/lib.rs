//! The records of hostledger: machines, network interfaces, binaries and processes.
