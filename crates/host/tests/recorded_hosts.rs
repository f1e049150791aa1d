//! Detection on recorded hosts of every kind, against what stands in their `expected.json`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod recording;

use hostledger_host::{Fixed, Offline, PublicNetwork};
use serde_json::{Value, json};

/// Compares field by field, so that a difference names itself.
fn differences(host: &str, expected: &Value, detected: &Value) -> Vec<String> {
    let (expected, detected) = (expected.as_object().unwrap(), detected.as_object().unwrap());
    let mut keys: Vec<_> = expected.keys().chain(detected.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| expected.get(*key) != detected.get(*key))
        .flat_map(|key| match (expected.get(key), detected.get(key)) {
            (Some(Value::Object(inner)), Some(found @ Value::Object(_))) => differences(
                &format!("{host}: {key}"),
                &Value::Object(inner.clone()),
                found,
            ),
            (want, found) => vec![format!(
                "{host}: {key}: expected {want:?}, detected {found:?}"
            )],
        })
        .collect()
}

#[test]
fn every_field_of_every_recorded_host_is_detected() {
    let names = recording::names();
    assert!(
        names.len() >= 20,
        "the recorded hosts are not where they should be"
    );
    let mut wrong = Vec::new();
    for name in &names {
        let directory = recording::fixtures().join(name);
        let expected = recording::json(&directory.join("expected.json"));
        let (host, options) = recording::load(&directory);
        let machine = host.detect_machine(&options);
        let network = host.detect_network(&Offline);
        assert_eq!(host.machine_guid(&options), machine.guid, "{name}");
        wrong.extend(differences(name, &expected["machine"], &json!(machine)));
        wrong.extend(differences(name, &expected["network"], &json!(network)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_stats_of_every_recorded_host_have_the_keys_in_order() {
    const KEYS: [&str; 18] = [
        "cpu_boot_time",
        "cpu_count",
        "cpu_load",
        "mem_virt_used_pct",
        "mem_virt_used_gb",
        "mem_virt_free_gb",
        "mem_swap_used_pct",
        "mem_swap_used_gb",
        "mem_swap_free_gb",
        "disk_tmp_used_pct",
        "disk_tmp_used_gb",
        "disk_tmp_free_gb",
        "disk_app_used_pct",
        "disk_app_used_gb",
        "disk_app_free_gb",
        "disk_data_used_pct",
        "disk_data_used_gb",
        "disk_data_free_gb",
    ];
    for name in recording::names() {
        let (host, options) = recording::load(&recording::fixtures().join(&name));
        let stats = host.detect_machine(&options).stats;
        let keys: Vec<_> = stats
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, KEYS, "{name}");
    }
}

#[test]
fn another_application_gets_another_guid_on_every_host() {
    for name in recording::names() {
        let (host, options) = recording::load(&recording::fixtures().join(&name));
        let mut other = options.clone();
        other.application_id = "other".to_owned();
        assert_ne!(
            host.machine_guid(&options),
            host.machine_guid(&other),
            "{name}"
        );
    }
}

#[test]
fn what_the_resolver_tells_stands_in_the_network() {
    let (host, _) = recording::load(&recording::fixtures().join("ec2-nitro"));
    let outside = PublicNetwork {
        ip: Some("203.0.113.7".parse().unwrap()),
        isp: Some("AS64500 Example ISP".to_owned()),
        city: Some("Zürich".to_owned()),
        region: None,
        country: Some("Switzerland".to_owned()),
    };
    let network = json!(host.detect_network(&Fixed(outside)));
    assert_eq!(network["ip_local"], "172.31.10.20");
    assert_eq!(network["ip_public"], "203.0.113.7");
    assert_eq!(network["isp"], "AS64500 Example ISP");
    assert_eq!(network["city"], "Zürich");
    assert_eq!(network["region"], "Unknown");
    assert_eq!(network["country"], "Switzerland");
}
