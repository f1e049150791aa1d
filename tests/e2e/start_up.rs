//! What a start costs, other than time.

use std::fs;

use hostledger_tests::{Ledger, hostledger, skipped};

use crate::background::Background;

/// In KiB. The program without optimisation is five times as large, and part of it is resident.
const MOST_MEMORY: u64 = if cfg!(debug_assertions) { 32 } else { 16 } * 1024;

/// Runs the program between two looks at the packets sent by the one interface with a route to
/// the internet; afterwards a real datagram shows that the looks can see it.
const IN_OWN_NETWORK: &str = r#"
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
before=$(sent)
"$@" >&2
after=$(sent)
(echo > /dev/udp/192.0.2.1/53) || true
echo "$before $after $(sent)"
"#;

/// The most that a process has had in memory so far, in KiB.
fn most_memory(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().strip_suffix(" kB");
    kib.unwrap().parse().unwrap()
}

#[test]
fn launcher_and_keeper_stay_small_from_the_first_row_on() {
    let ledger = Ledger::new();
    // The first one makes the database, and learns of the machine.
    let run = Background::start(&ledger, "exec sleep 60");
    let launcher = run.run.pid().cast_signed();
    let keeper = hostledger_tests::parent_of(run.pid).unwrap();
    for pid in [launcher, keeper] {
        let memory = most_memory(pid);
        assert!(memory <= MOST_MEMORY, "{memory} KiB");
    }
    run.end(&ledger);
}

#[test]
fn nothing_is_sent() {
    let ledger = Ledger::new();
    let outside = ledger.other("unshare");
    let outside = outside.args(["--net", "--mount", "bash", "-c", IN_OWN_NETWORK, "bash"]);
    let run = outside.arg(hostledger()).arg("--data").arg(ledger.data());
    let output = run.args(["run", "--", "sh", "-c", "exit 0"]).output();
    if !output.status.success() && ledger.processes().is_empty() {
        skipped(&format!("no network of our own: {}", output.stderr_text()));
        return;
    }
    let output = output.expect_code(0);
    let sent: Vec<u64> = output
        .stdout_text()
        .split_whitespace()
        .map(|count| count.parse().unwrap())
        .collect();
    let [before, after, control] = sent[..] else {
        unreachable!("{}", output.report())
    };
    assert_eq!(before, after, "{}", output.report());
    assert_ne!(
        after,
        control,
        "what is sent can be seen: {}",
        output.report()
    );
    assert_eq!(ledger.process()["exit_code"], 0);
}
