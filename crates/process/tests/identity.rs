//! Who a process is, and that nobody else is taken for it.

mod support;

use hostledger_model::{BootId, Pid, PidNamespace, ProcessIdentity, StartTicks, Termination};
use hostledger_process::{Features, IdentityError, Means, PidSpace, Signal, Verdict};

use support::Place;

#[test]
fn our_own_identity_is_alive() {
    let space = PidSpace::current().unwrap();
    let own = space.own_identity().unwrap();
    assert_eq!(own.pid.get().unsigned_abs(), std::process::id());
    assert_eq!(&own.boot_id, space.boot_id());
    assert_eq!(own.pid_namespace, space.pid_namespace());
    assert!(matches!(space.verify(&own).unwrap(), Verdict::Alive(_)));
}

#[test]
fn a_recorded_process_is_found_alive_then_zombie_then_gone() {
    let place = Place::new();
    let space = PidSpace::current().unwrap();
    let child = place.sh("exec sleep 60");
    let Verdict::Alive(held) = space.verify(&child.identity).unwrap() else {
        panic!("it lives");
    };
    // What was verified is acted on.
    held.send_signal(Signal::KILL).unwrap();
    held.wait_ended(None).unwrap();
    assert!(matches!(
        space.verify(&child.identity).unwrap(),
        Verdict::Zombie(_)
    ));
    let killed = Some(Termination::Signaled(9));
    assert_eq!(space.exit_of(&held), killed, "its zombie tells");
    child.end();
    assert!(matches!(
        space.verify(&child.identity).unwrap(),
        Verdict::Gone
    ));
    let kept = Features::probe().unwrap().exit_info;
    assert_eq!(
        space.exit_of(&held).map(Termination::exit_code),
        kept.then_some(137)
    );
    let less = space.with(Means::without("pidfd-exit").unwrap());
    assert_eq!(less.exit_of(&held), None, "switched off");
}

#[test]
fn somebody_else_with_the_same_pid_is_not_taken_for_it() {
    let place = Place::new();
    let space = PidSpace::current().unwrap();
    let child = place.sh("exec sleep 60");
    let with = |change: fn(&mut ProcessIdentity)| {
        let mut identity = child.identity.clone();
        change(&mut identity);
        space.verify(&identity).unwrap()
    };
    assert!(matches!(with(|_| ()), Verdict::Alive(_)));
    assert!(matches!(
        with(|id| id.start_ticks = StartTicks(id.start_ticks.0 - 1)),
        Verdict::Gone
    ));
    assert!(matches!(
        with(|id| id.start_ticks = StartTicks(id.start_ticks.0 + 1)),
        Verdict::Gone
    ));
    let other_boot = with(|id| id.boot_id = BootId("another".to_owned()));
    assert!(matches!(other_boot, Verdict::OtherBoot));
    let other_namespace = with(|id| id.pid_namespace = PidNamespace(1));
    assert!(matches!(other_namespace, Verdict::OtherNamespace));
    // Written by an older kernel's hostledger, or with pidfs switched off.
    assert!(matches!(
        with(|id| id.pidfd_inode = None),
        Verdict::Alive(_)
    ));
    if child.identity.pidfd_inode.is_some() {
        let other_inode = with(|id| id.pidfd_inode = id.pidfd_inode.map(|inode| inode + 1));
        assert!(matches!(other_inode, Verdict::Gone));
    } else {
        println!("SKIPPED: this kernel has no pidfs (Linux 6.9)");
    }
}

#[test]
fn without_pidfs_pid_and_start_time_decide() {
    let place = Place::new();
    let space = PidSpace::current()
        .unwrap()
        .with(Means::without("pidfs").unwrap());
    let child = place.sh("exec sleep 60");
    let (identity, _) = space.identify(child.pid()).unwrap();
    assert_eq!(identity.pidfd_inode, None);
    assert!(matches!(
        space.verify(&identity).unwrap(),
        Verdict::Alive(_)
    ));
    // An inode that is recorded is not asked for.
    let mut other = child.identity.clone();
    other.pidfd_inode = Some(1);
    assert!(matches!(space.verify(&other).unwrap(), Verdict::Alive(_)));
    other.start_ticks = StartTicks(1);
    assert!(matches!(space.verify(&other).unwrap(), Verdict::Gone));
}

#[test]
fn a_pid_nobody_has_is_no_process_and_a_record_of_it_is_gone() {
    let space = PidSpace::current().unwrap();
    let nobody = Pid::new(i32::MAX).unwrap();
    assert!(
        matches!(space.identify(nobody), Err(IdentityError::NoProcess { pid }) if pid == nobody)
    );
    let mut identity = space.own_identity().unwrap();
    identity.pid = nobody;
    assert!(matches!(space.verify(&identity).unwrap(), Verdict::Gone));
}

#[test]
fn the_number_of_a_thread_is_no_process() {
    let space = PidSpace::current().unwrap();
    // Every test runs in a thread that is not the first of its process.
    let thread = Pid::new(rustix::thread::gettid().as_raw_pid()).unwrap();
    assert_ne!(thread.get().unsigned_abs(), std::process::id());
    assert!(matches!(
        space.identify(thread),
        Err(IdentityError::NoProcess { .. })
    ));
}

#[test]
fn a_process_whose_name_looks_like_a_stat_line_is_identified() {
    let place = Place::new();
    let space = PidSpace::current().unwrap();
    let script =
        "printf ') R 1 1 (x\\377' > /proc/$$/comm; echo named; exec 3<&0; read x <&3; sleep 60";
    let child = place.sh(script);
    child.wait_written("named\n");
    let (identity, _) = space.identify(child.pid()).unwrap();
    assert_eq!(identity, child.identity);
}

/// Not a test: what is run in another pid namespace.
#[test]
fn tell_our_pid_space() {
    match PidSpace::current() {
        Ok(space) => println!("namespace {}", space.pid_namespace().0),
        Err(error) => println!("error {error}"),
    }
}

#[test]
fn a_proc_of_another_pid_namespace_is_refused_and_its_own_is_taken() {
    let place = Place::new();
    let exe = std::env::current_exe().unwrap();
    let tell = |mount: &[&str]| {
        let helper = ["--exact", "tell_our_pid_space", "--nocapture"];
        let unshare = ["unshare", "--pid", "--fork"].iter().chain(mount);
        let mut spec = place.spec([]);
        spec.arguments = unshare.map(std::ffi::OsString::from).collect();
        spec.arguments.push(exe.clone().into());
        spec.arguments.extend(helper.map(std::ffi::OsString::from));
        let child = place.run(spec);
        let end = child.termination();
        let text = String::from_utf8(child.stdout()).unwrap();
        (end == Some(Termination::Exited(0))).then_some(text)
    };
    let Some(foreign) = tell(&[]) else {
        println!("SKIPPED: not allowed to make a pid namespace");
        return;
    };
    assert!(
        foreign.contains("error /proc shows another pid namespace"),
        "{foreign}"
    );
    let own = tell(&["--mount-proc"]).unwrap();
    let ours = PidSpace::current().unwrap().pid_namespace().0;
    assert!(own.contains("namespace "), "{own}");
    assert!(!own.contains(&format!("namespace {ours}")), "{own}");
}
