//! The machine id of hosts that have none, made by real processes at once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hostledger_host::{Environment, Host, HostRoot, LiveKernel, MachineOptions};

/// Set in the processes that this test starts: the directory they share.
const SHARED: &str = "HOSTLEDGER_TEST_SHARED_DIRECTORY";

/// A host without files, so without a machine id.
fn host_without_id(shared: &Path) -> Host {
    Host::new(
        HostRoot::new(shared.join("root")),
        LiveKernel,
        Environment::default(),
    )
}

/// Runs in a process of its own: waits for the start, then tells the guid.
fn be_a_racer(shared: &Path) {
    std::fs::write(shared.join(format!("ready-{}", std::process::id())), "").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !shared.join("go").exists() {
        assert!(Instant::now() < deadline, "nobody started the race");
        std::hint::spin_loop();
    }
    let guid = host_without_id(shared).machine_guid(&MachineOptions::new(shared.join("data")));
    println!("\nguid={guid}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a race between processes needs processes"
)]
fn start_racer(shared: &Path) -> Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "processes_that_race_for_the_id_agree_on_one",
            "--nocapture",
        ])
        .env(SHARED, shared)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn processes_that_race_for_the_id_agree_on_one() {
    if let Some(shared) = std::env::var_os(SHARED) {
        be_a_racer(Path::new(&shared));
        return;
    }
    const RACERS: usize = 20;
    let shared = tempfile::tempdir().unwrap();
    let data = shared.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let racers: Vec<Child> = (0..RACERS).map(|_| start_racer(shared.path())).collect();
    let deadline = Instant::now() + Duration::from_secs(20);
    let ready = || {
        let entries = std::fs::read_dir(shared.path()).unwrap();
        entries
            .filter(|e| {
                e.as_ref()
                    .unwrap()
                    .file_name()
                    .as_encoded_bytes()
                    .starts_with(b"ready-")
            })
            .count()
    };
    while ready() < RACERS {
        assert!(Instant::now() < deadline, "only {} racers came", ready());
        std::thread::yield_now();
    }
    std::fs::write(shared.path().join("go"), "").unwrap();
    let mut guids = HashSet::new();
    for racer in racers {
        let output = racer.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let guid = text
            .lines()
            .find_map(|line| line.strip_prefix("guid="))
            .unwrap()
            .to_owned();
        guids.insert(guid);
    }
    assert_eq!(guids.len(), 1, "{guids:?}");
    let kept: Vec<_> = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(kept, ["machine-id"], "no temporary file is left");
    let guid = host_without_id(shared.path()).machine_guid(&MachineOptions::new(&data));
    assert!(guids.contains(&guid), "later starts give the same");
}

#[test]
fn a_host_that_can_keep_none_has_the_same_id_within_a_boot() {
    let directory = tempfile::tempdir().unwrap();
    let boot_id = directory.path().join("root/proc/sys/kernel/random/boot_id");
    std::fs::create_dir_all(boot_id.parent().unwrap()).unwrap();
    let options = MachineOptions::new("/nonexistent/data");
    let guid_after_boot = |id: &str| {
        std::fs::write(&boot_id, id).unwrap();
        host_without_id(directory.path()).machine_guid(&options)
    };
    let first = guid_after_boot("0b3a1c6e-7a55-4a67-9a0c-3f6f4d8f4e0f\n");
    assert_eq!(
        first,
        guid_after_boot("0b3a1c6e-7a55-4a67-9a0c-3f6f4d8f4e0f\n")
    );
    assert_ne!(
        first,
        guid_after_boot("6d1f4c54-90a2-4d0b-8d43-8c2a6a9f1c11\n")
    );
}

/// What is told by tracing while `run` runs.
fn told_during(run: impl FnOnce()) -> String {
    let mut log = tempfile::tempfile().unwrap();
    let writer = log.try_clone().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(Mutex::new(writer));
    tracing::subscriber::with_default(subscriber.finish(), run);
    let mut told = String::new();
    log.seek(SeekFrom::Start(0)).unwrap();
    log.read_to_string(&mut told).unwrap();
    told
}

#[test]
fn an_id_that_is_made_is_told_once_with_its_place() {
    let data = tempfile::tempdir().unwrap();
    let ask = || {
        let _guid = host_without_id(data.path()).machine_guid(&MachineOptions::new(data.path()));
    };
    let place = data.path().join("machine-id");
    let told = told_during(ask);
    assert!(
        told.contains("WARN") && told.contains(place.to_str().unwrap()),
        "{told}"
    );
    assert!(!told_during(ask).contains("WARN"));
}
