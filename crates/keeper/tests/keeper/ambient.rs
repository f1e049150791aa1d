//! What a program inherits is the launcher's at that moment, or what was asked for.

use std::ffi::CString;
use std::fs::{self, File};

use hostledger_keeper::{CloneWay, tag};
use hostledger_sys::{Ambient, EndStatus};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit};

use crate::support::{Fixture, Wish, request};

/// What a script prints.
fn output(fixture: &mut Fixture, script: &str, wish: Wish<'_>) -> String {
    let path = fixture.directory.path().join("output");
    let file = File::create(&path).unwrap();
    let wish = Wish {
        stdout: Some(&file),
        ..wish
    };
    let id = fixture.launch(&["/bin/sh", "-c", script], wish);
    assert_eq!(fixture.wait_end(id).status, EndStatus::Exited(0));
    fs::read_to_string(path).unwrap()
}

#[test]
fn umask_and_limits_are_ours_when_it_is_launched_and_not_when_the_keeper_was() {
    for way in [CloneWay::Concurrent, CloneWay::Suspended] {
        let mut fixture = Fixture::with(None, way);
        let core = getrlimit(Resource::Core);
        let less = Rlimit {
            current: Some(4096),
            ..core
        };
        rustix::process::setrlimit(Resource::Core, less).unwrap();
        let before = rustix::process::umask(Mode::from_raw_mode(0o031));
        // In blocks of 512 bytes.
        let printed = output(&mut fixture, "umask; ulimit -Sc", Wish::default());
        rustix::process::umask(before);
        rustix::process::setrlimit(Resource::Core, core).unwrap();
        assert_eq!(printed, "0031\n8\n");
    }
}

#[test]
fn environment_directory_nice_and_limits_are_those_asked_for() {
    let mut fixture = Fixture::new();
    let own = rustix::process::getpriority_process(None).unwrap();
    let wish = Wish {
        environment: vec![c"GREETING=hello there".into()],
        directory: c"/usr".into(),
        nice: Some((own + 3).min(19)),
        limits: vec![(
            Resource::Nofile,
            Rlimit {
                current: Some(77),
                maximum: Some(99),
            },
        )],
        ..Wish::default()
    };
    let script = "echo $GREETING; /bin/pwd; ulimit -Sn; ulimit -Hn; /usr/bin/nice";
    let printed = output(&mut fixture, script, wish);
    let nice = (own + 3).min(19);
    assert_eq!(printed, format!("hello there\n/usr\n77\n99\n{nice}\n"));
}

#[test]
fn no_variable_of_ours_or_of_the_keeper_is_handed_down() {
    let mut fixture = Fixture::new();
    let wish = Wish {
        environment: vec![c"ONLY=1".into()],
        ..Wish::default()
    };
    let printed = output(&mut fixture, "exec /usr/bin/env", wish);
    let mut names: Vec<_> = printed
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    // The shell sets PWD itself, and some set _ and SHLVL.
    names.retain(|name| !["PWD", "_", "SHLVL"].contains(name));
    assert_eq!(names, ["ONLY"]);
    let keeper = fixture.table().keeper_pid().unwrap().get();
    let environment = fs::read_to_string(format!("/proc/{keeper}/environ")).unwrap();
    assert!(!environment.contains("PATH=/usr") && !environment.contains("CARGO"));
}

#[test]
fn arguments_and_environment_of_two_megabytes_arrive() {
    let mut fixture = Fixture::new();
    let mut environment: Vec<CString> = vec![c"PATH=/usr/bin:/bin".into()];
    environment.extend((0..15u32).map(|number| {
        let value = "v".repeat(120_000);
        CString::new(format!("LARGE_{number}={value}")).unwrap()
    }));
    let wish = Wish {
        environment,
        ..Wish::default()
    };
    let script = "env | grep -c '^LARGE_'; env | grep '^LARGE_' | wc -c";
    let printed = output(&mut fixture, script, wish);
    let bytes = (0..15u32)
        .map(|number| format!("LARGE_{number}=\n").len() + 120_000)
        .sum::<usize>();
    assert_eq!(printed, format!("15\n{bytes}\n"));
}

#[test]
fn what_descends_from_a_process_carries_its_tag_also_after_setsid_and_with_an_empty_environment() {
    let mut fixture = Fixture::new();
    let path = fixture.directory.path().join("output");
    let file = File::create(&path).unwrap();
    let wish = Wish {
        stdout: Some(&file),
        ..Wish::default()
    };
    let script = "setsid env -i /bin/sh -c 'cat /proc/self/limits' | grep 'file locks'";
    let id = fixture.launch(&["/bin/sh", "-c", script], wish);
    let entry = fixture.wait_entry(id);
    let printed = fs::read_to_string(path).unwrap();
    let soft = printed.split_whitespace().nth(3).unwrap();
    assert_eq!(entry.tag, Some(tag(id, 1)));
    assert_eq!(soft.parse(), Ok(tag(id, 1)), "{printed}");
}

#[test]
fn a_block_made_under_other_credentials_is_refused() {
    // Changing ours for real would change them for every test of this process; the block of
    // another thread that has no supplementary groups is as good.
    let mut fixture = Fixture::new();
    let made = std::thread::spawn(|| {
        rustix::thread::set_thread_groups(&[]).ok()?;
        let changed = Ambient::read().unwrap();
        Some((changed, request(&["/bin/true"])))
    });
    let Some((changed, (id, block))) = made.join().unwrap() else {
        println!("SKIPPED: groups cannot be changed here");
        return;
    };
    if changed.credentials() == Ambient::read().unwrap().credentials() {
        println!("SKIPPED: we have no groups to lose");
        return;
    }
    let refused = fixture.ask(id, &block);
    let expected = hostledger_keeper::KeeperError::CredentialsChanged;
    assert_eq!(refused.unwrap_err().to_string(), expected.to_string());
}
