//! Launches of real programs, good and bad.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use hostledger_model::{StartTicks, Termination, Timestamp};
use hostledger_process::{
    InvalidLaunch, LaunchError, LaunchSpec, Output, PidSpace, Session, Verdict, start_time,
};

use support::Place;

fn executable(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

fn failure(place: &Place, spec: LaunchSpec) -> LaunchError {
    let logs = place.new_logs();
    let launch = spec.check().unwrap();
    launch
        .start(PidSpace::current().unwrap(), Output::Files(&logs))
        .unwrap_err()
}

#[test]
fn output_goes_to_two_logs_and_the_end_is_exact() {
    let place = Place::new();
    let running = place.sh("echo hello; echo err >&2; exit 7");
    assert_eq!(running.termination(), Some(Termination::Exited(7)));
    assert_eq!(running.stdout(), b"hello\n");
    assert_eq!(running.stderr(), b"err\n");
}

#[test]
fn the_identity_and_start_time_are_those_of_the_program() {
    let place = Place::new();
    let before = Timestamp::now();
    let running = place.sh("exec sleep 60");
    let after = Timestamp::now();
    let space = PidSpace::current().unwrap();
    let (identity, _) = space.identify(running.pid()).unwrap();
    assert_eq!(identity, running.identity);
    // The kernel counts in ticks of 10 ms, cut.
    let started = running.started_at.unix_micros();
    assert!(
        started >= before.unix_micros() - 20_000,
        "{started} {before}"
    );
    assert!(started <= after.unix_micros(), "{started} {after}");
    assert_ne!(identity.start_ticks, StartTicks(0));
    let again = start_time(identity.start_ticks).unix_micros();
    assert!((again - started).abs() < 5000, "{again} {started}");
}

#[test]
fn standard_input_is_empty_unless_asked_for_and_the_environment_is_complete() {
    let place = Place::new();
    let mut spec = place.spec(["sh", "-c", "readlink /proc/self/fd/0; /usr/bin/env"]);
    spec.environment = vec![("A".into(), "1".into()), ("A".into(), "2".into())];
    let running = place.run(spec);
    running.end();
    let text = String::from_utf8(running.stdout()).unwrap();
    assert!(text.starts_with("/dev/null\n"), "{text}");
    assert!(!text.contains("HOME=") && !text.contains("PATH="), "{text}");
}

#[test]
fn arguments_environment_and_paths_that_are_no_text_arrive_as_they_are() {
    let place = Place::new();
    let odd = OsStr::from_bytes(b"o\xff\n'\x01d");
    let directory = place.directory.path().join(odd);
    fs::create_dir(&directory).unwrap();
    symlink("/bin/sh", directory.join(odd)).unwrap();
    let mut program = OsString::from("./");
    program.push(odd);
    let script = "printf '%s,%s,%s' \"$1\" \"$V\" \"$(basename \"$PWD\")\"";
    let arguments = vec![program, "-c".into(), script.into(), "sh".into(), odd.into()];
    let mut spec = LaunchSpec::new(arguments, directory);
    spec.environment = vec![
        ("V".into(), odd.into()),
        ("PATH".into(), "/bin:/usr/bin".into()),
    ];
    let running = place.run(spec);
    running.end();
    let odd = odd.as_bytes();
    assert_eq!(running.stdout(), [odd, b",", odd, b",", odd].concat());
}

#[test]
fn a_command_is_found_in_the_path_of_its_own_environment() {
    let place = Place::new();
    for name in ["a", "b"] {
        fs::create_dir(place.path(name)).unwrap();
        executable(
            &place.path(name).join("tool"),
            &format!("#!/bin/sh\necho {name}\n"),
        );
    }
    let output = |path: &str| {
        let mut spec = place.spec(["tool"]);
        spec.environment = vec![("PATH".into(), path.into())];
        let running = place.run(spec);
        assert_eq!(running.termination(), Some(Termination::Exited(0)));
        String::from_utf8(running.stdout()).unwrap()
    };
    // Relative entries count from the working directory of the program.
    assert_eq!(output("/nonexistent:b:a"), "b\n");
    assert_eq!(output("a:b"), "a\n");
    // A file that may not be executed is passed over.
    fs::set_permissions(
        place.path("a").join("tool"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    assert_eq!(output("a:b"), "b\n");
    executable(&place.path("tool"), "#!/bin/sh\necho here\n");
    assert_eq!(output(":b"), "here\n");
}

#[test]
fn a_command_that_does_not_exist_is_127() {
    let place = Place::new();
    for command in [
        "hostledger-no-such-program",
        "/nonexistent",
        "./nothing",
        "/etc/passwd/x",
        "",
    ] {
        let error = failure(&place, place.spec([command]));
        assert!(matches!(&error, LaunchError::NotFound { .. }), "{error}");
        assert_eq!(error.exit_code(), 127);
        assert!(error.to_string().contains(command), "{error}");
    }
}

#[test]
fn a_command_that_cannot_be_run_is_126_and_says_why() {
    let place = Place::new();
    fs::write(place.path("plain"), "").unwrap();
    executable(&place.path("no-format"), "echo x\n");
    executable(
        &place.path("no-interpreter"),
        "#!/nonexistent/interpreter\n",
    );

    let error = failure(&place, place.spec(["./plain"]));
    assert!(
        matches!(&error, LaunchError::NotExecutable { .. }),
        "{error}"
    );
    assert_eq!(error.exit_code(), 126);

    let mut spec = place.spec(["plain"]);
    spec.environment = vec![("PATH".into(), "/nonexistent:.:/bin".into())];
    let error = failure(&place, spec);
    assert!(matches!(&error, LaunchError::NotExecutable { program } if program.ends_with("plain")));

    let error = failure(&place, place.spec(["/tmp"]));
    assert!(
        matches!(&error, LaunchError::NotExecutable { .. }),
        "{error}"
    );

    let error = failure(&place, place.spec(["./no-format"]));
    assert!(
        matches!(&error, LaunchError::UnknownFormat { .. }),
        "{error}"
    );
    assert_eq!(error.exit_code(), 126);
    assert!(error.to_string().contains("sh "), "{error}");

    let error = failure(&place, place.spec(["./no-interpreter"]));
    assert!(
        matches!(&error, LaunchError::MissingInterpreter { .. }),
        "{error}"
    );
    assert_eq!(error.exit_code(), 126);

    let mut spec = place.spec(["true"]);
    spec.environment
        .push(("BIG".into(), "x".repeat(8 << 20).into()));
    let error = failure(&place, spec);
    assert!(
        matches!(&error, LaunchError::TooLarge { bytes, .. } if *bytes > 8 << 20),
        "{error}"
    );
    assert_eq!(error.exit_code(), 126);
}

#[test]
fn what_can_be_known_to_be_wrong_is_refused_before_anything_is_started() {
    let place = Place::new();
    let refused = |change: fn(&mut LaunchSpec)| {
        let mut spec = place.spec(["true", "x"]);
        change(&mut spec);
        let error = spec.check().unwrap_err();
        assert_eq!(error.exit_code(), 125);
        error
    };
    assert!(matches!(
        refused(|s| s.arguments.clear()),
        InvalidLaunch::EmptyCommand
    ));
    for (error, place) in [
        (refused(|s| s.arguments[0] = "a\0".into()), "the command"),
        (refused(|s| s.arguments[1] = "\0".into()), "argument 1"),
        (
            refused(|s| s.environment = vec![("A".into(), "\0".into())]),
            "variable A",
        ),
        (
            refused(|s| s.environment = vec![("PATH".into(), "/a\0b".into())]),
            "variable PATH",
        ),
        (
            refused(|s| s.directory = "/\0".into()),
            "the working directory",
        ),
    ] {
        assert!(matches!(&error, InvalidLaunch::NulByte { .. }), "{error}");
        assert!(error.to_string().contains(place), "{error}");
    }
    for name in ["", "A=B", "A="] {
        let mut spec = place.spec(["true"]);
        spec.environment = vec![(name.into(), "x".into())];
        assert!(
            matches!(spec.check(), Err(InvalidLaunch::VariableName { .. })),
            "{name:?}"
        );
    }
    let directory = |path: &Path| {
        let mut spec = place.spec(["true"]);
        spec.directory = path.to_owned();
        let Err(InvalidLaunch::WorkingDirectory {
            source,
            path: named,
        }) = spec.check()
        else {
            panic!("{path:?} is taken");
        };
        assert_eq!(named, path);
        source.kind()
    };
    assert_eq!(
        directory(Path::new("/nonexistent")),
        std::io::ErrorKind::NotFound
    );
    assert_eq!(directory(Path::new("")), std::io::ErrorKind::NotFound);
    assert_eq!(
        directory(Path::new("/etc/passwd")),
        std::io::ErrorKind::NotADirectory
    );
}

#[test]
fn a_working_directory_that_goes_after_the_check_is_named() {
    let place = Place::new();
    let gone = place.path("gone");
    fs::create_dir(&gone).unwrap();
    let mut spec = place.spec(["true"]);
    spec.directory.clone_from(&gone);
    let launch = spec.check().unwrap();
    fs::remove_dir(&gone).unwrap();
    let logs = place.new_logs();
    let error = launch
        .start(PidSpace::current().unwrap(), Output::Files(&logs))
        .unwrap_err();
    assert!(matches!(&error, LaunchError::WorkingDirectory { path, .. } if *path == gone));
    assert_eq!(error.exit_code(), 126);
}

#[test]
fn umask_nice_limits_and_session_are_as_asked() {
    let place = Place::new();
    let mut spec = place.spec([
        "sh",
        "-c",
        "umask; nice; ulimit -n; cut -d' ' -f6 /proc/$$/stat",
    ]);
    spec.umask = Some(0o7);
    spec.nice = Some(3);
    spec.limits = vec!["nofile=100:200".parse().unwrap()];
    let running = place.run(spec.clone());
    running.end();
    let own_session = format!("0007\n3\n100\n{}\n", running.pid());
    assert_eq!(String::from_utf8(running.stdout()).unwrap(), own_session);

    spec.session = Session::Same;
    let running = place.run(spec);
    running.end();
    let ours = procfs::process::Process::myself()
        .unwrap()
        .stat()
        .unwrap()
        .session;
    let text = String::from_utf8(running.stdout()).unwrap();
    assert_eq!(text, format!("0007\n3\n100\n{ours}\n"));
}

#[test]
fn a_prepared_launch_can_be_started_again_and_its_debug_form_keeps_secrets() {
    let place = Place::new();
    let mut spec = place.spec(["sh", "-c", "echo $$"]);
    spec.environment.push(("TOKEN".into(), "hush".into()));
    assert!(!format!("{spec:?}").contains("hush"));
    let launch = spec.check().unwrap();
    assert!(!format!("{launch:?}").contains("hush"));
    for _ in 0..2 {
        let running = place.start(&launch);
        running.end();
        assert_eq!(
            running.stdout(),
            format!("{}\n", running.pid()).into_bytes()
        );
    }
}

#[test]
fn a_launch_that_cannot_be_kept_is_undone_without_a_trace() {
    let place = Place::new();
    let logs = place.new_logs();
    let launch = place.spec(["sleep", "60"]).check().unwrap();
    let space = PidSpace::current().unwrap();
    let launched = launch.start(space, Output::Files(&logs)).unwrap();
    let identity = launched.identity.clone();
    launched.undo();
    assert!(matches!(space.verify(&identity).unwrap(), Verdict::Gone));
}
