//! The ledger: opens, wires, and keeps what is current.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hostledger_engine::port::SystemClock;
use hostledger_engine::{Bystander, Engine, KeeperPlace, Owner, Parts, ProgramSpawner, StoreBook};
use hostledger_host::{Host, Resolver};
use hostledger_install::Digests;
use hostledger_model::{InterfaceId, MachineId, OwnerId, ProcessId, SecretWords};
use hostledger_process::{Means, PidSpace};
use hostledger_store::{Access, Database, OpenOptions, Store};

use crate::options::KeeperChoice;
use crate::registration::Registration;
use crate::worker::BinaryWork;
use crate::{DataDir, LedgerError, LedgerOptions};

/// A ledger of hosts, binaries and processes.
///
/// Cheap to clone; clones are the same ledger, and threads may share one. Processes that were
/// launched go on when the last clone is dropped; what has happened to them until then is
/// written down first.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    /// What installs beside a worker, begun with it; ends with the ledger.
    pub(crate) binary_work: Mutex<Option<Arc<BinaryWork>>>,
    /// The process that opened it: a fork is another one.
    opened_by: u32,
    /// Before the store: it still writes when it ends.
    supervision: Mutex<Option<Arc<Supervision>>>,
    store: Arc<dyn Store>,
    /// None for a ledger that is only read.
    data_dir: Option<DataDir>,
    /// The directory that the database lies in, where it is a file.
    home: Option<PathBuf>,
    pub(crate) host: Host,
    pub(crate) application_id: String,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) secret_words: SecretWords,
    pub(crate) means: Means,
    keeper: KeeperChoice,
    subreaper: bool,
    /// Hashes of installed programs.
    pub(crate) digests: Arc<Digests>,
    /// Whether programs that have changed are not launched.
    pub(crate) strict: bool,
    pub(crate) machine: Mutex<Option<MachineId>>,
    pub(crate) interface: Mutex<Option<InterfaceId>>,
    /// The row of this program itself, and the pid it had then: a fork is another process.
    pub(crate) process: Mutex<Option<(u32, ProcessId)>>,
}

/// What launching needs; begun with the first launch.
pub(crate) struct Supervision {
    /// Before the owner: it writes in its name when it ends.
    pub(crate) engine: Engine,
    /// None where everybody looks for our lock beside the database anyway.
    _registration: Option<Registration>,
    owner: Owner,
}

/// Whether a keeper is begun with the supervision, or by the first program that needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithKeeper {
    Now,
    WhenNeeded,
}

impl Supervision {
    pub(crate) fn owner(&self) -> OwnerId {
        self.owner.id()
    }
}

impl Ledger {
    /// Opens the ledger of a directory, which is made when it is missing.
    ///
    /// # Errors
    /// The directory or its database cannot be used.
    pub fn open(data_dir: impl Into<PathBuf>) -> Result<Self, LedgerError> {
        LedgerOptions::default().data_dir(data_dir).open()
    }

    /// How to open a ledger otherwise.
    #[must_use]
    pub fn options() -> LedgerOptions {
        LedgerOptions::default()
    }

    pub(crate) fn from_options(options: LedgerOptions) -> Result<Self, LedgerError> {
        let means = options.means.map_or_else(means_of_environment, Ok)?;
        let (store, data_dir, home) = open_store(&options)?;
        let digests = data_dir.as_ref().map(|it| Digests::kept_in(it.digests()));
        let digests = digests.unwrap_or_default();
        let ledger = Self {
            inner: Arc::new(Inner {
                binary_work: Mutex::new(None),
                opened_by: process::id(),
                supervision: Mutex::new(None),
                store,
                data_dir,
                home,
                host: Host::live(),
                application_id: options.application_id,
                resolver: options.resolver,
                secret_words: options.secret_words,
                means,
                keeper: options.keeper,
                subreaper: options.subreaper,
                digests: Arc::new(digests),
                strict: options.strict,
                machine: Mutex::new(None),
                interface: Mutex::new(None),
                process: Mutex::new(None),
            }),
        };
        ledger.take_over();
        Ok(ledger)
    }

