//! The port, on a file of SQLite's.

use std::io;
use std::path::Path;
use std::sync::Arc;

use diesel::{QueryResult, SqliteConnection};
use hostledger_model::{
    Attempt, Binary, BinaryId, InterfaceId, Machine, MachineId, NetworkFacts, NetworkInterface,
    OwnerId, OwnerRecord, Pid, Process, ProcessId, ProcessStatus, SecretBatchId, Timestamp,
};

use super::check;
use super::commit::FileCommitter;
use super::connections::Connections;
use super::open;
use super::process::Columns;
use super::row::{self, Read, TableRow};
use super::watch::LogWatch;
use super::{
    attempt, binary, interface, machine, owner, page, prefix, process, transaction, worker_id,
};
use crate::change::Change;
use crate::claim::{Claim, Claims};
use crate::error::{ReadOnly, StoreError};
use crate::filter::ProcessFilter;
use crate::location::OpenOptions;
use crate::record_id::{Found, IdPrefix};
use crate::rows::{Descendant, Page, PageKey, Rows};
use crate::store::{Access, Store};
use crate::table::{self, OwnerRow};
use crate::ticket::Ticket;
use crate::watch::QueueWatch;
use crate::writer::{Patience, Writer};

/// A ledger in a file of SQLite's.
///
/// Dropping it waits until everything submitted is written.
pub struct SqliteStore {
    /// None where nothing may be written.
    writer: Option<Writer>,
    connections: Connections,
    columns: Columns,
    access: Access,
}

impl SqliteStore {
    /// Opens a database file, or makes a ledger where there is none or an empty one.
    ///
    /// Another program's database with a ledger's tables is opened to be read; nothing is
    /// written to it nor made beside it.
    ///
    /// # Errors
    /// [`StoreError`] names what is in the way; then nothing is changed.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, StoreError> {
        let opened = open::open(path, options)?;
        let writer = match opened.access {
            Access::Foreign => None,
            Access::Own => {
                let committer = FileCommitter::new(opened.failures.clone(), options.durability);
                let writer = Writer::start(committer);
                Some(writer.map_err(|source| unusable(&opened.failures.path, source))?)
            }
        };
        let connections = Connections::new(opened.failures, opened.access);
        if let Some(connection) = opened.connection {
            connections.keep(connection);
        }
        Ok(Self {
            writer,
            connections,
            columns: opened.columns,
            access: opened.access,
        })
    }

    /// Reads one record.
    fn one<R: TableRow>(
        &self,
        query: impl Fn(&mut SqliteConnection) -> QueryResult<Option<Read<R>>>,
    ) -> Result<Option<R::Record>, StoreError> {
        let row = self.connections.read(query)?;
        Ok(row.map(Read::record).transpose()?)
    }

    /// Writes at once, in a transaction of its own, instead of in the writer's turn: for what
    /// has an answer that is no record.
    fn write<T>(
        &self,
        statement: impl Fn(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        match self.access {
            Access::Foreign => Err(self.read_only()),
            Access::Own => self
                .connections
                .read(|connection| transaction::immediate(connection, &statement)),
        }
    }

    fn path(&self) -> &Path {
        &self.connections.failures().path
    }

    fn read_only(&self) -> StoreError {
        StoreError::ReadOnly {
            path: self.path().to_owned(),
            why: ReadOnly::Foreign,
        }
    }

    /// Reads several records.
    fn several<R: TableRow>(
        &self,
        query: impl Fn(&mut SqliteConnection) -> QueryResult<Vec<Read<R>>>,
    ) -> Result<Rows<R::Record>, StoreError> {
        let rows = self.connections.read(query)?;
        Ok(rows.into_iter().map(Read::record).collect())
    }
}

fn unusable(path: &Path, source: io::Error) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        source: Arc::new(source),
    }
}

impl Store for SqliteStore {
    fn access(&self) -> Access {
        self.access
    }

    fn check(&self) -> Result<Vec<String>, StoreError> {
        let problems = self.connections.read(check::problems)?;
        Ok(problems.into_iter().filter(|line| line != "ok").collect())
    }

    fn submit(&self, now: Timestamp, changes: Vec<Change>) -> Ticket {
        match &self.writer {
            Some(writer) => writer.submit(now, changes, Patience::None),
            None => Ticket::answered(Err(self.read_only())),
        }
    }

