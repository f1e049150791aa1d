//! The keeper itself: one thread that starts, reaps and writes down.
//!
//! After its start nothing is allocated: what grows is in mappings whose pages are taken when
//! they are used. Nothing is held that a death at any instant could leave half done: what it
//! knows is in the table, and its children go to its parent.

mod clock;
mod deadline;
mod family;
mod groups;
mod kill;
mod launch;
mod live;
mod logs;
mod name;
mod news;
mod proc_scan;
mod reap;
mod requests;
mod serve;
mod slots;
mod starts;
mod turns;

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use hostledger_sys::{
    CloneWay, InheritedLimits, Rooms, Signal, block_all_signals, exit_at_once, set_child_subreaper,
    signal_fd,
};
use rustix::process::{Resource, Rlimit, getpid, getrlimit, setrlimit};

use self::groups::Groups;
use self::live::Live;
use self::logs::Logs;
use self::news::Owed;
use self::starts::Starts;
use self::turns::Turns;
use crate::protocol::{NAME, VERSION};
use crate::table::layout::Head;
use crate::table::map::Map;

pub(crate) use clock::{now, since_boot};

hostledger_sys::on_load! {
    name: NAME,
    argument: VERSION,
    call: keep,
}

/// What the keeper is called where 15 bytes are shown (proc_pid_comm(5)).
const COMM: &std::ffi::CStr = c"hostledger-keep";
/// What it ends with when it cannot begin.
const FAILED: u8 = 125;

/// What a keeper works with.
struct Run {
    /// The launcher's end of the socket is at the other side of it.
    socket: BorrowedFd<'static>,
    /// The table's file, whose lock says that we are alive.
    file: BorrowedFd<'static>,
    map: &'static Map,
    children: OwnedFd,
    way: CloneWay,
    groups: Groups,
    live: Live,
    starts: Starts,
    rooms: Rooms,
    inherited: InheritedLimits,
    turns: Turns,
    logs: Logs,
    owed: Owed,
    /// Whether the launcher is there.
    launcher: bool,
}

/// Keeps programs until the launcher has gone and all have ended.
fn keep() {
    match Run::begin() {
        Ok(mut run) => {
            run.serve();
            exit_at_once(0)
        }
        Err(_) => exit_at_once(FAILED),
    }
}

impl Run {
    fn begin() -> io::Result<Self> {
        static MAP: OnceLock<Map> = OnceLock::new();
        // Nothing that is sent to us ends us before our work is done; what SIGTERM at the end of
        // a login session wants comes about when it has ended our programs.
        block_all_signals()?;
        set_child_subreaper()?;
        rustix::thread::set_name(COMM)?;
        raise_descriptors();
        let file = rustix::stdio::stdout();
        let map = Map::new(file)?.ok_or(io::ErrorKind::InvalidData)?;
        let map = MAP.get_or_init(|| map);
        map.store(
            Head::KeeperPid,
            u64::from(getpid().as_raw_pid().unsigned_abs()),
        );
        Ok(Self {
            socket: rustix::stdio::stdin(),
            file,
            map,
            children: signal_fd(Signal::CHLD)?,
            way: CloneWay::Suspended,
            groups: Groups::new()?,
            live: Live::new()?,
            starts: Starts::new(),
            rooms: Rooms::new(),
            inherited: InheritedLimits::read(),
            turns: Turns::new()?,
            logs: Logs::new()?,
            owed: Owed::new()?,
            launcher: true,
        })
    }
}

/// As many descriptors as we may have; programs get the launcher's limit.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Where that is refused there are as many as there were.
    let raised = setrlimit(Resource::Nofile, raised);
    debug_assert!(raised.is_ok());
}
