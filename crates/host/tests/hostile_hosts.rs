//! Detection on hosts whose files hold anything: it ends, and its answers keep their form.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod recording;

use std::fs;
use std::path::{Path, PathBuf};

use hostledger_host::Offline;
use proptest::prelude::*;

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .flat_map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else {
                vec![path]
            }
        })
        .collect();
    files.sort();
    files
}

/// A copy of a recorded host whose files went through `change`.
fn changed_host(
    name: &str,
    mut change: impl FnMut(&Path, Vec<u8>) -> Vec<u8>,
) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let original = recording::fixtures().join(name);
    for file in files_below(&original) {
        let relative = file.strip_prefix(&original).unwrap();
        let target = copy.path().join(relative);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let content = fs::read(&file).unwrap();
        let is_of_host = relative.starts_with("root") || relative.starts_with("data");
        let content = if is_of_host {
            change(relative, content)
        } else {
            content
        };
        fs::write(target, content).unwrap();
    }
    fs::create_dir_all(copy.path().join("data")).unwrap();
    copy
}

fn assert_answers_keep_their_form(directory: &Path) {
    let (host, options) = recording::load(directory);
    let machine = host.detect_machine(&options);
    let network = host.detect_network(&Offline);
    assert_eq!(machine.guid, host.machine_guid(&options));
    assert_eq!(machine.guid.len(), 64);
    assert!(
        machine
            .guid
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    );
    assert!(!machine.hw_uuid.is_empty() && !machine.os_release.is_empty());
    let stats = machine.stats.as_object().unwrap();
    assert_eq!(stats.len(), 18);
    for (key, value) in stats.iter().filter(|(key, _)| key.ends_with("_pct")) {
        let share = value.as_f64().unwrap();
        assert!((0.0..=100.0).contains(&share), "{key}: {share}");
    }
    assert!(!network.iface.is_empty() && !network.mac_address.is_empty());
}

#[derive(Debug, Clone)]
enum Change {
    Replace(Vec<u8>),
    Truncate(prop::sample::Index),
    Overwrite(prop::sample::Index, Vec<u8>),
    Repeat(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..64);
    prop_oneof![
        bytes().prop_map(Change::Replace),
        any::<prop::sample::Index>().prop_map(Change::Truncate),
        (any::<prop::sample::Index>(), bytes()).prop_map(|(at, with)| Change::Overwrite(at, with)),
        (2_usize..50).prop_map(Change::Repeat),
    ]
}

fn apply(change: &Change, mut content: Vec<u8>) -> Vec<u8> {
    match change {
        Change::Replace(with) => with.clone(),
        Change::Truncate(at) => {
            content.truncate(at.index(content.len() + 1));
            content
        }
        Change::Overwrite(at, with) => {
            let at = at.index(content.len() + 1);
            content.splice(
                at..(at + with.len()).min(content.len()),
                with.iter().copied(),
            );
            content
        }
        Change::Repeat(times) => content.repeat(*times),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn changed_files_never_break_detection(
        host in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..8),
    ) {
        let names = recording::names();
        let mut changes = changes.iter().cycle();
        let host = changed_host(&names[host.index(names.len())], |_, content| {
            apply(changes.next().unwrap(), content)
        });
        assert_answers_keep_their_form(host.path());
    }
}

#[test]
fn a_host_without_any_file_is_detected() {
    let copy = tempfile::tempdir().unwrap();
    let recorded = recording::fixtures().join("no-machine-id/recorded.json");
    fs::copy(recorded, copy.path().join("recorded.json")).unwrap();
    fs::create_dir(copy.path().join("data")).unwrap();
    assert_answers_keep_their_form(copy.path());
    let (host, options) = recording::load(copy.path());
    let machine = host.detect_machine(&options);
    assert_eq!(machine.stats["cpu_boot_time"], serde_json::Value::Null);
    assert_eq!(machine.stats["cpu_count"], serde_json::Value::Null);
    assert_eq!(machine.stats["mem_virt_used_gb"], 0.0);
    assert_eq!(host.detect_network(&Offline).iface, "lo");
}

#[test]
fn numbers_at_the_end_of_their_range_do_not_overflow() {
    for name in recording::names() {
        let host = changed_host(&name, |path, content| {
            // A path such as ifindex or meminfo; the texts of DMI and the like hold no harm.
            let text = String::from_utf8_lossy(&content).into_owned();
            let in_hex = path.ends_with("route") || path.ends_with("flags");
            let digits = if in_hex {
                "ffffffff"
            } else {
                "18446744073709551615"
            };
            let is_number = |c: char| c.is_ascii_digit();
            text.split('\n')
                .map(|line| {
                    let words = line.split_ascii_whitespace();
                    let words = words.map(|w| if w.chars().all(is_number) { digits } else { w });
                    words.collect::<Vec<_>>().join(" ")
                })
                .collect::<Vec<_>>()
                .join("\n")
                .into_bytes()
        });
        assert_answers_keep_their_form(host.path());
    }
}