    fn submit_patiently(&self, now: Timestamp, changes: Vec<Change>) -> Ticket {
        match &self.writer {
            Some(writer) => writer.submit(now, changes, Patience::Some),
            None => Ticket::answered(Err(self.read_only())),
        }
    }

    fn claim(&self, claim: Claim) -> Ticket<Claims> {
        match &self.writer {
            Some(writer) => writer.claim(claim),
            None => Ticket::answered(Err(self.read_only())),
        }
    }

    fn watch(&self) -> Result<Box<dyn QueueWatch>, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(|| self.read_only())?;
        let watch = LogWatch::new(self.path(), writer);
        let watch = watch.map_err(|source| unusable(self.path(), source))?;
        Ok(Box::new(watch))
    }

    fn machine(&self, id: MachineId) -> Result<Option<Machine>, StoreError> {
        self.one(|connection| machine::by_id(connection, id))
    }

    fn machine_by_guid(&self, guid: &str) -> Result<Option<Machine>, StoreError> {
        self.one(|connection| machine::by_guid(connection, guid))
    }

    fn interface(&self, id: InterfaceId) -> Result<Option<NetworkInterface>, StoreError> {
        self.one(|connection| interface::by_id(connection, id))
    }

    fn interface_by_fingerprint(
        &self,
        machine: MachineId,
        facts: &NetworkFacts,
    ) -> Result<Option<NetworkInterface>, StoreError> {
        self.one(|connection| interface::by_fingerprint(connection, machine, facts))
    }

    fn interfaces_of(&self, machine: MachineId) -> Result<Rows<NetworkInterface>, StoreError> {
        self.several(|connection| interface::of_machine(connection, machine))
    }

    fn binary(&self, id: BinaryId) -> Result<Option<Binary>, StoreError> {
        self.one(|connection| binary::by_id(connection, self.columns, id))
    }

    fn valid_binary(&self, machine: MachineId, name: &str) -> Result<Option<Binary>, StoreError> {
        self.one(|connection| binary::valid_by_name(connection, self.columns, machine, name))
    }

    fn valid_binary_at(
        &self,
        machine: MachineId,
        abspath: &str,
    ) -> Result<Option<Binary>, StoreError> {
        self.one(|connection| binary::valid_by_path(connection, self.columns, machine, abspath))
    }

    fn valid_binaries(&self, machine: MachineId) -> Result<Rows<Binary>, StoreError> {
        self.several(|connection| binary::all_valid(connection, self.columns, machine))
    }

    fn binary_by_name(&self, machine: MachineId, name: &str) -> Result<Option<Binary>, StoreError> {
        self.one(|connection| binary::by_name(connection, self.columns, machine, name))
    }

    fn pending_binaries(&self, machine: MachineId) -> Result<Rows<Binary>, StoreError> {
        self.several(|connection| binary::pending(connection, self.columns, machine))
    }

    fn process(&self, id: ProcessId) -> Result<Option<Process>, StoreError> {
        self.one(|connection| process::by_id(connection, self.columns, id))
    }

    fn running_by_pid(&self, machine: MachineId, pid: Pid) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| process::by_pid(connection, self.columns, machine, pid))
    }

    fn processes(&self, filter: &ProcessFilter) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| process::list(connection, self.columns, filter))
    }

    fn process_ids(&self, filter: &ProcessFilter) -> Result<Rows<ProcessId>, StoreError> {
        let ids = self
            .connections
            .read(|connection| process::list_ids(connection, self.columns, filter))?;
        Ok(ids.iter().map(|id| table::read_id(id)).collect())
    }

    fn process_count(&self, filter: &ProcessFilter) -> Result<u64, StoreError> {
        self.connections
            .read(|connection| process::count(connection, self.columns, filter))
    }

    fn processes_by_id(&self, ids: &[ProcessId]) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| process::by_ids(connection, self.columns, ids))
    }

    fn claimed(&self, machine: MachineId, now: Timestamp) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| process::claimed(connection, self.columns, machine, now))
    }

    fn owners(&self, machine: MachineId) -> Result<Vec<OwnerId>, StoreError> {
        if self.columns == Columns::Base {
            return Ok(Vec::new());
        }
        let owners = self
            .connections
            .read(|connection| process::owners(connection, machine))?;
        // What is no owner's name has taken nothing on.
        Ok(owners.iter().filter_map(|it| it.parse().ok()).collect())
    }

    fn owned(&self, machine: MachineId, owner: OwnerId) -> Result<Rows<Process>, StoreError> {
        if self.columns == Columns::Base {
            let (records, corrupt) = (Vec::new(), Vec::new());
            return Ok(Rows { records, corrupt });
        }
        self.several(|connection| process::owned(connection, machine, owner))
    }

    fn owner(&self, id: OwnerId) -> Result<Option<OwnerRecord>, StoreError> {
        if self.columns == Columns::Base {
            return Ok(None);
        }
        let row = self
            .connections
            .read(|connection| owner::by_id(connection, id))?;
        Ok(row.and_then(OwnerRow::record))
    }

    fn owners_of(&self, machine: MachineId) -> Result<Vec<OwnerRecord>, StoreError> {
        if self.columns == Columns::Base {
            return Ok(Vec::new());
        }
        let rows = self
            .connections
            .read(|connection| owner::of_machine(connection, machine))?;
        Ok(rows.into_iter().filter_map(OwnerRow::record).collect())
    }

    fn needs_secrets(&self, batch: SecretBatchId) -> Result<bool, StoreError> {
        self.connections
            .read(|connection| process::needs_secrets(connection, self.columns, batch))
    }

    fn ancestors(&self, process: ProcessId) -> Result<Vec<ProcessId>, StoreError> {
        let line = self
            .connections
            .read(|connection| process::ancestors(connection, process))?;
        let rows: Rows<ProcessId> = line.iter().map(|id| table::read_id(id)).collect();
        rows.complete()
    }

    fn descendants(
        &self,
        process: ProcessId,
        status: Option<ProcessStatus>,
    ) -> Result<Rows<Descendant>, StoreError> {
        let found = self
            .connections
            .read(|connection| process::descendants(connection, process, status))?;
        let read = |(id, depth): &(String, usize)| {
            let depth = *depth;
            table::read_id(id).map(|id| Descendant { id, depth })
        };
        Ok(found.iter().map(read).collect())
    }

    fn children(&self, parents: &[ProcessId]) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| process::children(connection, self.columns, parents))
    }

    fn attempts(&self, process: ProcessId) -> Result<Vec<Attempt>, StoreError> {
        if self.columns == Columns::Base {
            return Ok(Vec::new());
        }
        self.several(|connection| attempt::of_process(connection, process))?
            .complete()
    }

    fn find(&self, prefix: &IdPrefix) -> Result<Found, StoreError> {
        self.connections
            .read(|connection| prefix::find(connection, prefix))
    }

    fn next_worker_id(&self, worker_type: &str) -> Result<u64, StoreError> {
        let next = self.write(|connection| worker_id::next(connection, worker_type))?;
        Ok(next.cast_unsigned())
    }

    fn mend_exit_codes(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.write(|connection| process::mend_exit_codes(connection, now))
    }

    fn machine_page(
        &self,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<Machine>, StoreError> {
        let rows = self
            .connections
            .read(|connection| page::machines(connection, after, limit))?;
        Ok(row::page(rows, limit))
    }

    fn interface_page(
        &self,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<NetworkInterface>, StoreError> {
        let rows = self
            .connections
            .read(|connection| page::interfaces(connection, after, limit))?;
        Ok(row::page(rows, limit))
    }

    fn binary_page(&self, after: Option<&PageKey>, limit: u32) -> Result<Page<Binary>, StoreError> {
        let rows = self
            .connections
            .read(|connection| binary::page(connection, self.columns, after, limit))?;
        Ok(row::page(rows, limit))
    }

    fn ended_page(
        &self,
        machine: MachineId,
        before: Timestamp,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<Process>, StoreError> {
        let rows = self.connections.read(|connection| {
            process::ended_page(connection, self.columns, machine, before, after, limit)
        })?;
        Ok(row::page(rows, limit))
    }

    fn process_page(
        &self,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<Process>, StoreError> {
        let rows = self
            .connections
            .read(|connection| process::page(connection, self.columns, after, limit))?;
        Ok(row::page(rows, limit))
    }
}
