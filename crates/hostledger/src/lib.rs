//! A durable ledger of hosts, binaries and processes.
