//! Tells which machine and network this is, and what the host offers for processes.
//!
//! `cargo run -p hostledger --example machine`

use std::error::Error;
use std::io::{self, Write};

use hostledger::{Ledger, doctor};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let ledger = Ledger::open(directory.path().join("ledger"))?;

    let machine = ledger.current_machine()?;
    // No packet leaves the host: nobody is asked how it looks from the internet.
    let interface = ledger.current_interface(false)?;

    let mut out = io::stdout().lock();
    let (facts, network) = (&machine.facts, &interface.facts);
    writeln!(out, "guid     {}", facts.guid)?;
    writeln!(out, "host     {} ({})", facts.hostname, facts.os_release)?;
    let kind = match (facts.hw_in_docker, facts.hw_in_vm) {
        (true, _) => "a container",
        (false, true) => "a virtual machine",
        (false, false) => "no virtual machine",
    };
    writeln!(
        out,
        "hardware {} {}: {kind}",
        facts.hw_manufacturer, facts.hw_product
    )?;
    writeln!(out, "network  {} on {}", network.ip_local, network.iface)?;
    for check in doctor::host() {
        writeln!(out, "{:<14} {}", check.name, check.found)?;
    }

    // Detected once and trusted for days: the second answer is the same row.
    assert_eq!(ledger.current_machine()?.id, machine.id);
    Ok(())
}
