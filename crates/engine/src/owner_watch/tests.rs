//! Owners that are other processes.

use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};

use super::*;
use crate::Owner;

/// Another process that holds the lock of an owner, which a test of this binary is told to be.
fn other_process(directory: &Path) -> (Child, OwnerId) {
    let before = owners(directory);
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has nothing to record about its own programs"
    )]
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner_watch::tests::an_owner", "--nocapture"])
        .env("OWNER_IN", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let new = || {
        owners(directory)
            .into_iter()
            .find(|it| !before.contains(it))
    };
    let held = |owner: OwnerId| {
        let text = fs::read_to_string(lock_path(directory, owner)).unwrap_or_default();
        Holder::parse(&text).map(|_| owner)
    };
    let owner = wait_for(Duration::from_secs(30), || new().and_then(held));
    (child, owner.expect("the other process registers"))
}

fn owners(directory: &Path) -> Vec<OwnerId> {
    let files = fs::read_dir(directory).unwrap();
    files
        .filter_map(|file| owner_of(&file.unwrap().path()))
        .collect()
}

/// Nothing unless it is the other process: then it is an owner until its input ends.
#[test]
fn an_owner() {
    let Some(directory) = std::env::var_os("OWNER_IN") else {
        return;
    };
    let owner = Owner::register(Path::new(&directory)).unwrap();
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    drop(owner);
}

fn is_ready(watch: &OwnerWatch, within: Duration) -> bool {
    let timeout = Timespec::try_from(within).unwrap();
    poll(&mut [PollFd::new(watch, PollFlags::IN)], Some(&timeout)).unwrap() > 0
}

fn next_gone(watch: &mut OwnerWatch) -> OwnerId {
    loop {
        assert!(is_ready(watch, Duration::from_secs(30)), "somebody goes");
        if let [gone] = watch.take_gone().unwrap()[..] {
            return gone;
        }
    }
}

#[test]
fn the_death_of_others_is_told_of_those_that_were_there_and_of_those_that_came() {
    let directory = tempfile::tempdir().unwrap();
    let own = Owner::register(directory.path()).unwrap();
    let (mut earlier, first) = other_process(directory.path());
    let mut watch = OwnerWatch::new(directory.path(), own.id()).unwrap();
    let (mut later, second) = other_process(directory.path());
    assert_eq!(watch.take_gone().unwrap(), []);

    earlier.kill().unwrap();
    assert_eq!(next_gone(&mut watch), first);
    later.kill().unwrap();
    assert_eq!(next_gone(&mut watch), second);
    earlier.wait().unwrap();
    later.wait().unwrap();
    assert_eq!(watch.take_gone().unwrap(), []);
}

#[test]
fn who_leaves_of_its_own_accord_is_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let own = Owner::register(directory.path()).unwrap();
    let mut watch = OwnerWatch::new(directory.path(), own.id()).unwrap();
    let (mut other, owner) = other_process(directory.path());
    drop(other.stdin.take());
    assert_eq!(next_gone(&mut watch), owner);
    other.wait().unwrap();
    assert_eq!(watch.take_gone().unwrap(), []);
    assert!(!is_ready(&watch, Duration::ZERO));
}

#[test]
fn one_that_cannot_be_looked_at_keeps_nobody_from_being_watched_and_is_looked_at_again() {
    let directory = tempfile::tempdir().unwrap();
    let (mut dead, unreadable) = other_process(directory.path());
    dead.kill().unwrap();
    dead.wait().unwrap();
    let mut watch = OwnerWatch::new(directory.path(), OwnerId::generate()).unwrap();
    assert_eq!(watch.take_gone().unwrap(), [unreadable]);
    let lock = lock_path(directory.path(), unreadable);
    let text = fs::read(&lock).unwrap();
    // Told of, and then a directory is in its place, which cannot be read as a file.
    fs::write(&lock, &text).unwrap();
    let aside = directory.path().join("aside");
    fs::rename(&lock, &aside).unwrap();
    fs::create_dir(&lock).unwrap();
    let (mut later, owner) = other_process(directory.path());
    watch.take_gone().unwrap_err();

    later.kill().unwrap();
    assert_eq!(next_gone(&mut watch), owner);
    later.wait().unwrap();
    // A rename is not told of.
    fs::rename(&lock, directory.path().join("away")).unwrap();
    fs::rename(&aside, &lock).unwrap();
    assert_eq!(next_gone(&mut watch), unreadable, "without another notice");
    assert!(!is_ready(&watch, Duration::ZERO));
}

#[test]
fn who_was_dead_before_is_told_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (mut dead, owner) = other_process(directory.path());
    dead.kill().unwrap();
    dead.wait().unwrap();
    let mut watch = OwnerWatch::new(directory.path(), OwnerId::generate()).unwrap();
    assert_eq!(watch.take_gone().unwrap(), [owner]);
}
