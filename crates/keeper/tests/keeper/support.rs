//! A keeper of one's own, which goes when the test ends, with all it has started.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hostledger_keeper::{
    CloneWay, End, Entry, Event, Keeper, KeeperError, LaunchBlock, Program, Request, SinceBoot,
    Slot, Start, State, Table, tag,
};
use hostledger_model::{KillMode, OwnerId, ProcessId};
use hostledger_sys::{Ambient, BlockSpec, EndStatus, Pidfd, Session, Signal};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Resource, Rlimit};
use tempfile::TempDir;

/// A loaded machine is slow; one that waits longer than this is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    pub(crate) keeper: Keeper,
    pub(crate) seen: Vec<Event>,
}

/// What is asked for beyond a command.
pub(crate) struct Wish<'a> {
    pub(crate) environment: Vec<CString>,
    pub(crate) directory: CString,
    pub(crate) session: Session,
    pub(crate) nice: Option<i32>,
    pub(crate) limits: Vec<(Resource, Rlimit)>,
    pub(crate) stdout: Option<&'a File>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) kill_mode: KillMode,
    pub(crate) max_log_bytes: Option<u64>,
    pub(crate) at_once: Option<u32>,
    pub(crate) start_by: Option<SinceBoot>,
}

impl Default for Wish<'_> {
    fn default() -> Self {
        Self {
            environment: vec![c"PATH=/usr/bin:/bin".into()],
            directory: c"/".into(),
            session: Session::New,
            nice: None,
            limits: Vec::new(),
            stdout: None,
            timeout: None,
            grace: Duration::from_secs(5),
            kill_mode: KillMode::Tree,
            max_log_bytes: None,
            at_once: None,
            start_by: None,
        }
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(None, CloneWay::Concurrent)
    }

    pub(crate) fn with(cgroup: Option<&Path>, way: CloneWay) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keeper = start(directory.path(), cgroup, way);
        Self {
            directory,
            keeper,
            seen: Vec::new(),
        }
    }

    pub(crate) fn table(&self) -> &Table {
        self.keeper.table()
    }

    pub(crate) fn shell(&mut self, script: &str) -> ProcessId {
        self.launch(&["/bin/sh", "-c", script], Wish::default())
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "wishes are made for one launch"
    )]
    pub(crate) fn launch(&mut self, arguments: &[&str], wish: Wish<'_>) -> ProcessId {
        let id = ProcessId::generate();
        launch(&mut self.keeper, id, arguments, &wish);
        id
    }

    pub(crate) fn ask(&mut self, id: ProcessId, block: &LaunchBlock) -> Result<(), KeeperError> {
        ask(&mut self.keeper, id, block, &Wish::default())
    }

    /// Takes events until there is one that fits.
    pub(crate) fn wait(&mut self, mut fits: impl FnMut(&Event) -> bool) -> Event {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.seen.iter().find(|event| fits(event)) {
                return *found;
            }
            assert!(Instant::now() < end, "no such event among {:?}", self.seen);
            wait_readable(&self.keeper);
            self.seen.extend(self.keeper.take_events());
        }
    }

    pub(crate) fn wait_started(&mut self, wanted: ProcessId) -> Slot {
        match self.wait(|event| matches!(event, Event::Started { id, .. } if *id == wanted)) {
            Event::Started { slot, .. } => slot,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for an end; gives what stands in the table.
    pub(crate) fn wait_entry(&mut self, wanted: ProcessId) -> Entry {
        let event = self.wait(|event| match event {
            Event::Ended { id, .. } | Event::Failed { id, .. } => *id == wanted,
            _ => false,
        });
        match event {
            Event::Ended { slot, .. } | Event::Failed { slot, .. } => {
                self.table().entry(slot).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn wait_end(&mut self, wanted: ProcessId) -> End {
        let entry = self.wait_entry(wanted);
        assert_eq!((entry.id, entry.state), (wanted, State::Ended));
        entry.end.unwrap().unwrap()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        until("nothing is left", || !end_all(self.table()));
    }
}

/// Ends a keeper's children, those that came to it included; false when it has none, or is gone.
pub(crate) fn end_all(table: &Table) -> bool {
    if !table.keeper_is_alive().unwrap_or(false) {
        return false;
    }
    // While it lives the number is its own: it is our child, or holds the lock.
    let keeper = table.keeper_pid().map_or(0, hostledger_model::Pid::get);
    let list = format!("/proc/{keeper}/task/{keeper}/children");
    let list = std::fs::read_to_string(list).unwrap_or_default();
    for pid in list.split_whitespace() {
        let pid = pid.parse().ok().and_then(Pid::from_raw);
        // One that has just ended needs no signal.
        if let Some(pidfd) = pid.and_then(|pid| Pidfd::open(pid).ok()) {
            let _ = pidfd.send_signal(Signal::KILL);
        }
    }
    !list.is_empty()
}

pub(crate) fn start(directory: &Path, cgroup: Option<&Path>, way: CloneWay) -> Keeper {
    let start = Start {
        directory,
        owner: OwnerId::generate(),
        program: &Program::Own,
        cgroup,
    };
    Keeper::start_by(&start, way).unwrap()
}

pub(crate) fn launch(keeper: &mut Keeper, id: ProcessId, arguments: &[&str], wish: &Wish<'_>) {
    let block = block(id, arguments, wish);
    ask(keeper, id, &block, wish).unwrap();
}

fn ask(
    keeper: &mut Keeper,
    id: ProcessId,
    block: &LaunchBlock,
    wish: &Wish<'_>,
) -> Result<(), KeeperError> {
    let null = File::options().read(true).write(true).open("/dev/null");
    let null = null.unwrap();
    let stdout = wish.stdout.unwrap_or(&null).as_fd();
    keeper.launch(&Request {
        id,
        attempt: 1,
        block,
        stdio: [null.as_fd(), stdout, stdout],
        timeout: wish.timeout,
        grace: wish.grace,
        kill_mode: wish.kill_mode,
        max_log_bytes: wish.max_log_bytes,
        at_once: wish.at_once,
        start_by: wish.start_by,
    })
}

pub(crate) fn block(id: ProcessId, arguments: &[&str], wish: &Wish<'_>) -> LaunchBlock {
    let arguments: Vec<CString> = arguments
        .iter()
        .map(|text| CString::new(*text).unwrap())
        .collect();
    let spec = BlockSpec {
        programs: &arguments[..1],
        arguments: &arguments,
        environment: &wish.environment,
        directory: &wish.directory,
        session: wish.session,
        umask: None,
        nice: wish.nice,
        limits: &wish.limits,
    };
    LaunchBlock::new(&spec, &Ambient::read().unwrap(), tag(id, 1)).unwrap()
}

/// A program, laid out as by the thread that calls.
pub(crate) fn request(arguments: &[&str]) -> (ProcessId, LaunchBlock) {
    let id = ProcessId::generate();
    (id, block(id, arguments, &Wish::default()))
}

/// Signals a process that is known to be there.
pub(crate) fn signal(pid: i32, signal: Signal) {
    let pidfd = Pidfd::open(Pid::from_raw(pid).unwrap()).unwrap();
    pidfd.send_signal(signal).unwrap();
}

pub(crate) fn wait_readable(fd: impl AsFd) {
    let second = Duration::from_secs(1).try_into().unwrap();
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&second)).unwrap();
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A wait-until for a file that another process writes and that is complete with a newline.
pub(crate) fn read_line(path: &Path) -> String {
    let mut line = String::new();
    until(&format!("{} has a line", path.display()), || {
        line = std::fs::read_to_string(path).unwrap_or_default();
        line.ends_with('\n')
    });
    line.trim_end().to_owned()
}

pub(crate) fn is_running(pid: i32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

/// The letter of a process's state (proc_pid_stat(5)).
pub(crate) fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// A cgroup of the test's own; `None` (after saying so) where there is none to be had.
pub(crate) struct Group(pub(crate) PathBuf);

impl Group {
    pub(crate) fn new() -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
        let root = mounts.lines().find_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let place = fields.next()?;
            (fields.next()? == "cgroup2").then(|| PathBuf::from(place))
        });
        let name = format!("hostledger-test-{}", OwnerId::generate().simple());
        let made = root.map(|root| root.join(name));
        match made.filter(|path| std::fs::create_dir(path).is_ok()) {
            Some(path) => Some(Self(path)),
            None => {
                println!("SKIPPED: no cgroup can be made here");
                None
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let remove = |path: &Path| {
            let _ = std::fs::write(path.join("cgroup.kill"), "1");
            // Its keeper may be faster.
            until("the group is empty", || {
                std::fs::remove_dir(path).is_ok() || !path.exists()
            });
        };
        for entry in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                remove(&entry.path());
            }
        }
        remove(&self.0);
    }
}

/// Codes by id, of all that have ended.
pub(crate) fn statuses(table: &Table) -> HashMap<ProcessId, EndStatus> {
    let ended = table.entries().filter_map(|entry| {
        let end = entry.end?.unwrap();
        Some((entry.id, end.status))
    });
    ended.collect()
}
