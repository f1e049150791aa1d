//! Starting real programs: what they inherit, what fails where, and from many threads at once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hostledger_sys::{
    EndStatus, Ended, Session, Signal, Spawn, SpawnError, Spawned, Stage, reap, spawn,
};
use rustix::fs::Mode;
use rustix::io::{Errno, FdFlags};
use rustix::process::{Resource, Rlimit};

fn strings<const N: usize>(texts: [&str; N]) -> Vec<CString> {
    texts
        .iter()
        .map(|text| CString::new(*text).unwrap())
        .collect()
}

/// A program with its output in a file.
struct Run {
    programs: Vec<CString>,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    directory: CString,
    session: Session,
    umask: Option<Mode>,
    nice: Option<i32>,
    limits: Vec<(Resource, Rlimit)>,
    output: File,
}

impl Run {
    fn new<const N: usize>(program: &str, arguments: [&str; N]) -> Self {
        Self {
            programs: strings([program]),
            arguments: strings(arguments),
            environment: strings(["PATH=/bin:/usr/bin"]),
            directory: c"/".to_owned(),
            session: Session::New,
            umask: None,
            nice: None,
            limits: Vec::new(),
            output: tempfile::tempfile().unwrap(),
        }
    }

    fn sh(script: &str) -> Self {
        Self::new("/bin/sh", ["sh", "-c", script])
    }

    fn start(&self) -> Result<Spawned, SpawnError> {
        let null = File::open("/dev/null").unwrap();
        let output = self.output.as_fd();
        self.start_with([null.as_fd(), output, output])
    }