    /// Writes down what keepers have seen whose launchers died before they could.
    fn take_over(&self) {
        let Some(data_dir) = &self.inner.data_dir else {
            return;
        };
        if !has_files(&data_dir.keepers()) {
            return;
        }
        let replayed = self.bystander().and_then(|it| Ok(it.replay()?));
        match replayed {
            Ok(replayed) => tracing::debug!(?replayed, "took over from dead launchers"),
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(error, "what keepers have seen is not written down yet");
            }
        }
    }

    /// Whether this is another program's database, which is only read.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.store().access() == Access::Foreign
    }

    /// The ledger's directory; none for a database that is only read.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.inner.data_dir.as_ref().map(DataDir::path)
    }

    pub(crate) fn own_data_dir(&self) -> Option<&DataDir> {
        self.inner.data_dir.as_ref()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.inner.store
    }

    pub(crate) fn shared_store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.inner.store)
    }

    /// The directory to write logs and locks into.
    pub(crate) fn writable_data_dir(&self) -> Result<&DataDir, LedgerError> {
        self.check_process()?;
        self.inner.data_dir.as_ref().ok_or(LedgerError::ReadOnly)
    }

    /// Whether we are still the process that opened the ledger. A fork has none of its threads,
    /// and a SQLite connection must not be carried across one (sqlite.org/howtocorrupt.html).
    pub(crate) fn check_process(&self) -> Result<(), LedgerError> {
        if self.inner.opened_by == process::id() {
            Ok(())
        } else {
            Err(LedgerError::Forked)
        }
    }

    /// The supervision, begun when it has not been; with the keeper, which takes a moment, when
    /// that will be needed at once.
    pub(crate) fn supervision(&self, keeper: WithKeeper) -> Result<Arc<Supervision>, LedgerError> {
        let data_dir = self.writable_data_dir()?;
        let mut supervision = self.lock(&self.inner.supervision);
        if let Some(supervision) = &*supervision {
            return Ok(Arc::clone(supervision));
        }
        if self.inner.subreaper {
            rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
                .map_err(|errno| LedgerError::Subreaper(errno.into()))?;
        }
        let owner = Owner::register(&data_dir.owners())?;
        let machine = self.current_machine()?.id;
        let is_at_home = self.inner.home.as_deref() == Some(data_dir.path());
        let store = Arc::clone(&self.inner.store);
        let registration = (!is_at_home)
            .then(|| Registration::submit(store, &owner, machine, data_dir))
            .transpose()?;
        let place = self.inner.keeper.program().map(|program| KeeperPlace {
            directory: data_dir.keepers(),
            program,
            owner: owner.id(),
        });
        let mut spawner = ProgramSpawner::new(&self.space()?, place)?;
        if keeper == WithKeeper::Now {
            spawner.prepare();
        }
        let engine = Engine::start(Parts {
            book: Box::new(StoreBook::new(
                Arc::clone(&self.inner.store),
                data_dir.path().to_owned(),
            )),
            spawner: Box::new(spawner),
            clock: Box::new(SystemClock::start()),
            machine,
            owner: owner.id(),
        })?;
        let begun = Arc::new(Supervision {
            engine,
            _registration: registration,
            owner,
        });
        *supervision = Some(Arc::clone(&begun));
        Ok(begun)
    }

    /// Access to processes that this ledger does not supervise itself.
    pub(crate) fn bystander(&self) -> Result<Bystander, LedgerError> {
        let data_dir = self.writable_data_dir()?;
        Ok(Bystander {
            store: Arc::clone(&self.inner.store),
            owners: data_dir.owners(),
            keepers: data_dir.keepers(),
            data_dir: data_dir.path().to_owned(),
            home: self.inner.home.clone(),
            machine: self.current_machine()?.id,
            space: self.space()?,
        })
    }

    /// Where we are among the processes of this host, and what may be used to tell them apart.
    pub(crate) fn space(&self) -> Result<PidSpace, LedgerError> {
        Ok(PidSpace::current()?.with(self.inner.means))
    }

    /// A panic elsewhere leaves what is cached whole: it is replaced in one step.
    #[expect(clippy::unused_self, reason = "reads as a lock of the ledger's")]
    pub(crate) fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ledger {
    /// In a fork nothing is closed: there are no threads to wait for, and locks, connections and
    /// programs are the other process's.
    fn drop(&mut self) {
        if self.check_process().is_err() {
            std::mem::forget(Arc::clone(&self.inner));
        }
    }
}

impl Inner {
    /// The directory whose disk is measured, and where a made-up machine id is kept.
    pub(crate) fn place_of_data(&self) -> PathBuf {
        self.data_dir
            .as_ref()
            .map_or_else(std::env::temp_dir, |dir| dir.path().to_owned())
    }
}

/// What `HOSTLEDGER_DISABLE` leaves of what may be used.
pub(crate) fn means_of_environment() -> Result<Means, LedgerError> {
    let list = env::var_os(DISABLE).unwrap_or_default();
    Ok(Means::without(&list.to_string_lossy())?)
}

/// A comma list of `pidfs`, `pidfd-exit` and `cgroup`.
const DISABLE: &str = "HOSTLEDGER_DISABLE";

fn has_files(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut files| files.next().is_some())
}

/// The database, and the directory unless the database is only read.
type Opened = (Arc<dyn Store>, Option<DataDir>, Option<PathBuf>);

fn open_store(options: &LedgerOptions) -> Result<Opened, LedgerError> {
    let data_dir = || {
        let path = options
            .data_dir
            .clone()
            .map_or_else(DataDir::default_path, Ok)?;
        DataDir::create(&path)
    };
    let open_options = OpenOptions {
        durability: options.durability,
        ..OpenOptions::default()
    };
    let Some(url) = &options.database else {
        let directory = data_dir()?;
        let store = Database::Sqlite(directory.database()).open(&open_options)?;
        let home = Some(directory.path().to_owned());
        return Ok((store, Some(directory), home));
    };
    let database = Database::parse(url)?;
    let store = database.open(&open_options)?;
    // Reading another program's database leaves no trace, not even a directory.
    let directory = match store.access() {
        Access::Foreign => None,
        Access::Own => Some(data_dir()?),
    };
    let home = home_of(&database, directory.as_ref());
    Ok((store, directory, home))
}

/// The directory of a database that is a file: ours by the name that we know it by, if it is.
fn home_of(database: &Database, data_dir: Option<&DataDir>) -> Option<PathBuf> {
    let file = database.file()?;
    let home = file.canonicalize().ok()?.parent()?.to_owned();
    let ours = data_dir.map(DataDir::path);
    let is_ours = ours.is_some_and(|ours| ours.canonicalize().is_ok_and(|ours| ours == home));
    Some(match ours {
        Some(ours) if is_ours => ours.to_owned(),
        _ => home,
    })
}
