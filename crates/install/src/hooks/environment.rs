//! The environment of a hook.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use hostledger_model::config::expand_home;
use serde_json::{Map, Value};

use super::Settings;
use super::resolution::Source;
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

/// Variables for a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// Those that may be recorded.
    pub plain: BTreeMap<String, String>,
    /// Those whose values are to be in no record.
    pub secret: BTreeMap<String, String>,
}

/// What a hook finds in its environment besides what the launcher has: where it is, then the
/// configuration of the machine and of its plugin. Of the latter what the launcher's environment
/// says under the same key is not repeated. What has the key or the value of a secret is one.
#[must_use]
pub fn variables(
    surroundings: &Surroundings,
    launcher: &BTreeMap<String, String>,
    machine: &Map<String, Value>,
    settings: &Settings,
    plugin: &str,
) -> Variables {
    let mut variables = BTreeMap::new();
    for (key, value) in machine {
        set(&mut variables, launcher, key, value);
    }
    for (key, resolved) in settings.values(plugin) {
        match &resolved.source {
            Source::Environment(under) if under == key => {}
            // Something else than what the launcher says, which does not fit.
            _ => drop(text(&resolved.value).map(|it| variables.insert(key.to_owned(), it))),
        }
    }
    let places = places(surroundings, launcher);
    let path = path(surroundings, launcher, &variables);
    let (keys, values) = secrets(settings);
    let (mut secret, mut plain): (BTreeMap<_, _>, BTreeMap<_, _>) = variables
        .into_iter()
        .partition(|(key, text)| keys.contains(key.as_str()) || values.contains(text.as_str()));
    plain.extend(places);
    plain.insert("PATH".to_owned(), path);
    secret.retain(|key, _| !plain.contains_key(key));
    Variables { plain, secret }
}

/// Keys and values that are nobody's business.
fn secrets(settings: &Settings) -> (BTreeSet<&str>, BTreeSet<&str>) {
    // What is no text, such as true, is found everywhere.
    let values = settings.secrets().filter_map(|(_, value)| value.as_str());
    (
        settings.secrets().map(|(key, _)| key).collect(),
        values.filter(|text| !text.is_empty()).collect(),
    )
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
    use crate::hooks::resolution::Resolved;
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
            &Settings::default(),
            "x",
        )
        .plain
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
        let found = variables(
            &surroundings(),
            &launcher,
            machine.as_object().unwrap(),
            &Settings::of_values("x", &values),
            "x",
        );
        assert_eq!(found.secret, BTreeMap::new());
        let found = found.plain;
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
    fn what_has_the_key_or_the_value_of_a_secret_is_one() {
        let secret = |text: &str, source| Resolved {
            sensitive: true,
            ..resolved(json!(text), source)
        };
        let values = [
            (
                "X_API",
                secret("1111", Source::Environment("OLD_API".to_owned())),
            ),
            (
                "X_LOGIN",
                secret("2222", Source::Fallback("LOGIN".to_owned())),
            ),
            ("X_PIN", secret("3333", Source::Machine)),
            (
                "X_SAME",
                secret("4444", Source::Environment("X_SAME".to_owned())),
            ),
            ("X_NONE", secret("none", Source::Default)),
            ("X_AGENT", resolved(json!("none"), Source::Default)),
        ];
        let launcher = launcher(&[("OLD_API", "1111"), ("X_SAME", "4444")]);
        let machine = json!({"X_PIN": "3333", "OLD_PIN": "3333", "LOGIN": "2222", "DEEP": true});
        let found = variables(
            &surroundings(),
            &launcher,
            machine.as_object().unwrap(),
            &Settings::of_values("x", &values),
            "x",
        );
        let secret = [
            ("LOGIN", "2222"),
            ("OLD_PIN", "3333"),
            ("X_API", "1111"),
            ("X_LOGIN", "2222"),
            ("X_PIN", "3333"),
        ];
        assert_eq!(found.secret, self::launcher(&secret));
        assert_eq!(
            (&*found.plain["X_NONE"], &*found.plain["X_AGENT"]),
            ("none", "none")
        );
        assert_eq!(found.plain["DEEP"], "true");
        assert!(!found.plain.contains_key("X_SAME"), "it is inherited");
    }
}
