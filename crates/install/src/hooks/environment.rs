//! The environment of a hook.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use hostledger_model::config::expand_home;
use serde_json::{Map, Value};

use super::resolution::{Resolved, Source};
use crate::{USUAL_PATH, search_path};

/// What a hook is told of where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The ledger's directory.
    pub data_dir: PathBuf,
    /// The record of the machine.
    pub machine_id: String,
    /// Directories of the caller's that a hook may use, such as `SNAP_DIR`, by key; what the
    /// launcher's environment says of them stands.
    pub directories: Vec<(&'static str, PathBuf)>,
}

impl Surroundings {
    fn lib(&self) -> PathBuf {
        self.data_dir.join("lib")
    }

    /// Where links to installed programs are.
    #[must_use]
    pub fn lib_bin(&self) -> PathBuf {
        self.lib().join("bin")
    }
}

/// What a hook finds in its environment besides what the launcher has: where it is, then the
/// configuration of the machine and of its plugin. Of the latter what the launcher's environment
/// says under the same key is not repeated, and neither is a secret under another key.
#[must_use]
pub fn variables<'a>(
    surroundings: &Surroundings,
    launcher: &BTreeMap<String, String>,
    machine: &Map<String, Value>,
    values: impl Iterator<Item = (&'a str, &'a Resolved)>,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (key, value) in machine {
        set(&mut variables, launcher, key, value);
    }
    for (key, resolved) in values {
        match &resolved.source {
            // The hook finds it where we did.
            Source::Environment(_) | Source::Fallback(_) if resolved.sensitive => {}
            Source::Environment(under) if under == key => {}
            // Something else than what the launcher says, which does not fit.
            _ => drop(text(&resolved.value).map(|it| variables.insert(key.to_owned(), it))),
        }
    }
    let places = places(surroundings, launcher);
    let path = path(surroundings, launcher, &variables);
    variables.extend(places);
    variables.insert("PATH".to_owned(), path);
    variables
}

