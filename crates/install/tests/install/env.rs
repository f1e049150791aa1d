//! What is there already.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;

use crate::world::*;

const SAYS_1_2: &str = "echo tool 1.2";

#[test]
fn a_program_on_path_is_found_with_its_version_and_hash() {
    let world = World::asking_for("tool");
    let path = world.tool("tool", SAYS_1_2);
    let file = world.attempt("env").unwrap();
    assert_eq!(file.abspath, path.to_str().unwrap());
    assert_eq!(file.version, "1.2");
    assert_eq!(file.binprovider.as_deref(), Some("env"));
    assert_eq!(file.sha256.unwrap().len(), 64);
    assert_eq!(world.commands(), ["bin/tool --version"]);
}

#[test]
fn a_variable_goes_before_a_link_and_that_before_path() {
    let mut world = World::asking_for("my-tool");
    let on_path = world.tool("my-tool", SAYS_1_2);
    let found = |world: &World| world.attempt("env").unwrap().abspath;
    assert_eq!(found(&world), on_path.to_str().unwrap());

    let linked = world.lib("npm/cli.js");
    program(&linked, SAYS_1_2);
    fs::create_dir_all(world.place.lib_bin()).unwrap();
    symlink(&linked, world.place.lib_bin().join("my-tool")).unwrap();
    assert_eq!(
        found(&world),
        linked.to_str().unwrap(),
        "where the link leads"
    );

    let other = world.tool("other", SAYS_1_2);
    for (key, value) in [
        ("MYTOOL_BINARY", other.to_str().unwrap()),
        ("MY_TOOL_BINARY", "other"),
    ] {
        world.place.named = [(key.to_owned(), value.to_owned())].into();
        assert_eq!(found(&world), other.to_str().unwrap(), "{key}");
    }
    for useless in ["", "/no/such/program", "no-such-program", "bin/other"] {
        world.place.named = [("MY_TOOL_BINARY".to_owned(), useless.to_owned())].into();
        assert_eq!(found(&world), linked.to_str().unwrap(), "{useless:?}");
    }
}

#[test]
fn an_absolute_path_is_taken_as_it_is() {
    let mut world = World::asking_for("tool");
    let elsewhere = world.root.path().join("else where/tool");
    program(&elsewhere, SAYS_1_2);
    world.binary.name = elsewhere.to_str().unwrap().to_owned();
    assert_eq!(world.attempt("env").unwrap().abspath, world.binary.name);
    assert_eq!(world.request().name(), "tool");

    let world = World::asking_for("tool").with(json!({"env": {"abspath": elsewhere}}));
    assert_eq!(
        world.attempt("env").unwrap().abspath,
        elsewhere.to_str().unwrap()
    );
}

#[test]
fn what_is_no_program_is_not_found() {
    let world = World::asking_for("tool");
    let (skipped, reason) = world.refusal("env");
    assert!(
        !skipped && reason.contains("no program tool on PATH"),
        "{reason}"
    );

    let path = world.tool("tool", SAYS_1_2);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert!(!world.refusal("env").0);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(!world.refusal("env").0);
    assert!(world.commands().is_empty(), "nothing was run");
}

#[test]
fn a_relative_directory_of_path_is_not_looked_into() {
    let mut world = World::asking_for("tool");
    world.place.search_path = search_path(&["".as_ref(), ".".as_ref(), "bin".as_ref()]);
    assert!(!world.refusal("env").0);
}

#[test]
fn a_version_that_is_too_old_is_refused_and_a_given_one_is_not_asked_for() {
    let mut world = World::asking_for("tool");
    world.tool("tool", SAYS_1_2);
    world.binary.min_version = Some("1.10".to_owned());
    let (_, reason) = world.refusal("env");
    assert!(
        reason.contains("version 1.2, and at least 1.10"),
        "{reason}"
    );
    world.binary.min_version = Some("1.2".to_owned());
    assert!(world.attempt("env").is_ok());

    let world = World::asking_for("tool").with(json!({"env": {"version": "9.9"}}));
    world.tool("tool", SAYS_1_2);
    assert_eq!(world.attempt("env").unwrap().version, "9.9");
    assert!(world.commands().is_empty());
}

#[test]
fn a_path_that_is_too_long_is_an_error_and_a_long_version_is_cut() {
    let long = "1.".repeat(40);
    let world = World::asking_for("tool");
    world.tool("tool", &format!("echo {long}1"));
    assert_eq!(world.attempt("env").unwrap().version.len(), 32);

    let mut world = World::asking_for("tool");
    let deep = world
        .root
        .path()
        .join("d".repeat(200))
        .join("e".repeat(100));
    program(&deep.join("tool"), SAYS_1_2);
    world.place.search_path = search_path(&[&deep]);
    let (_, reason) = world.refusal("env");
    assert!(reason.contains("abspath"), "{reason}");
}
