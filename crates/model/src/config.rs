//! Which part of a machine's configuration is believed.
//!
//! The configuration is *derived*: written by installs and hooks, none of which may set
//! anything but where programs are. So only these keys survive: `ABX_INSTALL_CACHE`, and those
//! that end in `_BINARY`; of the latter a text is trimmed and dropped when it is empty, or a
//! path to something that is not there.

use serde_json::{Map, Value};

const INSTALL_CACHE: &str = "ABX_INSTALL_CACHE";
const BINARY_SUFFIX: &str = "_BINARY";

/// The part of a configuration that is believed.
///
/// For reading, keep the whole as it is stored: a path that is not there may be on a disk that
/// is unmounted for a minute. `path_exists` is asked for texts that look like a path, that is,
/// contain `/` or start with `~`, as they stand there: it has to expand `~` first
/// ([`expand_home`]).
#[must_use]
pub fn sanitise(
    config: &Map<String, Value>,
    path_exists: &dyn Fn(&str) -> bool,
) -> Map<String, Value> {
    config
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), believed(key, value, path_exists)?)))
        .collect()
}

/// A configuration with a patch merged into it, sanitised as a whole: what is to be saved.
///
/// None when nothing of the patch survives: then there is nothing to save.
#[must_use]
pub fn merge(
    config: &Map<String, Value>,
    patch: &Map<String, Value>,
    path_exists: &dyn Fn(&str) -> bool,
) -> Option<Map<String, Value>> {
    let patch = sanitise(patch, path_exists);
    if patch.is_empty() {
        return None;
    }
    let mut merged = sanitise(config, path_exists);
    merged.extend(patch);
    Some(merged)
}

/// A path with a leading `~` or `~/` replaced by a home directory; others as they are.
///
/// `~name` stays: whose home that is only the system's accounts say.
#[must_use]
pub fn expand_home(path: &str, home: &str) -> String {
    match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => path.to_owned(),
    }
}

fn believed(key: &str, value: &Value, path_exists: &dyn Fn(&str) -> bool) -> Option<Value> {
    if key == INSTALL_CACHE {
        return Some(value.clone());
    }
    if !key.ends_with(BINARY_SUFFIX) {
        return None;
    }
    let Value::String(text) = value else {
        return Some(value.clone());
    };
    let text = text.trim();
    let is_path = text.contains('/') || text.starts_with('~');
    (!text.is_empty() && (!is_path || path_exists(text))).then(|| Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn there(path: &str) -> bool {
        ["/bin/sh", "~/x"].contains(&path)
    }

    #[test]
    fn only_programs_and_the_install_cache_survive() {
        let config = object(&json!({
            "WGET_BINARY": " wget ",
            "SH_BINARY": "\t/bin/sh\n",
            "HOME_BINARY": "~/x",
            "GONE_BINARY": "/bin/gone",
            "USER_BINARY": "~nobody",
            "EMPTY_BINARY": "  ",
            "ODD_BINARY": {"a": "/nowhere"},
            "NULL_BINARY": null,
            "ABX_INSTALL_CACHE": {"wget": "/nowhere"},
            "CHROMIUM_VERSION": "1.0",
            "SECRET_KEY": "x",
            "BINARY": "x",
            "WGET_BINARY_NAME": "x",
        }));
        assert_eq!(
            Value::Object(sanitise(&config, &there)),
            json!({
                "WGET_BINARY": "wget",
                "SH_BINARY": "/bin/sh",
                "HOME_BINARY": "~/x",
                "ODD_BINARY": {"a": "/nowhere"},
                "NULL_BINARY": null,
                "ABX_INSTALL_CACHE": {"wget": "/nowhere"},
            })
        );
    }

    #[test]
    fn a_merge_sanitises_what_is_saved() {
        let config = object(&json!({"A_BINARY": "a", "B_BINARY": "b", "JUNK": 1}));
        let patch = object(&json!({"B_BINARY": " /bin/sh", "C_BINARY": "c", "OTHER": 2}));
        assert_eq!(
            merge(&config, &patch, &there).map(Value::Object),
            Some(json!({"A_BINARY": "a", "B_BINARY": "/bin/sh", "C_BINARY": "c"}))
        );
    }

    #[test]
    fn a_patch_of_nothing_is_told() {
        let config = object(&json!({"A_BINARY": "a", "JUNK": 1}));
        for patch in [json!({}), json!({"JUNK": 2, "B_BINARY": "/bin/gone"})] {
            assert_eq!(merge(&config, &object(&patch), &there), None);
        }
    }

    #[test]
    fn a_home_stands_for_a_tilde() {
        for (path, expanded) in [
            ("~", "/root"),
            ("~/bin/x", "/root/bin/x"),
            ("~user/x", "~user/x"),
            ("/a/~/b", "/a/~/b"),
        ] {
            assert_eq!(expand_home(path, "/root"), expanded);
        }
    }
}
