//! A server of a test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use tempfile::TempDir;

use crate::Database;
use crate::installation::{command, program, run, unprivileged};

/// How long a server may take to be there, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The usual port. Servers that listen on a socket only may all have it.
pub const PORT: u16 = 5432;

const GERMAN: &str = "de_DE.UTF-8";

/// Settings of every server: there is no disk worth waiting for, and the machine is shared.
const SETTINGS: &str = "
fsync = off
full_page_writes = off
max_connections = 200
shared_buffers = 32MB
max_wal_size = 256MB
logging_collector = off
lc_messages = 'C'
";

/// A server that can be stopped, started again and set up as a test likes.
///
/// Dropped, it is gone with its directory. It does not outlive the thread that started it.
#[derive(Debug)]
pub struct Server {
    directory: TempDir,
    /// In the name of its socket, and of TCP if it listens there.
    port: u16,
    running: Option<Child>,
    /// Locales of its own.
    locales: Option<PathBuf>,
}

impl Server {
    /// A server that listens on its socket only.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::with("listen_addresses = ''\n", &[], PORT)
    }

    /// A server with further settings (`postgresql.conf`), files in its data directory, such as a
    /// key for TLS, and a port.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn with(settings: &str, files: &[(&str, &[u8])], port: u16) -> Self {
        Self::below(&std::env::temp_dir(), settings, files, port)
    }

    /// The same in a directory that is made below another one: on a file system of its own, say.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn below(place: &Path, settings: &str, files: &[(&str, &[u8])], port: u16) -> Self {
        let directory = tempfile::Builder::new().prefix("pg-").tempdir_in(place);
        let directory = directory.unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        make(
            directory.path(),
            &format!("{settings}port = {port}\n"),
            files,
        );
        let mut server = Self {
            directory,
            port,
            running: None,
            locales: None,
        };
        server.start_again();
        server
    }

    /// A server whose messages are German; none where German is not known.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn german() -> Option<Self> {
        let mut server = Self::start();
        let locales = server.directory.path().join("locales");
        fs::create_dir(&locales).unwrap();
        let made = command("localedef")
            .args(["-i", "de_DE", "-f", "UTF-8"])
            .arg(locales.join(GERMAN))
            .output();
        if !made.is_ok_and(|it| it.status.success()) {
            eprintln!("SKIPPED: localedef makes no German");
            return None;
        }
        server.kill();
        let configuration = data(server.directory.path()).join("postgresql.conf");
        let mut text = fs::read_to_string(&configuration).unwrap();
        text.push_str(&format!("lc_messages = '{GERMAN}'\n"));
        fs::write(&configuration, text).unwrap();
        server.locales = Some(locales);
        server.start_again();
        let said = server.database().run(
            "CREATE FUNCTION said() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM 1/0;
             EXCEPTION WHEN division_by_zero THEN RETURN SQLERRM; END $$; SELECT said()",
        );
        if !said.contains("durch Null") {
            eprintln!("SKIPPED: PostgreSQL is installed without its translations");
            return None;
        }
        Some(server)
    }

    /// Starts it after it was stopped.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_again(&mut self) {
        assert!(self.running.is_none(), "the server runs already");
        let deadline = Instant::now() + DEADLINE;
        // After a crash it refuses to start as long as processes of the old one are there.
        while !self.has_started() {
            assert!(
                Instant::now() < deadline,
                "the server does not start:\n{}",
                fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it answers; one that has ended by then is started.
    fn has_started(&mut self) -> bool {
        if let Some(running) = &mut self.running
            && running.try_wait().unwrap().is_none()
        {
            return accepts(self.directory.path(), self.port);
        }
        let log = fs::File::options()
            .append(true)
            .create(true)
            .open(self.directory.path().join("log"))
            .unwrap();
        let mut server = unprivileged("postgres", self.directory.path());
        if let Some(locales) = &self.locales {
            server.env("LOCPATH", locales);
        }
        server
            .arg("-D")
            .arg(data(self.directory.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.running = Some(server.spawn().unwrap());
        false
    }

    /// An immediate shutdown (`pg_ctl stop -m immediate`): nothing is finished, no connection is
    /// told. Its own children have ended with it.
    pub fn kill(&mut self) {
        self.end(Signal::QUIT);
    }

    /// Ends it as a crash does: its own children find out by themselves.
    pub fn crash(&mut self) {
        self.end(Signal::KILL);
    }

    /// Kills it and all of its processes, each in the middle of whatever it does, as the loss of
    /// power does: what they had not given to the system is gone.
    pub fn vanish(&mut self) {
        let Some(running) = &self.running else {
            return;
        };
        let pid = Pid::from_child(running);
        // Stopped, it starts no others, and those that have ended keep their pids.
        stop(pid);
        for child in children(pid) {
            signal(child, Signal::KILL);
        }
        self.crash();
    }

    /// Has it and all of its processes stand still, connections open, while something is done.
    pub fn stopped<T>(&self, meanwhile: impl FnOnce() -> T) -> T {
        let running = self.running.as_ref().expect("the server runs");
        let pid = Pid::from_child(running);
        stop(pid);
        // None of them is reaped before it goes on.
        let all = children(pid);
        for child in &all {
            signal(*child, Signal::STOP);
        }
        let done = meanwhile();
        for one in all.into_iter().chain([pid]) {
            signal(one, Signal::CONT);
        }
        done
    }

    fn end(&mut self, signal: Signal) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        self::signal(Pid::from_child(&running), signal);
        running.wait().unwrap();
    }

    /// A new and empty database on it.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::new(self.directory.path(), self.port)
    }

    /// Where its socket is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

fn children(pid: Pid) -> Vec<Pid> {
    let raw = pid.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{raw}/task/{raw}/children")).unwrap();
    let pids = children.split_whitespace();
    pids.map(|child| Pid::from_raw(child.parse().unwrap()).unwrap())
        .collect()
}

/// Has our child stand still before anything else is done.
fn stop(pid: Pid) {
    signal(pid, Signal::STOP);
    let either = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let status = waitid(WaitId::Pid(pid), either).unwrap();
    assert!(status.is_some_and(|status| status.stopped()));
}

/// Signals one that is not waited for yet.
fn signal(pid: Pid, signal: Signal) {
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    pidfd_send_signal(pidfd, signal).unwrap();
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Makes the data of a server in a directory.
pub(crate) fn make(directory: &Path, settings: &str, files: &[(&str, &[u8])]) {
    let data = data(directory);
    run(unprivileged("initdb", directory)
        .arg("--pgdata")
        .arg(&data)
        .args(["--no-sync", "--auth=trust", "--username=postgres"])
        .args(["--encoding=UTF8", "--locale=C"]));
    let socket = format!("unix_socket_directories = '{}'\n", directory.display());
    let all = format!("{SETTINGS}{socket}{settings}");
    let configuration = data.join("postgresql.conf");
    let mut text = fs::read_to_string(&configuration).unwrap();
    text.push_str(&all);
    fs::write(&configuration, text).unwrap();
    for (name, content) in files {
        let path = data.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if let Some((uid, gid)) = crate::installation::somebody_else() {
            std::os::unix::fs::chown(&path, Some(uid), Some(gid)).unwrap();
        }
    }
}

pub(crate) fn data(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// Whether a server answers on the socket in a directory.
pub(crate) fn accepts(directory: &Path, port: u16) -> bool {
    let answer = command(program("pg_isready"))
        .arg("--quiet")
        .arg(format!("--port={port}"))
        .arg("--host")
        .arg(directory)
        .status();
    answer.is_ok_and(|it| it.success())
}
