//! Values of every kind.

use hostledger_model::{
    Binary, BinaryId, BinaryStatus, BootId, CommandLine, Health, InterfaceId, KillMode,
    LaunchAttributes, LogPlace, Machine, MachineFacts, MachineId, NetworkFacts, NetworkInterface,
    Outcome, Pid, PidNamespace, Process, ProcessDraft, ProcessId, ProcessIdentity, ProcessStatus,
    ProcessType, ResourceLimit, ResourceUsage, SecretBatchId, SecretWords, StartTicks, StopRequest,
    Timestamp, timeout_seconds,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Must never be seen in anything written.
pub(crate) const SECRET: &str = "the value of a variable";

pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z/ .\"\\\\\n]{0,12}",
        Just(String::new())
    ]
}

/// A text that can be in a record that is read: without NUL characters.
pub(crate) fn plain_text() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace('\0', ""))
}

pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

pub(crate) fn object() -> impl Strategy<Value = Map<String, Value>> {
    btree_map(text(), json(), 0..4).prop_map(|map| map.into_iter().collect())
}

pub(crate) fn timestamp() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        any::<i64>().prop_map(|micros| micros / 36),
        1_500_000_000_000_000..2_000_000_000_000_000_i64,
    ]
    .prop_filter_map("outside the years 1 to 9999", Timestamp::from_unix_micros)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn health() -> impl Strategy<Value = Health> {
    (any::<u64>(), any::<u64>()).prop_map(|(num_uses_succeeded, num_uses_failed)| Health {
        num_uses_succeeded,
        num_uses_failed,
    })
}

pub(crate) fn machine() -> impl Strategy<Value = Machine> {
    let texts = vec(text(), 10);
    (
        uuid(),
        texts,
        any::<[bool; 2]>(),
        option::of(object()),
        option::of(object()),
        health(),
    )
        .prop_map(
            |(id, texts, [hw_in_docker, hw_in_vm], stats, config, health)| {
                let mut text = texts.into_iter();
                let mut next = || text.next().unwrap();
                let facts = MachineFacts {
                    guid: next(),
                    hostname: next(),
                    hw_in_docker,
                    hw_in_vm,
                    hw_manufacturer: next(),
                    hw_product: next(),
                    hw_uuid: next(),
                    os_arch: next(),
                    os_family: next(),
                    os_platform: next(),
                    os_release: next(),
                    os_kernel: next(),
                    stats: stats.map(Value::Object),
                };
                let machine = Machine::new(MachineFacts::default(), Timestamp::now());
                Machine {
                    id: MachineId::from(id),
                    facts,
                    config: config.map(Value::Object),
                    health,
                    ..machine
                }
            },
        )
}

pub(crate) fn interface() -> impl Strategy<Value = NetworkInterface> {
    (uuid(), uuid(), vec(plain_text(), 10), health(), timestamp()).prop_map(
        |(id, machine_id, texts, health, now)| {
            let mut text = texts.into_iter();
            let mut next = || text.next().unwrap();
            let facts = NetworkFacts {
                mac_address: next(),
                ip_public: next(),
                ip_local: next(),
                dns_server: next(),
                hostname: next(),
                iface: next(),
                isp: next(),
                city: next(),
                region: next(),
                country: next(),
            };
            NetworkInterface {
                id: InterfaceId::from(id),
                health,
                ..NetworkInterface::new(MachineId::from(machine_id), facts, now)
            }
        },
    )
}

pub(crate) fn binary() -> impl Strategy<Value = Binary> {
    (
        uuid(),
        uuid(),
        vec(text(), 6),
        json(),
        select(BinaryStatus::ALL),
        option::of(timestamp()),
        health(),
    )
        .prop_map(
            |(id, machine_id, texts, overrides, status, retry_at, health)| {
                let mut text = texts.into_iter();
                let mut next = || text.next().unwrap();
                let binary =
                    Binary::request(MachineId::from(machine_id), "x", Timestamp::now()).unwrap();
                Binary {
                    id: BinaryId::from(id),
                    name: next(),
                    binproviders: next(),
                    overrides,
                    binprovider: next(),
                    abspath: next(),
                    version: next(),
                    sha256: next(),
                    status,
                    retry_at,
                    health,
                    ..binary
                }
            },
        )
}

prop_compose! {
    fn identity()(boot in text(), pid_namespace: u64, pid in 1..=i32::MAX, ticks: u64, pidfd_inode: Option<u64>)
        -> ProcessIdentity
    {
        ProcessIdentity {
            boot_id: BootId(boot),
            pid_namespace: PidNamespace(pid_namespace),
            pid: Pid::new(pid).unwrap(),
            start_ticks: StartTicks(ticks),
            pidfd_inode,
        }
    }
}

