//! The start itself, and what the kernel's answer means.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use hostledger_model::{ProcessIdentity, Timestamp};
use hostledger_sys::{
    Ambient, BlockSpec, LaunchBlock, Pidfd, Signal, Spawn, SpawnError, Stage, spawn,
};
use procfs::FromRead;
use procfs::process::Stat;
use rustix::fs::Mode;
use rustix::io::Errno;

use super::{Launch, LaunchError, Stdin};
use crate::identity::{model_pid, stat_of};
use crate::{IdentityError, LogFiles, PidSpace, start_time};

/// Where the program's output goes.
#[derive(Debug, Clone, Copy)]
pub enum Output<'a> {
    /// Into log files.
    Files(&'a LogFiles),
    /// Where ours goes: for a program on our terminal.
    Inherit,
    /// These are its descriptors 0, 1 and 2, what it reads included.
    Given([BorrowedFd<'a>; 3]),
}

/// A program that has been executed.
#[derive(Debug)]
pub struct Launched {
    /// Which process it is.
    pub identity: ProcessIdentity,
    /// To wait for it and to signal it; it is an unreaped child of ours.
    pub pidfd: Pidfd,
    /// When it started, by the kernel.
    pub started_at: Timestamp,
}

impl Launched {
    /// Ends the program by SIGKILL and reaps it: for a caller who finds that he cannot keep
    /// account of it after all. What it has started meanwhile is not ended.
    pub fn undo(self) {
        undo(&self.pidfd);
    }
}

impl Launch {
    /// Starts the program, and returns when it has been executed or could not be.
    ///
    /// It gets descriptors 0, 1 and 2 and no others, all signals at their defaults and none
    /// blocked. Its start time is learnt before the exec, so whatever runs has an identity.
    ///
    /// # Errors
    /// See [`LaunchError`]; nothing is left of the attempt then.
    pub fn start(&self, space: &PidSpace, output: Output<'_>) -> Result<Launched, LaunchError> {
        let null;
        let (our_stdin, our_stdout, our_stderr) = (io::stdin(), io::stdout(), io::stderr());
        let stdin: BorrowedFd<'_> = match self.stdin {
            Stdin::Inherit => our_stdin.as_fd(),
            Stdin::Null => {
                null = open_null()?;
                null.as_fd()
            }
        };
        let stdio = match output {
            Output::Files(files) => {
                let [stdout, stderr] = files.descriptors();
                [stdin, stdout, stderr]
            }
            Output::Inherit => [stdin, our_stdout.as_fd(), our_stderr.as_fd()],
            Output::Given(stdio) => stdio,
        };
        let spawned = spawn(&Spawn {
            programs: &self.programs,
            arguments: &self.arguments,
            environment: &self.environment,
            directory: &self.c_directory,
            stdio,
            session: self.session,
            umask: self.umask.map(Mode::from_raw_mode),
            nice: self.nice,
            limits: &self.limits,
        })
        .map_err(|error| self.explain(error))?;

        match identify(space, &spawned.pidfd, &spawned.stat) {
            Ok(identity) => Ok(Launched {
                started_at: start_time(identity.start_ticks),
                identity,
                pidfd: spawned.pidfd,
            }),
            Err(source) => {
                // What has no identity cannot be accounted for, so it must not run.
                undo(&spawned.pidfd);
                Err(LaunchError::Identity { source })
            }
        }
    }

    /// Lays the launch out for a keeper: what was asked for, on top of what we would hand down
    /// now.
    ///
    /// `tag` becomes the program's mark; see [`LaunchBlock::new`].
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn block(&self, ambient: &Ambient, tag: u64) -> io::Result<LaunchBlock> {
        let spec = BlockSpec {
            programs: &self.programs,
            arguments: &self.arguments,
            environment: &self.environment,
            directory: &self.c_directory,
            session: self.session,
            umask: self.umask.map(Mode::from_raw_mode),
            nice: self.nice,
            limits: &self.limits,
        };
        LaunchBlock::new(&spec, ambient, tag)
    }

    /// What a failed start of this launch means, whoever tried it.
    #[must_use]
    pub fn explain(&self, error: SpawnError) -> LaunchError {
        let source = io::Error::from(error.source);
        match error.stage {
            Stage::Execute => self.explain_exec(error.source),
            Stage::Directory => LaunchError::WorkingDirectory {
                path: self.directory.clone(),
                source,
            },
            Stage::Limit => LaunchError::Limits {
                limits: self.limit_names.clone(),
                source,
            },
            stage => LaunchError::Setup { stage, source },
        }
    }

    fn explain_exec(&self, errno: Errno) -> LaunchError {
        let program = self.program.clone();
        match errno {
            // The kernel says "no such file" of the interpreter as well.
            Errno::NOENT => match self.existing_file() {
                Some(program) => LaunchError::MissingInterpreter { program },
                None => LaunchError::NotFound { program },
            },
            Errno::NOTDIR => LaunchError::NotFound { program },
            Errno::ACCESS => LaunchError::NotExecutable {
                program: self.file(),
            },
            Errno::NOEXEC => LaunchError::UnknownFormat {
                program: self.file(),
            },
            Errno::TOOBIG => LaunchError::TooLarge {
                program,
                bytes: self.size(),
            },
            errno => LaunchError::Execute {
                program,
                source: errno.into(),
            },
        }
    }

    /// The first file that the command can have meant, seen from the working directory.
    fn existing_file(&self) -> Option<PathBuf> {
        let files = self.programs.iter().map(|program| {
            self.directory
                .join(std::ffi::OsStr::from_bytes(program.to_bytes()))
        });
        files
            .into_iter()
            .find(|file| fs::metadata(file).is_ok_and(|found| found.is_file()))
    }

    fn file(&self) -> PathBuf {
        self.existing_file()
            .unwrap_or_else(|| self.program.clone().into())
    }

    /// As the kernel counts it: each text with its end.
    fn size(&self) -> usize {
        let size = |texts: &[CString]| {
            texts
                .iter()
                .map(|text| text.as_bytes_with_nul().len())
                .sum()
        };
        let (arguments, environment): (usize, usize) =
            (size(&self.arguments), size(&self.environment));
        arguments + environment
    }
}

fn open_null() -> Result<File, LaunchError> {
    const NULL: &str = "/dev/null";
    File::open(NULL).map_err(|source| LaunchError::Stdio {
        path: NULL.into(),
        source,
    })
}

fn identify(
    space: &PidSpace,
    pidfd: &Pidfd,
    stat: &[u8],
) -> Result<ProcessIdentity, IdentityError> {
    let pid = model_pid(pidfd.pid());
    let stat = if stat.is_empty() {
        // Killed from outside before it could read: its zombie tells the same.
        stat_of(pidfd, pid)?.ok_or(IdentityError::NoProcess { pid })?
    } else {
        Stat::from_read(stat).map_err(|source| IdentityError::Stat { pid, source })?
    };
    space.identity(pidfd, pid, &stat)
}

/// Ends and reaps a child that cannot be kept.
fn undo(pidfd: &Pidfd) {
    let ended = pidfd
        .send_signal(Signal::KILL)
        .and_then(|()| pidfd.wait_ended(None))
        .and_then(|_| hostledger_sys::reap(pidfd));
    if let Err(error) = ended {
        tracing::error!(pid = %pidfd.pid(), %error, "cannot end a process that cannot be kept");
    }
}
