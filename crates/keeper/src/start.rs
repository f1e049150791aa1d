//! Starting a keeper.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use hostledger_model::{KeeperId, OwnerId};
use hostledger_sys::{Ambient, CloneWay, Session, Spawn, spawn};
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::client::{Keeper, send};
use crate::table::create;
use crate::{KeeperError, Table, available, protocol};

/// Whose file is executed as the keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Our own: no file has to be found, and both are of one version for certain.
    Own,
    /// Another one that links this crate, at the same version, such as the command line.
    File(PathBuf),
}

/// A keeper to start.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Where its table is made; nobody else may write there.
    pub directory: &'a Path,
    /// For whom.
    pub owner: OwnerId,
    /// What is executed.
    pub program: &'a Program,
    /// A cgroup v2 directory that it may make groups in, if there is one.
    pub cgroup: Option<&'a Path>,
}

impl Keeper {
    /// Starts a keeper and returns at once: requests wait for it in the socket.
    ///
    /// It is a child of ours that has a session of its own, none of our descriptors and none of
    /// our environment. When we die it goes on until all it has started has ended. It takes no
    /// signal but SIGKILL and SIGSTOP.
    ///
    /// # Errors
    /// See [`KeeperError`]. Nothing is left of the attempt then.
    pub fn start(start: &Start<'_>) -> Result<Self, KeeperError> {
        Self::start_by(start, CloneWay::Concurrent)
    }

    /// As [`Keeper::start`], for a keeper that starts programs in this way. Where clone3(2) is
    /// refused it finds out by itself.
    ///
    /// # Errors
    /// As [`Keeper::start`].
    pub fn start_by(start: &Start<'_>, way: CloneWay) -> Result<Self, KeeperError> {
        let program = match start.program {
            Program::Own if !available() => return Err(KeeperError::Unavailable),
            Program::Own => Path::new("/proc/self/exe"),
            Program::File(path) => path,
        };
        let c_program = CString::new(program.as_os_str().as_bytes());
        let c_program = c_program.map_err(|_| KeeperError::Path {
            path: program.to_owned(),
        })?;
        let prepare = |source| KeeperError::Prepare { source };
        let ambient = Ambient::read().map_err(|source| KeeperError::Credentials { source })?;
        let group = start.cgroup.map(open_group).transpose()?;
        let (ours, its) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|errno| prepare(errno.into()))?;
        let hello = protocol::hello(way == CloneWay::Concurrent);
        let group: Vec<_> = group.iter().map(AsFd::as_fd).collect();
        send(&ours, &hello, &group).map_err(|errno| prepare(errno.into()))?;
        let null = std::fs::File::options().write(true).open("/dev/null");
        let null = null.map_err(prepare)?;

        let id = KeeperId::generate();
        let made = create(start.directory, id, start.owner, start.cgroup);
        let (lock, path) = made.map_err(|source| KeeperError::Create {
            directory: start.directory.to_owned(),
            source,
        })?;
        let table = Table::open(&path).map_err(|source| KeeperError::Table { source })?;
        let spawned = spawn(&Spawn {
            programs: &[c_program],
            arguments: &[protocol::NAME.into(), protocol::VERSION.into()],
            environment: &library_path(),
            directory: c"/",
            stdio: [its.as_fd(), lock.file().as_fd(), null.as_fd()],
            session: Session::New,
            umask: Some(Mode::from_raw_mode(0o077)),
            nice: None,
            limits: &[],
        });
        let spawned = match spawned {
            Ok(spawned) => spawned,
            Err(source) => {
                // What failed is the reason to tell; a table nobody keeps does no harm.
                drop(table.remove());
                let program = program.to_owned();
                return Err(KeeperError::Execute { program, source });
            }
        };
        Ok(Self::new(
            ours,
            table,
            spawned.pidfd,
            ambient.credentials().clone(),
        ))
    }
}

fn open_group(path: &Path) -> Result<OwnedFd, KeeperError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| KeeperError::Cgroup {
        path: path.to_owned(),
        source: errno.into(),
    })
}

/// Of our environment only what the image may need to be loaded; the rest can hold secrets.
fn library_path() -> Vec<CString> {
    const NAME: &str = "LD_LIBRARY_PATH";
    let value = std::env::var_os(NAME);
    let line = value.map(|value| [NAME.as_bytes(), b"=", value.as_bytes()].concat());
    line.and_then(|line| CString::new(line).ok())
        .into_iter()
        .collect()
}
