//! A program that runs.

use std::fs;
use std::io::{Read, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ChildStdin, Command};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open,
    pidfd_send_signal, waitid,
};

use crate::output::Output;
use crate::wait::wait_until;

/// How long a stream may stay open when the program has ended. Nobody else holds it.
const UNTIL_CLOSED: Duration = Duration::from_secs(10);

/// A program whose output is collected while it runs. It is killed, with its process group, when
/// it runs longer than its limit or when the test ends.
#[derive(Debug)]
pub struct Started {
    child: Child,
    pidfd: OwnedFd,
    stdout: Stream,
    stderr: Stream,
    stdin: Option<ChildStdin>,
    command: String,
    deadline: Instant,
}

/// One stream, read by a thread of its own so that the program never waits for us.
#[derive(Debug)]
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    closed: Receiver<()>,
}

impl Started {
    #[track_caller]
    pub(crate) fn new(
        mut command: Command,
        shown: String,
        input: Option<Vec<u8>>,
        limit: Duration,
    ) -> Self {
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        let pid = Pid::from_child(&child);
        let mut stdin = child.stdin.take();
        if let Some(input) = input {
            let mut stdin = stdin.take().unwrap();
            thread::spawn(move || {
                // A program may end without having read all of it.
                let _ = stdin.write_all(&input);
            });
        }
        Self {
            pidfd: pidfd_open(pid, PidfdFlags::empty()).unwrap(),
            stdout: Stream::new(child.stdout.take()),
            stderr: Stream::new(child.stderr.take()),
            stdin,
            command: shown,
            deadline: Instant::now() + limit,
            child,
        }
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal; it has not been waited for, so it is nobody else.
    ///
    /// # Panics
    /// It has ended.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        pidfd_send_signal(&self.pidfd, signal).unwrap();
    }

    /// Has it stand still, with all of its threads, before anything else is done.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
        // Not before the signal has reached all: until then they go on.
        let either = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::PidFd(self.pidfd.as_fd()), either).unwrap();
        let stopped = status.is_some_and(|status| status.stopped());
        assert!(stopped, "{}: it has ended", self.command);
    }

    /// Sends it a signal when it may have ended meanwhile.
    pub fn signal_if_alive(&self, signal: Signal) {
        match pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => panic!("{}: {error}", self.command),
        }
    }

    /// Sends its whole process group a signal, as a terminal does.
    pub fn signal_group(&self, signal: Signal) {
        kill_process_group(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Writes to its standard input, which stays open.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("a pipe to write to");
        stdin.write_all(bytes).unwrap();
    }

    /// Ends its standard input.
    pub fn close_input(&mut self) {
        drop(self.stdin.take());
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> Vec<u8> {
        self.stdout.bytes.lock().unwrap().clone()
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.bytes.lock().unwrap()).into_owned()
    }

    /// Waits until it has written exactly this to standard output.
    #[track_caller]
    pub fn wait_stdout(&self, expected: &[u8]) {
        let what = || String::from_utf8_lossy(expected).into_owned();
        wait_until(
            &format!("{} has written {:?}", self.command, what()),
            || self.stdout() == expected,
        );
    }

    /// Whether it has opened a file whose name in /proc/PID/fd begins with one of these.
    #[must_use]
    pub fn holds(&self, beginnings: &[&str]) -> bool {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{}/fd", self.pid())) else {
            return false;
        };
        let names = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        names.into_iter().any(|name| {
            let name = name.to_string_lossy();
            beginnings
                .iter()
                .any(|beginning| name.starts_with(beginning))
        })
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended_by(Instant::now())
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It takes longer than its limit.
    #[must_use]
    #[track_caller]
    pub fn wait(mut self) -> Output {
        let in_time = self.ended_by(self.deadline);
        if !in_time {
            self.kill();
        }
        let status = self.child.wait().unwrap();
        drop(self.stdin.take());
        let closed = self.stdout.wait_closed() && self.stderr.wait_closed();
        let output = Output {
            status,
            stdout: self.stdout(),
            stderr: self.stderr.bytes.lock().unwrap().clone(),
            command: self.command.clone(),
        };
        assert!(in_time, "killed: it took too long: {}", output.report());
        assert!(closed, "its output is still open: {}", output.report());
        output
    }

    fn ended_by(&self, deadline: Instant) -> bool {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).unwrap();
            let mut pidfd = [PollFd::new(&self.pidfd, PollFlags::IN)];
            match poll(&mut pidfd, Some(&timeout)) {
                Ok(ready) => return ready > 0,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("cannot wait for {}: {error}", self.command),
            }
        }
    }

    fn kill(&self) {
        // The group is there as long as its leader has not been waited for.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Waited for already, or to be ended with the test.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

impl Stream {
    fn new(source: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (open, closed) = channel();
        if let Some(mut source) = source {
            let bytes = Arc::clone(&bytes);
            thread::spawn(move || {
                let _open = open;
                let mut block = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = source.read(&mut block) {
                    bytes.lock().unwrap().extend_from_slice(&block[..read]);
                }
            });
        }
        Self { bytes, closed }
    }

    /// Whether its end has come, or comes soon.
    fn wait_closed(&self) -> bool {
        let closed = self.closed.recv_timeout(UNTIL_CLOSED);
        closed == Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
    }
}
