//! Records to fill a ledger with.

use chrono::TimeDelta;
use hostledger_model::{
    Binary, BinaryStatus, BootId, CommandLine, Ended, Machine, MachineFacts, MachineId,
    NetworkFacts, NetworkInterface, Outcome, OwnerId, Pid, PidNamespace, Process, ProcessChange,
    ProcessDraft, ProcessId, ProcessIdentity, SecretWords, StartTicks, Started, Timestamp,
};
use hostledger_store::{Change, Commit, Store, StoreError};
use serde_json::json;

/// A fixed time; tests say how many seconds after it something was.
pub(crate) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-03-04T05:06:07.000008Z".parse().unwrap();
    start.saturating_add(TimeDelta::seconds(seconds))
}

/// Submits changes at second 1000 and waits for their commit.
pub(crate) fn submit(store: &dyn Store, changes: Vec<Change>) -> Result<Commit, StoreError> {
    store.submit(at(1000), changes).wait()
}

/// Submits changes that must be written.
#[track_caller]
pub(crate) fn write(store: &dyn Store, changes: Vec<Change>) {
    let commit = submit(store, changes).unwrap();
    assert!(commit.is_applied(), "{commit:?}");
}

/// Submits a change that must be refused.
#[track_caller]
pub(crate) fn refused(store: &dyn Store, change: Change) {
    let commit = submit(store, vec![change]).unwrap();
    assert_eq!(commit, Commit::Refused { change: 0 });
}

pub(crate) fn new_machine(guid: &str) -> Machine {
    let facts = MachineFacts {
        guid: guid.to_owned(),
        hostname: "höst".to_owned(),
        hw_in_docker: true,
        hw_in_vm: false,
        hw_manufacturer: "QEMU".to_owned(),
        os_arch: "x86_64".to_owned(),
        stats: Some(json!({"cpu_load": [0.1, 2.785_644_531_25, 1e-7], "big": u64::MAX})),
        ..MachineFacts::default()
    };
    Machine::new(facts, at(0))
}

/// A machine in the ledger.
pub(crate) fn machine(store: &dyn Store, guid: &str) -> Machine {
    let machine = new_machine(guid);
    write(
        store,
        vec![Change::InsertMachine(Box::new(machine.clone()))],
    );
    machine
}

pub(crate) fn new_interface(machine: MachineId, ip_local: &str) -> NetworkInterface {
    let facts = NetworkFacts {
        mac_address: "02:00:00:00:00:01".to_owned(),
        ip_public: "2001:db8::1".to_owned(),
        ip_local: ip_local.to_owned(),
        dns_server: "127.0.0.53".to_owned(),
        hostname: "höst".to_owned(),
        iface: "eth0".to_owned(),
        city: "Zürich".to_owned(),
        ..NetworkFacts::default()
    };
    NetworkInterface::new(machine, facts, at(0))
}

/// A binary that is installed.
pub(crate) fn new_binary(machine: MachineId, name: &str) -> Binary {
    Binary {
        abspath: format!("/usr/bin/{name}"),
        version: "1.2.3".to_owned(),
        status: BinaryStatus::Installed,
        retry_at: None,
        overrides: json!({"apt": {"install_args": ["--no-install-recommends", "ü\n\""]}}),
        ..Binary::request(machine, name, at(0)).unwrap()
    }
}

/// A queued process, made and due at second `seconds`.
pub(crate) fn new_process(machine: MachineId, seconds: i64) -> Process {
    let command = CommandLine::new(vec![b"sleep".to_vec(), b"1".to_vec()]).unwrap();
    let draft = ProcessDraft::new(machine, command, b"/".to_vec());
    let (process, _) = draft
        .into_process(&SecretWords::default(), at(seconds))
        .unwrap();
    process
}

/// A process in the ledger.
pub(crate) fn insert(store: &dyn Store, process: &Process) {
    write(
        store,
        vec![Change::InsertProcess(Box::new(process.clone()))],
    );
}

pub(crate) fn change(process: ProcessId, change: ProcessChange, owner: Option<OwnerId>) -> Change {
    Change::ChangeProcess {
        id: process,
        change,
        owner,
    }
}

pub(crate) fn identity(pid: i32) -> ProcessIdentity {
    ProcessIdentity {
        boot_id: BootId("5f6ebd0b-1e9e-4d5b-a9ac-0f1fb8ef6a4d".to_owned()),
        pid_namespace: PidNamespace(4_026_531_836),
        pid: Pid::new(pid).unwrap(),
        start_ticks: StartTicks(123_456),
        pidfd_inode: Some(u64::MAX - 1),
    }
}

pub(crate) fn started(pid: i32) -> Started {
    Started {
        identity: identity(pid),
        started_at: at(20),
        lease_until: at(500),
        knows_stop: false,
        log: hostledger_model::LogPlace::Files {
            stem: "processes/x.1".to_owned(),
        },
    }
}

pub(crate) fn ended(exit_code: i32) -> Ended {
    Ended {
        ended_at: at(30),
        exit_code: Some(exit_code),
        outcome: Outcome::Exited,
        stdout: "out\0\u{fffd}\n".to_owned(),
        stderr: "ärr".to_owned(),
        stdout_bytes: Some(u64::MAX),
        stderr_bytes: Some(4),
        stdout_dropped: Some(u64::MAX - 4),
        stderr_dropped: None,
        usage: Some(hostledger_model::ResourceUsage {
            cpu_user_us: 1,
            cpu_system_us: 2,
            max_rss_kib: 3,
            block_inputs: 4,
            block_outputs: 5,
            voluntary_switches: 6,
            involuntary_switches: u64::MAX,
        }),
    }
}

/// The row of a process that must be there.
#[track_caller]
pub(crate) fn row(store: &dyn Store, process: ProcessId) -> Process {
    store.process(process).unwrap().unwrap()
}
