//! Which hooks there are.

use std::os::unix::fs::symlink;

use hostledger_tests::{Ledger, json_lines};
use serde_json::json;

use super::{hook, plugin_file};

#[test]
fn hooks_are_listed_with_their_state() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "a/on_X__10_a.daemon.bg.js", "");
    plugin_file(&ledger, "b/on_Binary__install_b.py", "");
    plugin_file(
        &ledger,
        "b/config.json",
        r#"{"properties":{"B_ENABLED":{"type":"boolean","default":false}}}"#,
    );
    plugin_file(&ledger, "b/on_X__05_b.sh", "");
    let listed = hook(&ledger, &["list", "--json"]).output().expect_code(0);
    let hooks = json_lines(&listed.stdout);
    let brief: Vec<_> = hooks
        .iter()
        .map(|it| {
            json!([
                it["event"],
                it["name"],
                it["mode"],
                it["enabled"],
                it["timeout"]
            ])
        })
        .collect();
    assert_eq!(
        json!(brief),
        json!([
            [
                "BinaryRequest",
                "on_Binary__install_b.py",
                "foreground",
                true,
                600.0
            ],
            ["X", "on_X__05_b.sh", "foreground", false, 300.0],
            ["X", "on_X__10_a.daemon.bg.js", "daemon", true, 300.0],
        ])
    );
    assert_eq!(hooks[1]["disabled_because"], "B_ENABLED is off");
    let table = hook(&ledger, &["list"]).output().expect_code(0);
    assert!(
        table.stdout_text().contains("off: B_ENABLED is off"),
        "{}",
        table.report()
    );
    assert!(ledger.processes().is_empty());
}

#[test]
fn what_cannot_be_used_is_told_and_the_rest_is_listed() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "bad/on_X__10_bad.sh", "");
    plugin_file(
        &ledger,
        "bad/config.json",
        r#"{"properties": {"A": {"type": "text"}}}"#,
    );
    plugin_file(&ledger, "good/on_X__20_good.sh", "");
    symlink(".", ledger.path("plugins/self")).unwrap();
    symlink("loop", ledger.path("plugins/loop")).unwrap();
    let listed = hook(&ledger, &["list", "--json", "--plugins", "missing"])
        .output()
        .expect_code(0);
    let hooks = json_lines(&listed.stdout);
    assert_eq!(
        (hooks.len(), &hooks[0]["name"]),
        (1, &json!("on_X__20_good.sh"))
    );
    for told in [
        "warning: the plugin bad is skipped",
        "properties.A.type is malformed",
        "plugins/self leads back",
        "cannot look at",
        "cannot read the directory missing",
    ] {
        assert!(
            listed.stderr_text().contains(told),
            "{told}: {}",
            listed.report()
        );
    }
}

#[test]
fn plugins_come_from_options_the_environment_and_the_ledger() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "a/on_X__10_option.sh", "");
    for (directory, name) in [("one", "on_X__20_one.sh"), ("two", "on_X__30_two.sh")] {
        std::fs::create_dir(ledger.path(directory)).unwrap();
        std::fs::write(ledger.path(directory).join(name), "").unwrap();
    }
    let own = ledger.data().join("plugins/p");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("on_X__40_own.sh"), "").unwrap();
    let listed = hook(&ledger, &["list", "--json", "--plugins", "plugins"])
        .env("HOSTLEDGER_PLUGINS", "one::two")
        .output()
        .expect_code(0);
    let names: Vec<_> = json_lines(&listed.stdout)
        .iter()
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "on_X__10_option.sh",
            "on_X__20_one.sh",
            "on_X__30_two.sh",
            "on_X__40_own.sh"
        ]
    );
}

#[test]
fn programs_that_plugins_need_are_listed_as_requests() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/config.json",
        r#"{"required_binaries":[{"name":"{A_BINARY}","binproviders":"env,pip","min_version":null,
            "overrides":{"pip":{"install_args":["a[default]"]}}}],
            "properties":{"A_BINARY":{"type":"string","default":"a"}}}"#,
    );
    let listed = hook(&ledger, &["list", "--binaries"])
        .env("A_BINARY", "/opt/a")
        .output()
        .expect_code(0);
    assert_eq!(
        json_lines(&listed.stdout),
        [
            json!({"type": "BinaryRequest", "name": "/opt/a", "binproviders": "env,pip",
                "overrides": {"pip": {"install_args": ["a[default]"]}}, "plugin": "a"})
        ]
    );
}
