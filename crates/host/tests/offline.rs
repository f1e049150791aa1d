//! No packet leaves the host while it is detected.

use std::process::Output;

use hostledger_host::{Host, MachineOptions, Offline};
use serde_json::json;

/// Set in the process that this test starts in a network of its own.
const ROLE: &str = "HOSTLEDGER_TEST_DETECT";

/// Sends `$1` to the test program, between two looks at the packets sent by the one interface
/// with a route to the internet; afterwards a real datagram shows that the looks can see it.
const SCRIPT: &str = r#"
set -e
mount -t sysfs sysfs /sys
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link add way0 type veth peer name far0
ip address add 192.0.2.2/24 dev way0
ip link set way0 up
ip link set far0 up
ip route add default via 192.0.2.1
sent() { cat /sys/class/net/way0/statistics/tx_packets; }
echo "before=$(sent)"
"$1" --exact detection_offline_sends_nothing --nocapture
echo "after=$(sent)"
(echo > /dev/udp/192.0.2.1/53) || true
echo "control=$(sent)"
"#;

#[expect(
    clippy::disallowed_methods,
    reason = "a network of its own needs a process of its own"
)]
fn in_own_network() -> std::io::Result<Output> {
    std::process::Command::new("unshare")
        .args(["--net", "--mount", "bash", "-c", SCRIPT, "bash"])
        .arg(std::env::current_exe()?)
        .env(ROLE, "1")
        .output()
}

#[test]
fn detection_offline_sends_nothing() {
    if std::env::var_os(ROLE).is_some() {
        let host = Host::live();
        let data_dir = tempfile::tempdir().unwrap();
        let machine = host.detect_machine(&MachineOptions::new(data_dir.path()));
        assert_eq!(machine.guid.len(), 64);
        let network = host.detect_network(&Offline);
        println!("\ndetected={}", json!(network));
        return;
    }
    let output = match in_own_network() {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            assert!(!reason.contains("panicked"), "{reason}");
            eprintln!("SKIPPED: no network of our own: {reason}");
            return;
        }
        Err(error) => {
            eprintln!("SKIPPED: cannot run unshare: {error}");
            return;
        }
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let value = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name));
        found
            .unwrap_or_else(|| panic!("no {name} in {text}"))
            .to_owned()
    };
    let detected: serde_json::Value = serde_json::from_str(&value("detected=")).unwrap();
    assert_eq!(detected["iface"], "way0");
    assert_eq!(detected["ip_local"], "192.0.2.2");
    assert_eq!(detected["ip_public"], "192.0.2.2");
    assert_eq!(value("before="), value("after="));
    assert_ne!(
        value("after="),
        value("control="),
        "a packet that is sent would be seen"
    );
}
