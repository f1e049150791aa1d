//! What survives of a machine's configuration.

use hostledger_model::config::{merge, sanitise};
use proptest::collection::btree_map;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::arbitrary::{json, text};

fn config() -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![
        text(),
        text().prop_map(|text| text + "_BINARY"),
        Just("ABX_INSTALL_CACHE".to_owned()),
        Just("CHROMIUM_VERSION".to_owned()),
        "[A-C]_BINARY",
    ];
    let value = prop_oneof![json(), "[ ~/a-c]{0,4}".prop_map(Value::from)];
    btree_map(key, value, 0..6).prop_map(|map| map.into_iter().collect())
}

/// Half of all paths are there.
fn there(path: &str) -> bool {
    path.bytes().map(u32::from).sum::<u32>().is_multiple_of(2)
}

/// The value that should be left of one, told apart from the code that is tried.
fn survivor(key: &str, value: &Value) -> Option<Value> {
    if key == "ABX_INSTALL_CACHE" {
        return Some(value.clone());
    }
    if key == "CHROMIUM_VERSION" || !key.ends_with("_BINARY") {
        return None;
    }
    let Some(text) = value.as_str().map(str::trim) else {
        return Some(value.clone());
    };
    let looks_like_path = text.chars().any(|c| c == '/') || text.starts_with('~');
    let dropped = text.is_empty() || (looks_like_path && !there(text));
    (!dropped).then(|| json!(text))
}

proptest! {
    #[test]
    fn only_what_satisfies_the_rule_survives_and_all_of_it(config in config()) {
        let left = sanitise(&config, &there);
        for (key, value) in &config {
            prop_assert_eq!(left.get(key).cloned(), survivor(key, value), "{}", key);
        }
        prop_assert!(left.keys().all(|key| config.contains_key(key)), "no key is invented");
    }

    #[test]
    fn once_is_enough(config in config()) {
        let once = sanitise(&config, &there);
        prop_assert_eq!(sanitise(&once, &there), once);
    }

    #[test]
    fn a_merge_is_the_sanitised_union_unless_the_patch_is_nothing(config in config(), patch in config()) {
        let kept = sanitise(&patch, &there);
        let Some(merged) = merge(&config, &patch, &there) else {
            prop_assert!(kept.is_empty());
            return Ok(());
        };
        prop_assert!(!kept.is_empty());
        let mut union = sanitise(&config, &there);
        union.extend(kept);
        prop_assert_eq!(&merged, &union);
        prop_assert_eq!(sanitise(&merged, &there), merged);
    }
}
