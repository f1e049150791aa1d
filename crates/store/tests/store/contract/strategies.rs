//! Any process record that a ledger can be given.

use hostledger_model::{
    BinaryId, BootId, InterfaceId, KillMode, LaunchAttributes, LogPlace, MachineId, Outcome,
    OwnerId, Pid, PidNamespace, Process, ProcessId, ProcessIdentity, ProcessStatus, ProcessType,
    ResourceLimit, ResourceUsage, SecretBatchId, StartTicks, StopRequest, Timestamp,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};

/// Records that are there to be named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct References {
    pub(crate) machine: MachineId,
    pub(crate) interface: InterfaceId,
    pub(crate) binary: BinaryId,
    pub(crate) parent: ProcessId,
}

/// Any text, NUL and everything beyond ASCII with it.
fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..12).prop_map(String::from_iter)
}

/// From year 1 to year 9999, which four digits can say.
fn time() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800_000_000_i64..253_402_300_800_000_000)
        .prop_map(|micros| Timestamp::from_unix_micros(micros).unwrap())
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner).prop_map(Value::Object),
        ]
    })
}

fn object(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    vec((text(), values), 0..4).prop_map(Map::from_iter)
}

fn id<T: From<uuid::Uuid> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    any::<u128>().prop_map(|bits| uuid::Uuid::from_u128(bits).into())
}

fn identity() -> impl Strategy<Value = ProcessIdentity> {
    let numbers = (any::<u64>(), 1..=i32::MAX, any::<u64>());
    (text(), numbers, option::of(any::<u64>())).prop_map(
        |(boot_id, (pid_namespace, pid, start_ticks), pidfd_inode)| ProcessIdentity {
            boot_id: BootId(boot_id),
            pid_namespace: PidNamespace(pid_namespace),
            pid: Pid::new(pid).unwrap(),
            start_ticks: StartTicks(start_ticks),
            pidfd_inode,
        },
    )
}

/// A pid with exact identity, without, or none.
fn pid_and_identity() -> impl Strategy<Value = (Option<Pid>, Option<ProcessIdentity>)> {
    prop_oneof![
        Just((None, None)),
        (1..=i32::MAX).prop_map(|pid| (Pid::new(pid), None)),
        identity().prop_map(|identity| (Some(identity.pid), Some(identity))),
    ]
}

fn usage() -> impl Strategy<Value = ResourceUsage> {
    any::<[u64; 7]>().prop_map(|numbers| ResourceUsage {
        cpu_user_us: numbers[0],
        cpu_system_us: numbers[1],
        max_rss_kib: numbers[2],
        block_inputs: numbers[3],
        block_outputs: numbers[4],
        voluntary_switches: numbers[5],
        involuntary_switches: numbers[6],
    })
}

fn launch() -> impl Strategy<Value = LaunchAttributes> {
    let rlimit = (text(), any::<Option<u64>>(), any::<Option<u64>>())
        .prop_map(|(name, soft, hard)| ResourceLimit { name, soft, hard });
    (
        any::<bool>(),
        any::<Option<i32>>(),
        any::<Option<u32>>(),
        vec(rlimit, 0..3),
        any::<Option<u64>>(),
        any::<bool>(),
        proptest::option::of(text()),
    )
        .prop_map(
            |(clear_env, nice, umask, rlimits, max_log_bytes, log_in_pwd, log_directory)| {
                LaunchAttributes {
                    clear_env,
                    nice,
                    umask,
                    rlimits,
                    max_log_bytes,
                    log_in_pwd,
                    log_directory,
                }
            },
        )
}

fn log() -> impl Strategy<Value = LogPlace> {
    prop_oneof![
        Just(LogPlace::Terminal),
        text().prop_map(|stem| LogPlace::Files {
            stem: format!("processes/{stem}.1"),
        }),
        text().prop_map(|path| LogPlace::Directory {
            path: format!("/{path}"),
        }),
        text().prop_map(|stem| LogPlace::Merged { stem }),
    ]
}

fn stop() -> impl Strategy<Value = StopRequest> {
    (time(), text(), any::<i32>()).prop_map(|(at, by, signal)| StopRequest { at, by, signal })
}

/// Bytes as an argument can hold them.
fn argument() -> impl Strategy<Value = Vec<u8>> {
    vec(1..=u8::MAX, 0..6)
}

/// What is to be run.
fn what() -> impl Strategy<Value = Process> {
    let command = (
        vec(text(), 0..4),
        option::of(vec(argument(), 0..4)),
        text(),
        option::of(vec(any::<u8>(), 0..6)),
    );
    let environment = (
        object(json()),
        vec(text(), 0..3),
        option::of(id::<SecretBatchId>()),
    );
    let timeout = (any::<i64>(), any::<Option<u64>>());
    let kind = (
        select(ProcessType::ALL),
        text(),
        select(KillMode::ALL),
        any::<bool>(),
        any::<u32>(),
        any::<u32>(),
        any::<bool>(),
        option::of(id::<ProcessId>()),
    );
    let texts = (option::of(text()), option::of(text()));
    (command, environment, timeout, launch(), kind, texts).prop_map(
        |(command, environment, timeout, launch, kind, texts)| Process {
            cmd: command.0,
            raw_cmd: command.1,
            pwd: command.2,
            raw_pwd: command.3,
            env: environment.0,
            secret_env: environment.1,
            secret_batch: environment.2,
            timeout: timeout.0,
            timeout_ms: timeout.1,
            launch,
            process_type: kind.0,
            worker_type: kind.1,
            kill_mode: kind.2,
            detached: kind.3,
            attempt: kind.4,
            max_attempts: kind.5,
            retry_lost: kind.6,
            restart_of: kind.7,
            url: texts.0,
            name: texts.1,
            ..super::world::new_process(MachineId::generate(), 0)
        },
    )
}

/// Any record that names only `references`.
pub(crate) fn process(references: References) -> impl Strategy<Value = Process> {
    let ids = (id(), any::<[bool; 3]>());
    let times = (
        time(),
        time(),
        option::of(time()),
        option::of(time()),
        option::of(time()),
    );
    let state = (
        select(ProcessStatus::ALL),
        option::of(select(Outcome::ALL)),
        // -1 is what older writers put for a process that was killed: it reads as 137.
        option::of(any::<i32>().prop_filter("read as 137", |code| *code != -1)),
        option::of(id::<OwnerId>()),
        option::of(stop()),
    );
    let output = (
        text(),
        text(),
        any::<[Option<u64>; 4]>(),
        option::of(log()),
        option::of(usage()),
    );
    (what(), ids, times, state, output, pid_and_identity()).prop_map(
        move |(what, ids, times, state, output, (pid, identity))| Process {
            id: ids.0,
            machine_id: references.machine,
            interface_id: ids.1[0].then_some(references.interface),
            binary_id: ids.1[1].then_some(references.binary),
            parent_id: ids.1[2].then_some(references.parent),
            created_at: times.0,
            modified_at: times.1,
            retry_at: times.2,
            started_at: times.3,
            ended_at: times.4,
            status: state.0,
            outcome: state.1,
            exit_code: state.2,
            owner: state.3,
            stop: state.4,
            stdout: output.0,
            stderr: output.1,
            stdout_bytes: output.2[0],
            stderr_bytes: output.2[1],
            stdout_dropped: output.2[2],
            stderr_dropped: output.2[3],
            log: output.3,
            usage: output.4,
            pid,
            identity,
            ..what
        },
    )
}