fn set(
    variables: &mut BTreeMap<String, String>,
    launcher: &BTreeMap<String, String>,
    key: &str,
    value: &Value,
) {
    if let Some(text) = text(value).filter(|_| !launcher.contains_key(key)) {
        variables.insert(key.to_owned(), text);
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
    // No environment can hold one.
    .filter(|text| !text.contains('\0'))
}

fn places(
    surroundings: &Surroundings,
    launcher: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let given = |key: &str| launcher.get(key).filter(|text| !text.is_empty()).cloned();
    let written = |path: &Path| path.to_string_lossy().into_owned();
    let lib = surroundings.lib();
    let modules =
        given("NODE_MODULES_DIR").unwrap_or_else(|| written(&lib.join("npm/node_modules")));
    let node_path = match given("NODE_PATH") {
        Some(path) if path.split(':').any(|part| part == modules) => path,
        Some(path) => format!("{path}:{modules}"),
        None => modules.clone(),
    };
    let own = [
        ("DATA_DIR", written(&surroundings.data_dir)),
        ("LIB_DIR", written(&lib)),
        ("LIB_BIN_DIR", written(&surroundings.lib_bin())),
        ("ABXPKG_LIB_DIR", written(&lib)),
        ("MACHINE_ID", surroundings.machine_id.clone()),
        ("NODE_MODULE_DIR", modules.clone()),
        ("NODE_MODULES_DIR", modules),
        ("NODE_PATH", node_path),
    ];
    let others = surroundings.directories.iter();
    let others = others.filter(|(key, _)| given(key).is_none());
    own.into_iter()
        .chain(others.map(|(key, path)| (*key, written(path))))
        .map(|(key, text)| (key.to_owned(), text))
        .collect()
}

/// Never empty: with an empty PATH hooks were seen to hang, and to install tools of their own
/// choosing. Empty entries, which mean the working directory, are left out.
fn path(
    surroundings: &Surroundings,
    launcher: &BTreeMap<String, String>,
    variables: &BTreeMap<String, String>,
) -> String {
    let home = launcher.get("HOME").map(String::as_str).unwrap_or_default();
    let effective: BTreeMap<&String, &String> = launcher.iter().chain(variables).collect();
    let expanded: Vec<(&String, String)> = effective
        .into_iter()
        .map(|(key, text)| (key, expand_home(text.trim(), home)))
        .collect();
    let named = expanded
        .iter()
        .map(|(key, text)| (OsStr::new(key.as_str()), OsStr::new(text.as_str())));
    let given = launcher.get("PATH").map(String::as_str).unwrap_or_default();
    let given: Vec<&str> = given.split(':').filter(|part| !part.is_empty()).collect();
    let usual = match given[..] {
        [] => USUAL_PATH.to_owned(),
        _ => given.join(":"),
    };
    let lib_bin = surroundings.lib_bin();
    let path = search_path(Some(&lib_bin), named, OsStr::new(&usual));
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn surroundings() -> Surroundings {
        Surroundings {
            data_dir: PathBuf::from("/data"),
            machine_id: "m-1".to_owned(),
            directories: vec![("SNAP_DIR", PathBuf::from("/snap"))],
        }
    }

    fn launcher(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
        pairs.iter().map(own).collect()
    }

    fn resolved(value: Value, source: Source) -> Resolved {
        Resolved {
            value,
            source,
            sensitive: false,
        }
    }

    fn plain(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables(
            &surroundings(),
            &launcher(pairs),
            &Map::new(),
            [].into_iter(),
        )
    }

    #[test]
    fn a_hook_is_told_where_it_is() {
        let found = plain(&[("PATH", "/usr/bin"), ("HOME", "/root")]);
        let expected = launcher(&[
            ("ABXPKG_LIB_DIR", "/data/lib"),
            ("DATA_DIR", "/data"),
            ("LIB_BIN_DIR", "/data/lib/bin"),
            ("LIB_DIR", "/data/lib"),
            ("MACHINE_ID", "m-1"),
            ("NODE_MODULES_DIR", "/data/lib/npm/node_modules"),
            ("NODE_MODULE_DIR", "/data/lib/npm/node_modules"),
            ("NODE_PATH", "/data/lib/npm/node_modules"),
            ("PATH", "/data/lib/bin:/usr/bin"),
            ("SNAP_DIR", "/snap"),
        ]);
        assert_eq!(found, expected);
        let found = plain(&[
            ("NODE_PATH", "/a"),
            ("SNAP_DIR", "/mine"),
            ("NODE_MODULES_DIR", "/n"),
        ]);
        assert_eq!(
            (&*found["NODE_PATH"], &*found["NODE_MODULES_DIR"]),
            ("/a:/n", "/n")
        );
        assert_eq!(found.get("SNAP_DIR"), None, "the launcher's stands");
    }

    #[test]
    fn path_is_never_empty_and_begins_with_what_was_named() {
        for given in [&[][..], &[("PATH", "")], &[("PATH", ":")]] {
            let path = &plain(given)["PATH"];
            assert!(path.starts_with("/data/lib/bin"), "{path}");
        }
        assert!(plain(&[])["PATH"].ends_with(":/sbin:/bin"));
        let found = plain(&[
            ("PATH", "/usr/bin::/opt/b:"),
            ("HOME", "/root"),
            ("A_BINARY", "/opt/b/a"),
            ("B_BINARY", "~/bin/b"),
            ("C_BINARY", "c"),
            ("D_BINARY", "./d"),
            ("E_BINARY", ""),
        ]);
        assert_eq!(found["PATH"], "/opt/b:/root/bin:/data/lib/bin:/usr/bin");
    }

    #[test]
    fn the_configuration_is_written_as_hooks_read_it() {
        let machine = json!({"GIT_BINARY": "/m/git", "CURL_BINARY": "/m/curl"});
        let values = [
            ("X_ENABLED", resolved(json!(true), Source::Default)),
            ("X_ARGS", resolved(json!(["-a", 1]), Source::Default)),
            ("X_NULL", resolved(json!(null), Source::Default)),
            (
                "X_TIMEOUT",
                resolved(json!(5), Source::Environment("OLD_TIMEOUT".to_owned())),
            ),
            (
                "X_SAME",
                resolved(json!("given"), Source::Environment("X_SAME".to_owned())),
            ),
            ("GIT_BINARY", resolved(json!("/p/git"), Source::Default)),
            ("PATH", resolved(json!(""), Source::Default)),
            ("LIB_DIR", resolved(json!("/elsewhere"), Source::Default)),
        ];
        let launcher = launcher(&[
            ("CURL_BINARY", "/l/curl"),
            ("PATH", "/bin"),
            ("X_SAME", "given"),
        ]);
        let values = values.iter().map(|(key, value)| (*key, value));
        let found = variables(
            &surroundings(),
            &launcher,
            machine.as_object().unwrap(),
            values,
        );
        let get = |key: &str| found.get(key).map(String::as_str);
        assert_eq!(get("X_ENABLED"), Some("true"));
        assert_eq!(get("X_ARGS"), Some("[\"-a\",1]"));
        assert_eq!(get("X_TIMEOUT"), Some("5"));
        assert_eq!(
            (get("X_NULL"), get("X_SAME"), get("CURL_BINARY")),
            (None, None, None)
        );
        assert_eq!(get("GIT_BINARY"), Some("/p/git"));
        assert_eq!(get("LIB_DIR"), Some("/data/lib"));
        assert_eq!(get("PATH"), Some("/l:/p:/data/lib/bin:/bin"));
    }

    #[test]
    fn a_secret_under_an_old_name_is_not_copied() {
        let secret = Resolved {
            value: json!("s3cret"),
            source: Source::Environment("OLD_API".to_owned()),
            sensitive: true,
        };
        let launcher = launcher(&[("OLD_API", "s3cret")]);
        let values = [("X_API", &secret)].into_iter();
        let found = variables(&surroundings(), &launcher, &Map::new(), values);
        assert!(found.values().all(|text| text != "s3cret"));
    }
}
