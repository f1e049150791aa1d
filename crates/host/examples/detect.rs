//! Prints what is detected on this host, and on standard error how long that took.
//!
//! `detect guid` reads the guid alone. Run it in fresh processes to measure a cold start:
//! `for i in $(seq 100); do target/release/examples/detect >/dev/null; done`

use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

use hostledger_host::{Host, MachineOptions, Offline};

fn main() -> Result<(), Box<dyn Error>> {
    let options = MachineOptions::new(std::env::temp_dir());
    let only_guid = std::env::args()
        .nth(1)
        .is_some_and(|argument| argument == "guid");
    let started = Instant::now();
    let host = Host::live();
    if only_guid {
        let guid = host.machine_guid(&options);
        let took = started.elapsed();
        writeln!(io::stdout(), "{guid}")?;
        writeln!(io::stderr(), "guid {} us", took.as_micros())?;
        return Ok(());
    }
    let guid = host.machine_guid(&options);
    let guid_took = started.elapsed();
    let machine = host.detect_machine(&options);
    let machine_took = started.elapsed() - guid_took;
    let network = host.detect_network(&Offline);
    let network_took = started.elapsed() - guid_took - machine_took;
    assert_eq!(machine.guid, guid);
    let detected = serde_json::json!({ "machine": machine, "network": network });
    writeln!(io::stdout(), "{detected:#}")?;
    writeln!(
        io::stderr(),
        "guid {} us, machine {} us, network {} us",
        guid_took.as_micros(),
        machine_took.as_micros(),
        network_took.as_micros()
    )?;
    Ok(())
}
