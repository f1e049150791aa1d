//! Package managers of languages, with scripts in their place.

use serde_json::json;

use crate::world::*;

/// Stands for `python3`: makes an environment whose Python stands for pip.
fn python(installs: &str) -> String {
    format!(
        "for last; do :; done\n/bin/mkdir -p \"$last/bin\"\n\
         /bin/cat > \"$last/bin/python\" <<'END'\n#!/bin/sh\n\
         if [ \"$1\" = -c ]; then echo 7.7.7; exit; fi\n\
         bin=$(/usr/bin/dirname \"$0\")\n{installs}\nEND\n\
         /bin/chmod 755 \"$last/bin/python\""
    )
}

#[test]
fn pip_installs_into_an_environment_of_its_own() {
    let world = World::asking_for("black");
    world.tool("python3", &python(&makes("$bin/black", "24.1.0")));
    let file = world.attempt("pip").unwrap();
    assert_eq!(file.version, "24.1.0");
    assert_eq!(file.binprovider.as_deref(), Some("pip"));
    let commands = world.commands();
    let environment = commands[0]
        .strip_prefix("bin/python3 -m venv --clear ")
        .unwrap();
    assert!(
        environment.starts_with("data/lib/pip/black-"),
        "{environment}"
    );
    assert_eq!(
        commands[1],
        format!(
            "{environment}/bin/python -m pip install --quiet --no-input \
             --disable-pip-version-check black"
        )
    );
    assert_eq!(commands[2], format!("{environment}/bin/black --version"));

    world.attempt("pip").unwrap();
    assert_eq!(world.commands().len(), 5, "the environment is made once");
}

#[test]
fn pip_gives_each_set_of_packages_its_own_environment() {
    let environment = |overrides| {
        let world = World::asking_for("black").with(overrides);
        world.tool("python3", &python(&makes("$bin/black", "1.0")));
        world.attempt("pip").unwrap();
        let commands = world.commands();
        (commands[0].clone(), commands[1].clone())
    };
    let (plain, _) = environment(json!({}));
    let packages = json!({"pip": {"install_args": ["black[d]>=24", "--no-deps"]}});
    let (other, install) = environment(packages);
    assert_ne!(plain, other);
    assert!(install.ends_with(" black[d]>=24 --no-deps"), "{install}");
}

#[test]
fn pip_prefers_uv() {
    let world = World::asking_for("black");
    let environment = "for last; do :; done\n[ \"$1\" = venv ] && environment=$last";
    let venv = makes("$environment/bin/python", "3");
    let install = "dir=$(/usr/bin/dirname \"$5\")";
    let black = makes("$dir/black", "1.1");
    let uv = format!("{environment} && {{ {venv}; exit; }}\n{install}\n{black}");
    world.tool("uv", &uv);
    assert_eq!(world.attempt("pip").unwrap().version, "1.1");
    let commands = world.commands();
    assert!(commands[0].starts_with("bin/uv venv --quiet --allow-existing data/lib/pip/black-"));
    assert!(commands[1].starts_with("bin/uv pip install --quiet --python data/lib/pip/black-"));
    assert!(commands[1].ends_with("/bin/python black"));
}

#[test]
fn pip_answers_for_a_program_that_does_not_say_its_version() {
    let world = World::asking_for("quiet").with(json!({"pip": {"packages": "quiet[x]>=1"}}));
    world.tool("python3", &python(&makes("$bin/quiet", "hello")));
    assert_eq!(world.attempt("pip").unwrap().version, "7.7.7");
    let commands = world.commands();
    let asked = commands.last().unwrap();
    assert!(
        asked.contains("importlib.metadata") && asked.ends_with(" quiet"),
        "{asked}"
    );
}

#[test]
fn npm_installs_below_its_prefix() {
    let world = World::asking_for("cowsay");
    let program = makes("$6/node_modules/.bin/cowsay", "1.6.0");
    world.tool("npm", &program);
    let file = world.attempt("npm").unwrap();
    assert!(
        file.abspath
            .ends_with("/data/lib/npm/node_modules/.bin/cowsay")
    );
    let install =
        "bin/npm install --no-fund --no-audit --loglevel=error --prefix data/lib/npm cowsay";
    assert_eq!(world.commands()[0], install);
}

#[test]
fn cargo_builds_or_fetches_what_is_built() {
    let world = World::asking_for("tiny");
    world.tool("cargo", &makes("$4/bin/tiny", "0.1.0"));
    assert_eq!(world.attempt("cargo").unwrap().version, "0.1.0");
    assert_eq!(
        world.commands()[0],
        "bin/cargo install --quiet --root data/lib/cargo tiny"
    );

    let world = World::asking_for("tiny").with(json!({"cargo": {"packages": ["tiny-cli@1.2"]}}));
    world.tool("cargo", "exit 9");
    world.tool("cargo-binstall", &makes("$4/bin/tiny", "1.2.0"));
    assert_eq!(world.attempt("cargo").unwrap().version, "1.2.0");
    let fetch =
        "bin/cargo-binstall --no-confirm --disable-telemetry --root data/lib/cargo tiny-cli@1.2";
    assert_eq!(world.commands()[0], fetch);
}

