//! Package managers of the system, and commands that requests bring.

use std::fs;

use serde_json::json;

use crate::world::*;

/// Stands for `apt-get`: installs into its own directory.
fn apt_get(world: &World, program: &str) -> String {
    makes(
        &world
            .root
            .path()
            .join("bin")
            .join(program)
            .display()
            .to_string(),
        "2.1.1",
    )
}

#[test]
fn apt_installs_as_root_without_asking_anything() {
    let world = World::asking_for("tree").with(json!({"apt": {"install_args": ["tree-utils"]}}));
    let asks = "[ \"$DEBIAN_FRONTEND\" = noninteractive ] || exit 7";
    world.tool("apt-get", &format!("{asks}\n{}", apt_get(&world, "tree")));
    let file = world.attempt("apt").unwrap();
    assert_eq!(
        (file.version.as_str(), file.binprovider.as_deref()),
        ("2.1.1", Some("apt"))
    );
    assert_eq!(
        world.commands()[0],
        "bin/apt-get -o DPkg::Lock::Timeout=500 install -y --no-install-recommends tree-utils"
    );
}

#[test]
fn apt_fetches_its_lists_when_it_does_not_know_a_package() {
    let world = World::asking_for("tree");
    let lists = world.root.path().join("lists");
    let unknown = format!(
        "case \"$*\" in *' update') : > {0}; exit;; esac\n\
         [ -e {0} ] || {{ echo 'E: Unable to locate package tree' >&2; exit 100; }}",
        lists.display()
    );
    world.tool(
        "apt-get",
        &format!("{unknown}\n{}", apt_get(&world, "tree")),
    );
    world.attempt("apt").unwrap();
    let commands = world.commands();
    assert_eq!(commands[1], "bin/apt-get -o DPkg::Lock::Timeout=500 update");
    assert_eq!(commands[0], commands[2]);

    fs::remove_file(lists).unwrap();
    world.tool("apt-get", "echo 'E: Broken packages' >&2; exit 100");
    let (skipped, reason) = world.refusal("apt");
    assert!(
        !skipped && reason.ends_with("E: Broken packages"),
        "{reason}"
    );
}

#[test]
fn apt_uses_sudo_that_asks_for_no_password() {
    let mut world = World::asking_for("tree");
    world.place.is_root = false;
    world.tool("apt-get", &apt_get(&world, "tree"));
    let reason = "we are not root, and sudo is not on PATH".to_owned();
    assert_eq!(world.refusal("apt"), (true, reason));

    world.tool("sudo", "exit 1");
    let reason = "we are not root, and sudo asks for a password".to_owned();
    assert_eq!(world.refusal("apt"), (true, reason));

    world.tool(
        "sudo",
        "shift; [ \"$1\" = true ] && exit; shift; exec \"$@\"",
    );
    world.tool("env", "shift; exec \"$@\"");
    world.place.search_path = search_path(&[&world.root.path().join("bin")]);
    world.attempt("apt").unwrap();
    let install = "bin/sudo -n -- env DEBIAN_FRONTEND=noninteractive bin/apt-get \
                   -o DPkg::Lock::Timeout=500 install -y --no-install-recommends tree";
    assert!(
        world.commands().contains(&install.to_owned()),
        "{:?}",
        world.commands()
    );
}

#[test]
fn apt_answers_for_a_program_that_does_not_say_its_version() {
    let world = World::asking_for("quiet");
    let quiet = world.root.path().join("bin/quiet");
    world.tool("apt-get", &makes(&quiet.display().to_string(), "hello"));
    world.tool("dpkg-query", "echo 1:4.2-1");
    assert_eq!(world.attempt("apt").unwrap().version, "1:4.2-1");
}

#[test]
fn brew_looks_beside_itself() {
    let world = World::asking_for("jq");
    let jq = world.root.path().join("bin/jq");
    world.tool("brew", &makes(&jq.display().to_string(), "jq-1.7"));
    let file = world.attempt("brew").unwrap();
    assert_eq!(
        (file.abspath.as_str(), file.version.as_str()),
        (jq.to_str().unwrap(), "1.7")
    );
    assert_eq!(world.commands()[0], "bin/brew install --quiet jq");
}

#[test]
fn bash_runs_the_line_of_a_request_and_nothing_else() {
    let world = World::asking_for("tool");
    world.tool("bash", "exec /bin/sh \"$@\"");
    let (skipped, reason) = world.refusal("bash");
    assert!(
        skipped && reason.starts_with("no command is given"),
        "{reason}"
    );
    assert!(world.commands().is_empty());

    let line = makes("$PREFIX/bin/tool", "3.3");
    let world = World::asking_for("tool").with(json!({"bash": {"install": line}}));
    world.tool("bash", "exec /bin/sh \"$@\"");
    let file = world.attempt("bash").unwrap();
    assert!(file.abspath.ends_with("/data/lib/bash/bin/tool"));
    assert_eq!(file.binprovider.as_deref(), Some("bash"));
}

#[test]
fn a_command_of_a_request_is_run_without_a_shell_instead_of_the_manager() {
    let installer = |world: &World| {
        let tool = world.root.path().join("bin/tool").display().to_string();
        world.tool(
            "installer",
            &format!("[ \"$1\" = '$(x);' ] || exit 9; {}", makes(&tool, "4.4")),
        )
    };
    let mut world = World::asking_for("tool");
    let path = installer(&world).display().to_string();
    world.tool("npm", "exit 9");
    for command in [json!([path, "$(x);"]), json!(format!("{path}  $(x);"))] {
        world.binary.overrides = json!({"npm": {"install": command}});
        let file = world.attempt("npm").unwrap();
        assert_eq!(
            (file.version.as_str(), file.binprovider.as_deref()),
            ("4.4", Some("npm"))
        );
    }
    world.binary.overrides = json!({"npm": {"install": [path, "else"]}});
    assert!(
        world
            .refusal("npm")
            .1
            .starts_with("installer ended with exit code 9")
    );
    world.binary.overrides = json!({"npm": {"install": []}});
    assert!(world.refusal("npm").1.contains("is empty"));
}
