//! Descriptors that others have on their way.

use std::fs::File;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use hostledger_engine::port::{OutputPlace, Program, Spawner};
use hostledger_engine::{KeeperPlace, ProgramSpawner};
use hostledger_process::PidSpace;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    socketpair,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use crate::bench::{Bench, LIMIT};

/// As many descriptors as one message can carry (unix(7)).
const MOST: usize = 253;

/// Uses up what this user may have on its way, until this is dropped.
struct Full {
    _sockets: (OwnedFd, OwnedFd),
    limit: Rlimit,
}

impl Full {
    fn new() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let low = Rlimit {
            current: Some(200),
            ..limit
        };
        setrlimit(Resource::Nofile, low).unwrap();
        let sockets = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        );
        let sockets = sockets.unwrap();
        let null = File::open("/dev/null").unwrap();
        while send(&sockets.0, &[null.as_fd(); MOST]) != Err(Errno::TOOMANYREFS) {}
        Self {
            _sockets: sockets,
            limit,
        }
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        setrlimit(Resource::Nofile, self.limit).unwrap();
    }
}

/// Gives up the right to exceed the limit.
fn become_ordinary() {
    let mut sets = capabilities(None).unwrap();
    let may_exceed = CapabilitySet::SYS_RESOURCE | CapabilitySet::SYS_ADMIN;
    sets.effective.remove(may_exceed);
    set_capabilities(None, sets).unwrap();
}

fn send(socket: &OwnedFd, descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    assert!(rights.push(SendAncillaryMessage::ScmRights(descriptors)));
    let bytes = [IoSlice::new(b"x")];
    rustix::net::sendmsg(socket, &bytes, &mut rights, SendFlags::DONTWAIT).map(drop)
}

/// What becomes of the one program there is, up to its end, told as the event loop is told.
fn events(spawner: &mut ProgramSpawner) -> Vec<&'static str> {
    let deadline = Instant::now() + LIMIT.unwrap();
    let mut events = Vec::new();
    while !matches!(events.last(), Some(&"exited" | &"spawn_failed")) {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "nothing has told of an end: {events:?}");
        let left = left.try_into().unwrap();
        let readiness = PollFd::from_borrowed_fd(spawner.readiness(), PollFlags::IN);
        poll(&mut [readiness], Some(&left)).unwrap();
        let told = spawner.take_events();
        events.extend(told.iter().map(|(_, event)| event.name()));
    }
    events
}

#[test]
fn a_program_that_cannot_be_handed_over_yet_is_started_when_there_is_room() {
    become_ordinary();
    let bench = Bench::new();
    let (process, mut order) = bench.process("/bin/true");
    let null = || {
        Arc::new(OwnedFd::from(
            File::options().write(true).open("/dev/null").unwrap(),
        ))
    };
    order.output = OutputPlace::Given {
        stdout: null(),
        stderr: null(),
    };
    let directory = tempfile::tempdir().unwrap();
    let space = PidSpace::current().unwrap();
    let place = KeeperPlace {
        directory: directory.path().to_owned(),
        program: hostledger_keeper::Program::Own,
        owner: bench.owner,
    };
    let mut spawner = ProgramSpawner::new(space, Some(place)).unwrap();
    spawner.prepare();
    let full = Full::new();
    spawner.spawn(Program::from(&process), &Arc::new(order));
    assert!(spawner.take_events().is_empty());
    let room = std::thread::spawn(move || drop(full));
    assert_eq!(events(&mut spawner), ["spawned", "exited"]);
    spawner.release(process.id, None);
    room.join().unwrap();
}