    fn start_with(&self, stdio: [BorrowedFd<'_>; 3]) -> Result<Spawned, SpawnError> {
        spawn(&Spawn {
            programs: &self.programs,
            arguments: &self.arguments,
            environment: &self.environment,
            directory: &self.directory,
            stdio,
            session: self.session,
            umask: self.umask,
            nice: self.nice,
            limits: &self.limits,
        })
    }

    /// Runs it to its end and gives its output.
    fn output(&self) -> String {
        let ended = wait(&self.start().unwrap());
        let text = self.written();
        assert_eq!(ended.status, EndStatus::Exited(0), "{text}");
        text
    }

    fn written(&self) -> String {
        let mut file = self.output.try_clone().unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    }

    fn error(&self) -> (Stage, Errno) {
        let error = self.start().unwrap_err();
        assert_eq!(own_children(), "", "the failed child is reaped");
        (error.stage, error.source)
    }
}

fn wait(spawned: &Spawned) -> Ended {
    assert!(spawned.pidfd.wait_ended(None).unwrap());
    reap(&spawned.pidfd).unwrap().unwrap()
}

/// Unreaped children of this thread.
fn own_children() -> String {
    fs::read_to_string("/proc/thread-self/children").unwrap()
}

fn status_of_thread(field: &str) -> String {
    field_of(
        &fs::read_to_string("/proc/thread-self/status").unwrap(),
        field,
    )
}

fn field_of(status: &str, field: &str) -> String {
    let line = status.lines().find(|line| line.starts_with(field));
    line.unwrap().split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn a_program_runs_with_its_arguments_environment_and_directory() {
    let mut run = Run::sh("echo $0 \"$1\"; pwd");
    run.arguments.extend(strings(["zero", "a  b"]));
    run.directory = c"/usr".to_owned();
    assert_eq!(run.output(), "zero a  b\n/usr\n");
    let mut run = Run::new("/usr/bin/env", ["env"]);
    run.environment = strings(["X=1=2", "Y=", "no equals sign"]);
    assert_eq!(run.output(), "X=1=2\nY=\nno equals sign\n");
}

#[test]
fn a_program_gets_three_descriptors_and_no_other() {
    let leaks: Vec<File> = (0..5).map(|_| File::open("/dev/null").unwrap()).collect();
    for leak in &leaks {
        rustix::io::fcntl_setfd(leak, FdFlags::empty()).unwrap();
    }
    let high = rustix::io::fcntl_dupfd_cloexec(&leaks[0], 500).unwrap();
    rustix::io::fcntl_setfd(&high, FdFlags::empty()).unwrap();
    // The listing itself is read through one more, gone when its name is tested.
    let run = Run::sh("for fd in /proc/$$/fd/*; do [ -e $fd ] && echo ${fd##*/}; done; true");
    assert_eq!(run.output(), "0\n1\n2\n");
}

#[test]
fn descriptors_that_lie_on_each_others_places_arrive_where_they_belong() {
    let results = tempfile::NamedTempFile::new().unwrap();
    let script = format!(
        "for n in 0 1 2; do name=$(readlink /proc/$$/fd/$n); echo $name >>{}; done",
        results.path().display()
    );
    let run = Run::sh(&script);
    let (zero, one, two) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let name = |fd: BorrowedFd<'_>| {
        let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
        fs::read_link(link).unwrap().display().to_string()
    };
    let file = tempfile::tempfile().unwrap();
    for stdio in [
        [two.as_fd(), zero.as_fd(), one.as_fd()],
        [zero.as_fd(), one.as_fd(), two.as_fd()],
        [zero.as_fd(), two.as_fd(), two.as_fd()],
        [file.as_fd(), zero.as_fd(), zero.as_fd()],
    ] {
        results.as_file().set_len(0).unwrap();
        assert_eq!(
            wait(&run.start_with(stdio).unwrap()).status,
            EndStatus::Exited(0)
        );
        let names = fs::read_to_string(results.path()).unwrap();
        assert_eq!(names.lines().collect::<Vec<_>>(), stdio.map(name));
    }
}

#[test]
fn signals_are_at_their_defaults_and_none_is_blocked() {
    // The Rust runtime ignores SIGPIPE; block and ignore some more, a real-time one too.
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: fills the set given.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    // SAFETY: the set was filled above; the mask of this thread only is changed.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) };
    let ignored = [Signal::USR1, Signal::HUP, Signal::new(40).unwrap()];
    let _ignored = hostledger_sys::SignalActions::set(
        &ignored.map(|signal| (signal, hostledger_sys::Action::Ignore)),
    )
    .unwrap();
    let blocked = status_of_thread("SigBlk");

    let status = Run::new("/bin/cat", ["cat", "/proc/self/status"]).output();
    for field in ["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"] {
        assert_eq!(field_of(&status, field), "0000000000000000", "{field}");
    }
    assert_eq!(
        status_of_thread("SigBlk"),
        blocked,
        "our own mask is as it was"
    );
    assert_ne!(blocked, "0000000000000000");
}

#[test]
fn our_signal_mask_is_restored_when_the_start_fails() {
    let before = status_of_thread("SigBlk");
    assert!(Run::new("/nonexistent", ["x"]).start().is_err());
    assert_eq!(status_of_thread("SigBlk"), before);
}

#[test]
fn a_session_of_its_own_or_ours() {
    // Pid, process group and session (proc_pid_stat(5)).
    let ids = |stat: &str| {
        let (pid, rest) = stat.split_once(" (").unwrap();
        let mut fields = rest.rsplit_once(") ").unwrap().1.split(' ').skip(2);
        [pid, fields.next().unwrap(), fields.next().unwrap()].map(str::to_owned)
    };
    let of_child = |session| {
        let mut run = Run::new("/bin/cat", ["cat", "/proc/self/stat"]);
        run.session = session;
        ids(&run.output())
    };
    let [pid, group, session] = of_child(Session::New);
    assert_eq!((&pid, &pid), (&group, &session));
    let [pid, group, session] = of_child(Session::Same);
    let [_, our_group, our_session] = ids(&fs::read_to_string("/proc/self/stat").unwrap());
    assert_ne!(pid, group);
    assert_eq!((group, session), (our_group, our_session));
}

#[test]
fn umask_nice_value_and_limits_are_set_in_the_child_alone() {
    let mut run = Run::sh("umask; nice; ulimit -Sn; ulimit -Hn; ulimit -c");
    run.umask = Some(Mode::from_raw_mode(0o027));
    run.nice = Some(7);
    run.limits = vec![
        (
            Resource::Nofile,
            Rlimit {
                current: Some(123),
                maximum: Some(456),
            },
        ),
        (
            Resource::Core,
            Rlimit {
                current: Some(0),
                maximum: Some(0),
            },
        ),
    ];
    assert_eq!(run.output(), "0027\n7\n123\n456\n0\n");
    let ours = rustix::process::getpriority_process(None).unwrap();
    assert_eq!(Run::sh("nice").output(), format!("{ours}\n"));
    assert!(rustix::process::getrlimit(Resource::Nofile).current > Some(123));
}

#[test]
fn the_stat_read_before_the_exec_is_that_of_the_process() {
    let run = Run::new("/bin/cat", ["cat", "/proc/self/stat"]);
    let spawned = run.start().unwrap();
    wait(&spawned);
    let start_ticks = |stat: &str| {
        stat.rsplit(')')
            .next()
            .unwrap()
            .split(' ')
            .nth(20)
            .map(str::to_owned)
    };
    let before = String::from_utf8(spawned.stat).unwrap();
    let after = run.written();
    assert_eq!(before.split(' ').next(), after.split(' ').next());
    assert_eq!(start_ticks(&before), start_ticks(&after));
}

#[test]
fn every_failing_step_is_named_with_the_kernels_answer() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str, mode| {
        let path = place.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let plain = file("plain", "echo", 0o600);
    let no_format = file("no-format", "echo", 0o700);
    let no_interpreter = file("no-interpreter", "#!/nonexistent\n", 0o700);
    for (program, errno) in [
        ("/nonexistent", Errno::NOENT),
        ("/etc/passwd/x", Errno::NOENT),
        (plain.as_str(), Errno::ACCESS),
        ("/tmp", Errno::ACCESS),
        (no_format.as_str(), Errno::NOEXEC),
        (no_interpreter.as_str(), Errno::NOENT),
    ] {
        assert_eq!(
            Run::new(program, ["x"]).error(),
            (Stage::Execute, errno),
            "{program}"
        );
    }

    let mut run = Run::sh("true");
    run.directory = c"/nonexistent".to_owned();
    assert_eq!(run.error(), (Stage::Directory, Errno::NOENT));

    let mut run = Run::sh("true");
    run.limits = vec![(
        Resource::Core,
        Rlimit {
            current: Some(2),
            maximum: Some(1),
        },
    )];
    assert_eq!(run.error(), (Stage::Limit, Errno::INVAL));

    let mut run = Run::sh("true");
    run.environment = vec![CString::new(vec![b'x'; 8 << 20]).unwrap()];
    assert_eq!(run.error(), (Stage::Execute, Errno::TOOBIG));
}

#[test]
fn files_are_tried_in_turn_and_a_forbidden_one_is_told_only_if_no_other_runs() {
    let place = tempfile::tempdir().unwrap();
    let forbidden = place.path().join("true");
    fs::write(&forbidden, "").unwrap();
    let forbidden = forbidden.to_str().unwrap();
    let mut run = Run::new("", ["true"]);
    run.programs = strings([
        "/nonexistent/true",
        forbidden,
        "/etc/passwd/true",
        "/bin/true",
    ]);
    assert_eq!(wait(&run.start().unwrap()).status, EndStatus::Exited(0));
    run.programs = strings(["/nonexistent/true", forbidden, "/etc/passwd/true"]);
    assert_eq!(run.error(), (Stage::Execute, Errno::ACCESS));
    run.programs = Vec::new();
    assert_eq!(run.error(), (Stage::Execute, Errno::NOENT));
}

#[test]
fn many_threads_start_programs_at_once() {
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for turn in 0..25 {
                    let text = format!("{thread} {turn}");
                    let run = Run::new("/bin/echo", ["echo", &text]);
                    assert_eq!(run.output(), format!("{text}\n"));
                    assert_eq!(
                        Run::new("/nonexistent", ["x"]).error(),
                        (Stage::Execute, Errno::NOENT)
                    );
                }
            });
        }
    });
}

#[test]
fn the_pidfd_is_closed_on_exec_and_means_the_child() {
    let spawned = Run::sh("kill -TERM $$").start().unwrap();
    let flags = rustix::io::fcntl_getfd(&spawned.pidfd).unwrap();
    assert!(flags.contains(FdFlags::CLOEXEC));
    assert_eq!(wait(&spawned).status, EndStatus::Signaled(Signal::TERM));
    assert!(!spawned.pidfd.is_unreaped().unwrap());
    assert!(!Path::new(&format!("/proc/{}", spawned.pidfd.pid().as_raw_pid())).exists());
}

#[test]
fn a_program_name_that_is_no_text_can_be_started() {
    let place = tempfile::tempdir().unwrap();
    let mut name = place.path().to_str().unwrap().as_bytes().to_vec();
    name.extend(b"/\xff) S 1 \xfe");
    let name = CString::new(name).unwrap();
    std::os::unix::fs::symlink("/bin/true", as_path(&name)).unwrap();
    let mut run = Run::new("", ["x"]);
    run.programs = vec![name];
    assert_eq!(wait(&run.start().unwrap()).status, EndStatus::Exited(0));
}

fn as_path(name: &CStr) -> &Path {
    Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name.to_bytes()))
}