#[test]
fn a_manager_that_is_absent_is_skipped() {
    for (provider, reason) in [
        ("pip", "neither uv nor python3 is on PATH"),
        ("npm", "npm is not on PATH"),
        ("cargo", "cargo is not on PATH"),
        ("brew", "brew is not on PATH"),
        ("apt", "apt-get is not on PATH"),
    ] {
        let world = World::asking_for("tool");
        assert_eq!(world.refusal(provider), (true, reason.to_owned()));
        assert!(world.commands().is_empty());
    }
}

#[test]
fn a_manager_that_fails_is_quoted() {
    let world = World::asking_for("tool");
    world.tool(
        "npm",
        "echo noise; echo 'npm error 404 Not Found' >&2; exit 1",
    );
    let reason = "npm ended with exit code 1: npm error 404 Not Found";
    assert_eq!(world.refusal("npm"), (false, reason.to_owned()));

    world.tool("cargo", "kill -9 $$");
    assert_eq!(world.refusal("cargo").1, "cargo was ended by signal 9");
}

#[test]
fn a_package_without_the_program_has_failed() {
    let world = World::asking_for("tool").with(json!({"npm": {"packages": ["other"]}}));
    world.tool("npm", "exit 0");
    let (skipped, reason) = world.refusal("npm");
    assert!(!skipped);
    assert!(
        reason.starts_with("npm installed other, and there is no program tool in "),
        "{reason}"
    );
}

#[test]
fn an_environment_that_was_not_finished_is_made_anew() {
    let world = World::asking_for("black");
    // Python is there at once, and pip would be some time later.
    let half = "for last; do :; done\n/bin/mkdir -p \"$last/bin\"\n\
                printf '#!/bin/sh\\necho No module named pip >&2; exit 1\\n' > \"$last/bin/python\"\n\
                /bin/chmod 755 \"$last/bin/python\"; kill -9 $$";
    world.tool("python3", half);
    let (_, reason) = world.refusal("pip");
    assert_eq!(reason, "python3 was ended by signal 9");
    world.tool("python3", &python(&makes("$bin/black", "24.1.0")));
    assert_eq!(world.attempt("pip").unwrap().version, "24.1.0");
    assert!(world.commands()[1].contains("venv --clear"), "once more");
}

#[test]
fn an_environment_of_uv_s_has_no_pip_and_is_made_anew_without_uv() {
    let world = World::asking_for("black");
    let uv = "for last; do :; done\n[ \"$1\" = venv ] && { environment=$last; ";
    let venv = makes("$environment/bin/python", "3");
    let black = makes("$dir/black", "1.1");
    let uv = format!("{uv}{venv}; exit; }}\ndir=$(/usr/bin/dirname \"$5\")\n{black}");
    let tool = world.tool("uv", &uv);
    world.attempt("pip").unwrap();
    std::fs::remove_file(tool).unwrap();
    world.tool("python3", &python(&makes("$bin/black", "1.2")));
    assert_eq!(world.attempt("pip").unwrap().version, "1.2");
    world.tool("uv", &uv);
    let before = world.commands().len();
    assert_eq!(world.attempt("pip").unwrap().version, "1.1");
    let commands = world.commands();
    assert!(
        commands[before].contains("uv pip install"),
        "uv can use what Python has made"
    );
}

#[test]
fn managers_answer_for_programs_that_do_not_say_their_version() {
    let silent = |path: &str| makes(path, "hello");
    let world = World::asking_for("quiet").with(json!({"npm": {"packages": "@scope/quiet@4"}}));
    let manifest = "$6/node_modules/@scope/quiet";
    let npm = format!(
        "{}\n/bin/mkdir -p {manifest}; echo '{{\"version\":\"4.5.6\"}}' > {manifest}/package.json",
        silent("$6/node_modules/.bin/quiet")
    );
    world.tool("npm", &npm);
    assert_eq!(world.attempt("npm").unwrap().version, "4.5.6");

    let world = World::asking_for("quiet");
    let list = "[ $2 = --list ] && { printf 'quiet-cli v0.3.0:\\n    quiet\\n'; exit; }";
    world.tool("cargo", &format!("{list}\n{}", silent("$4/bin/quiet")));
    assert_eq!(world.attempt("cargo").unwrap().version, "0.3.0");

    let world = World::asking_for("quiet");
    let bin = world.root.path().join("bin/quiet");
    let list = "[ $1 = list ] && { echo quiet 7.1 7.2; exit; }";
    world.tool(
        "brew",
        &format!("{list}\n{}", silent(bin.to_str().unwrap())),
    );
    assert_eq!(world.attempt("brew").unwrap().version, "7.2");
}

#[test]
fn a_path_that_leads_nowhere_is_no_package() {
    for provider in ["npm", "pip", "cargo", "brew", "apt"] {
        let world = World::asking_for("/opt/gone/tool");
        for manager in ["npm", "uv", "cargo", "brew", "apt-get"] {
            world.tool(manager, "exit 0");
        }
        let (skipped, reason) = world.refusal(provider);
        assert!(
            skipped && reason.starts_with("a path is asked for"),
            "{reason}"
        );
        assert!(world.commands().is_empty());
    }
    let world = World::asking_for("/opt/gone/tool").with(json!({"npm": {"packages": ["tool"]}}));
    world.tool("npm", &makes("$6/node_modules/.bin/tool", "1.0"));
    assert_eq!(
        world.attempt("npm").unwrap().version,
        "1.0",
        "named, it is one"
    );
}