fn usage() -> impl Strategy<Value = ResourceUsage> {
    any::<[u64; 7]>().prop_map(|[a, b, c, d, e, f, g]| ResourceUsage {
        cpu_user_us: a,
        cpu_system_us: b,
        max_rss_kib: c,
        block_inputs: d,
        block_outputs: e,
        voluntary_switches: f,
        involuntary_switches: g,
    })
}

pub(crate) fn resource_limit() -> impl Strategy<Value = ResourceLimit> {
    let name = select(ResourceLimit::NAMES.to_vec());
    (name, any::<Option<u64>>(), any::<Option<u64>>()).prop_map(|(name, one, other)| {
        // None is no limit, and so the highest.
        let (soft, hard) = match (one, other) {
            (Some(one), Some(other)) => (Some(one.min(other)), Some(one.max(other))),
            (one, None) => (one, None),
            (None, other) => (other, None),
        };
        ResourceLimit {
            name: name.to_owned(),
            soft,
            hard,
        }
    })
}

fn launch() -> impl Strategy<Value = LaunchAttributes> {
    (
        any::<bool>(),
        option::of(-20..=19),
        option::of(0..=0o777_u32),
        vec(resource_limit(), 0..3),
        any::<Option<u64>>(),
        any::<bool>(),
        option::of(Just("machines/a".to_owned())),
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

fn log_place() -> impl Strategy<Value = LogPlace> {
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

prop_compose! {
    fn stop()(at in timestamp(), by in text(), signal: i32) -> StopRequest {
        StopRequest { at, by, signal }
    }
}

prop_compose! {
    /// What was asked.
    fn asked()(
        ids in any::<[u128; 2]>(),
        optional_ids in any::<[Option<u128>; 3]>(),
        cmd in vec(text(), 0..4),
        texts in vec(text(), 2),
        optional_texts in vec(option::of(text()), 2),
        timeout_ms in option::of(prop_oneof![1..100_000_000_u64, any::<u64>()]),
        process_type in select(ProcessType::ALL),
        kill_mode in select(KillMode::ALL),
        launch in launch(),
        max_attempts: u32,
        retry_lost: bool,
        restart_of in option::of(uuid()),
    ) -> Process {
        let command = CommandLine::new(vec![b"x".to_vec()]).unwrap();
        let draft = ProcessDraft::new(MachineId::generate(), command, b"/".to_vec());
        let (process, _) = draft.into_process(&SecretWords::default(), Timestamp::now()).unwrap();
        let [id, machine_id] = ids.map(Uuid::from_u128);
        let [parent_id, binary_id, interface_id] = optional_ids.map(|id| id.map(Uuid::from_u128));
        Process {
            id: ProcessId::from(id),
            machine_id: MachineId::from(machine_id),
            parent_id: parent_id.map(ProcessId::from),
            binary_id: binary_id.map(BinaryId::from),
            interface_id: interface_id.map(InterfaceId::from),
            cmd,
            pwd: texts[0].clone(),
            worker_type: texts[1].clone(),
            name: optional_texts[0].clone(),
            url: optional_texts[1].clone(),
            env: Map::from_iter([("VARIABLE".to_owned(), json!(SECRET))]),
            secret_env: vec!["SECRET_VARIABLE".to_owned()],
            timeout: timeout_seconds(timeout_ms),
            timeout_ms,
            process_type,
            kill_mode,
            launch,
            max_attempts,
            retry_lost,
            restart_of: restart_of.map(ProcessId::from),
            ..process
        }
    }
}

prop_compose! {
    pub(crate) fn process()(
        process in asked(),
        status in select(ProcessStatus::ALL),
        outcome in option::of(select(Outcome::ALL)),
        exit_code: Option<i32>,
        identity in option::of(identity()),
        times in vec(option::of(timestamp()), 2),
        log in option::of(log_place()),
        usage in option::of(usage()),
        bytes in any::<[Option<u64>; 4]>(),
        secret_batch in option::of(uuid()),
        stop in option::of(stop()),
        detached: bool,
        attempt: u32,
    ) -> Process {
        Process {
            status,
            outcome,
            exit_code,
            pid: identity.as_ref().map(|identity| identity.pid),
            identity,
            started_at: times[0],
            ended_at: times[1],
            log,
            usage,
            stdout_bytes: bytes[0],
            stderr_bytes: bytes[1],
            stdout_dropped: bytes[2],
            stderr_dropped: bytes[3],
            secret_batch: secret_batch.map(SecretBatchId::from),
            stop,
            detached,
            attempt,
            ..process
        }
    }
}
