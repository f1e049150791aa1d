//! The port, on a server.

use std::sync::Arc;

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Text};
use hostledger_model::{
    Attempt, Binary, BinaryId, InterfaceId, Machine, MachineId, NetworkFacts, NetworkInterface,
    OwnerId, OwnerRecord, Pid, Process, ProcessId, ProcessStatus, SecretBatchId, Timestamp,
};

use uuid::Uuid;

use super::commit::ServerCommitter;
use super::connections::Connections;
use super::open::prepare;
use super::projection::{BINARY, INTERFACE, MACHINE, PROCESS};
use super::session::Session;
use super::sql::{Parameter, Sql, sql};
use super::url::PostgresUrl;
use super::watch::{EarsOfStore, NoWatch};
use super::{find, owner, permission, processes};
use crate::change::Change;
use crate::claim::{Claim, Claims};
use crate::error::{ReadOnly, StoreError};
use crate::filter::ProcessFilter;
use crate::location::OpenOptions;
use crate::record_id::{Found, IdPrefix};
use crate::rows::{Descendant, Page, PageKey, Rows};
use crate::store::{Access, Store};
use crate::table::row::{self, Read, TableRow};
use crate::table::{KILLED, OwnerRow, encoding, read_id};
use crate::ticket::Ticket;
use crate::watch::QueueWatch;
use crate::writer::{Patience, Writer};

/// A ledger in a database of PostgreSQL's.
///
/// Another program's database, which has the tables of a ledger, is only read.
///
/// Dropping it waits until everything submitted is written.
pub struct PostgresStore {
    /// None for another program's database, which is only read.
    writer: Option<Writer>,
    connections: Arc<Connections>,
    ears: EarsOfStore,
    /// Tells our own notifications from those of others.
    name: String,
}

impl PostgresStore {
    /// Opens a database, and makes a ledger in it where there is none.
    ///
    /// # Errors
    /// [`StoreError`] names what is in the way; then nothing is changed.
    pub fn open(url: &PostgresUrl, options: &OpenOptions) -> Result<Self, StoreError> {
        let connections = Arc::new(Connections::new(url.clone(), options.busy_timeout));
        let name = Uuid::now_v7().to_string();
        let writer = match prepare(&connections)? {
            Access::Foreign => None,
            Access::Own => {
                let committer =
                    ServerCommitter::new(Arc::clone(&connections), options, name.clone());
                let writer = Writer::start(committer);
                Some(writer.map_err(|source| StoreError::Open {
                    path: connections.failures().place.clone(),
                    source: Arc::new(source),
                })?)
            }
        };
        Ok(Self {
            writer,
            connections,
            ears: EarsOfStore::default(),
            name,
        })
    }

    fn read<T>(&self, query: impl Fn(&mut Session) -> QueryResult<T>) -> Result<T, StoreError> {
        self.connections.read(query)
    }

    /// # Errors
    /// Another program's database is not written.
    fn writer(&self) -> Result<&Writer, StoreError> {
        self.writer.as_ref().ok_or_else(|| StoreError::ReadOnly {
            path: self.connections.failures().place.clone(),
            why: ReadOnly::Foreign,
        })
    }

    /// Reads one record.
    fn one<R: TableRow>(
        &self,
        query: impl Fn(&mut Session) -> QueryResult<Option<Read<R>>>,
    ) -> Result<Option<R::Record>, StoreError> {
        Ok(self.read(query)?.map(Read::record).transpose()?)
    }

    /// Reads several records.
    fn several<R: TableRow>(
        &self,
        query: impl Fn(&mut Session) -> QueryResult<Vec<Read<R>>>,
    ) -> Result<Rows<R::Record>, StoreError> {
        let rows = self.read(query)?;
        Ok(rows.into_iter().map(Read::record).collect())
    }
}

impl Store for PostgresStore {
    fn access(&self) -> Access {
        match self.writer {
            Some(_) => Access::Own,
            None => Access::Foreign,
        }
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn may_write(&self) -> Result<(), StoreError> {
        self.writer()?;
        let failures = self.connections.failures();
        self.read(|connection| permission::refusal(connection, failures))?
            .map_or(Ok(()), Err)
    }

    /// Damage in its files is the server's affair; what it can be asked of is whether the
    /// indexes are whole.
    fn check(&self) -> Result<Vec<String>, StoreError> {
        self.read(|connection| {
            let query: Sql<Text> = sql(
                "SELECT 'index ' || indexrelid::regclass || ' is not valid: REINDEX it'
                 FROM pg_index WHERE NOT indisvalid AND indrelid IN (
                     SELECT to_regclass(name) FROM unnest(ARRAY['machine_machine',
                         'machine_networkinterface', 'machine_binary', 'machine_process',
                         'hostledger_attempt', 'hostledger_worker_id', 'hostledger_owner',
                         'hostledger_commit']) AS name)",
                Vec::new(),
            );
            query.load(connection)
        })
    }

    fn submit(&self, now: Timestamp, changes: Vec<Change>) -> Ticket {
        match self.writer() {
            Ok(writer) => writer.submit(now, changes, Patience::None),
            Err(error) => Ticket::answered(Err(error)),
        }
    }

    fn submit_patiently(&self, now: Timestamp, changes: Vec<Change>) -> Ticket {
        match self.writer() {
            Ok(writer) => writer.submit(now, changes, Patience::Some),
            Err(error) => Ticket::answered(Err(error)),
        }
    }

    fn claim(&self, claim: Claim) -> Ticket<Claims> {
        match self.writer() {
            Ok(writer) => writer.claim(claim),
            Err(error) => Ticket::answered(Err(error)),
        }
    }

    fn watch(&self) -> Result<Box<dyn QueueWatch>, StoreError> {
        let place = || self.connections.failures().place.clone();
        let connection_string = self.connections.connection_string();
        let writer = self.writer()?;
        match self.ears.watch(&connection_string, writer, &self.name) {
            Ok(watch) => Ok(Box::new(watch)),
            Err(NoWatch::Server(error)) => Err(StoreError::Unreachable {
                place: place(),
                source: Arc::new(error),
            }),
            Err(NoWatch::System(error)) => Err(StoreError::Open {
                path: place(),
                source: Arc::new(error),
            }),
        }
    }

    fn machine(&self, id: MachineId) -> Result<Option<Machine>, StoreError> {
        self.one(|connection| find::machine_by_id(connection, id))
    }

    fn machine_by_guid(&self, guid: &str) -> Result<Option<Machine>, StoreError> {
        self.one(|connection| find::machine_by_guid(connection, guid))
    }

    fn interface(&self, id: InterfaceId) -> Result<Option<NetworkInterface>, StoreError> {
        self.one(|connection| find::interface_by_id(connection, id))
    }

    fn interface_by_fingerprint(
        &self,
        machine: MachineId,
        facts: &NetworkFacts,
    ) -> Result<Option<NetworkInterface>, StoreError> {
        self.one(|connection| find::interface_by_fingerprint(connection, machine, facts))
    }

    fn interfaces_of(&self, machine: MachineId) -> Result<Rows<NetworkInterface>, StoreError> {
        self.several(|connection| find::interfaces_of(connection, machine))
    }

    fn binary(&self, id: BinaryId) -> Result<Option<Binary>, StoreError> {
        self.one(|connection| find::binary_by_id(connection, id))
    }

    fn valid_binary(&self, machine: MachineId, name: &str) -> Result<Option<Binary>, StoreError> {
        self.one(|connection| find::valid_binary(connection, machine, name))
    }

    fn valid_binary_at(
        &self,
        machine: MachineId,
        abspath: &str,
    ) -> Result<Option<Binary>, StoreError> {
        self.one(|connection| find::valid_binary_at(connection, machine, abspath))
    }

    fn valid_binaries(&self, machine: MachineId) -> Result<Rows<Binary>, StoreError> {
        self.several(|connection| find::valid_binaries(connection, machine))
    }

    fn binary_by_name(&self, machine: MachineId, name: &str) -> Result<Option<Binary>, StoreError> {
        self.one(|connection| find::binary_by_name(connection, machine, name))
    }

    fn pending_binaries(&self, machine: MachineId) -> Result<Rows<Binary>, StoreError> {
        self.several(|connection| find::pending_binaries(connection, machine))
    }

    fn process(&self, id: ProcessId) -> Result<Option<Process>, StoreError> {
        self.one(|connection| processes::by_id(connection, id))
    }

    fn running_by_pid(&self, machine: MachineId, pid: Pid) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| processes::by_pid(connection, machine, pid))
    }

    fn processes(&self, filter: &ProcessFilter) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| processes::list(connection, filter))
    }

    fn process_ids(&self, filter: &ProcessFilter) -> Result<Rows<ProcessId>, StoreError> {
        let ids = self.read(|connection| processes::list_ids(connection, filter))?;
        Ok(ids.iter().map(|id| read_id(id)).collect())
    }

    fn process_count(&self, filter: &ProcessFilter) -> Result<u64, StoreError> {
        self.read(|connection| processes::count(connection, filter))
    }

    fn processes_by_id(&self, ids: &[ProcessId]) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| processes::by_ids(connection, ids))
    }

    fn claimed(&self, machine: MachineId, now: Timestamp) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| processes::claimed(connection, machine, now))
    }

    fn owners(&self, machine: MachineId) -> Result<Vec<OwnerId>, StoreError> {
        let owners = self.read(|connection| processes::owners(connection, machine))?;
        Ok(owners.iter().filter_map(|it| it.parse().ok()).collect())
    }

    fn owned(&self, machine: MachineId, owner: OwnerId) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| processes::owned(connection, machine, owner))
    }

    fn owner(&self, id: OwnerId) -> Result<Option<OwnerRecord>, StoreError> {
        let mut rows = self.read(|connection| owner::by_id(connection, id))?;
        Ok(rows.pop().and_then(OwnerRow::record))
    }

    fn owners_of(&self, machine: MachineId) -> Result<Vec<OwnerRecord>, StoreError> {
        let rows = self.read(|connection| owner::of_machine(connection, machine))?;
        Ok(rows.into_iter().filter_map(OwnerRow::record).collect())
    }

    fn needs_secrets(&self, batch: SecretBatchId) -> Result<bool, StoreError> {
        self.read(|connection| processes::needs_secrets(connection, batch))
    }

    fn ancestors(&self, process: ProcessId) -> Result<Vec<ProcessId>, StoreError> {
        let line = self.read(|connection| processes::ancestors(connection, process))?;
        let rows: Rows<ProcessId> = line.iter().map(|id| read_id(id)).collect();
        rows.complete()
    }

    fn descendants(
        &self,
        process: ProcessId,
        status: Option<ProcessStatus>,
    ) -> Result<Rows<Descendant>, StoreError> {
        let found = self.read(|connection| processes::descendants(connection, process, status))?;
        let read = |(id, depth): &(String, usize)| {
            let depth = *depth;
            read_id(id).map(|id| Descendant { id, depth })
        };
        Ok(found.iter().map(read).collect())
    }

    fn children(&self, parents: &[ProcessId]) -> Result<Rows<Process>, StoreError> {
        self.several(|connection| processes::children(connection, parents))
    }

    fn attempts(&self, process: ProcessId) -> Result<Vec<Attempt>, StoreError> {
        self.several(|connection| find::attempts(connection, process))?
            .complete()
    }

    fn find(&self, prefix: &IdPrefix) -> Result<Found, StoreError> {
        self.read(|connection| find::by_prefix(connection, prefix))
    }

    /// Asked again after a connection was lost, it may leave a number out.
    fn next_worker_id(&self, worker_type: &str) -> Result<u64, StoreError> {
        self.writer()?;
        let next: i64 = self.read(|connection| {
            let query: Sql<BigInt> = sql(
                "INSERT INTO hostledger_worker_id AS r (worker_type, last_id) VALUES (?, 1)
                 ON CONFLICT (worker_type) DO UPDATE SET last_id = r.last_id + 1
                 RETURNING last_id",
                vec![Parameter::text(worker_type)],
            );
            query.get_result(connection)
        })?;
        Ok(next.cast_unsigned())
    }

    fn mend_exit_codes(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.writer()?;
        self.read(|connection| {
            let parameters = vec![
                Parameter::Integer(KILLED.into()),
                Parameter::text(&encoding::time(now)),
            ];
            sql::<()>(
                "UPDATE machine_process SET exit_code = ?, modified_at = ?::timestamptz
                 WHERE exit_code = -1",
                parameters,
            )
            .execute(connection)
        })
    }

    fn machine_page(
        &self,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<Machine>, StoreError> {
        let rows = self
            .read(|connection| find::page(connection, &MACHINE, "machine_machine", after, limit))?;
        Ok(row::page::<crate::table::MachineRow>(rows, limit))
    }

    fn interface_page(
        &self,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<NetworkInterface>, StoreError> {
        let rows = self.read(|connection| {
            find::page(
                connection,
                &INTERFACE,
                "machine_networkinterface",
                after,
                limit,
            )
        })?;
        Ok(row::page::<crate::table::InterfaceRow>(rows, limit))
    }

    fn binary_page(&self, after: Option<&PageKey>, limit: u32) -> Result<Page<Binary>, StoreError> {
        let rows = self
            .read(|connection| find::page(connection, &BINARY, "machine_binary", after, limit))?;
        Ok(row::page::<crate::table::BinaryRow>(rows, limit))
    }

    fn ended_page(
        &self,
        machine: MachineId,
        before: Timestamp,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<Process>, StoreError> {
        let rows = self
            .read(|connection| processes::ended_page(connection, machine, before, after, limit))?;
        Ok(row::page(rows, limit))
    }

    fn process_page(
        &self,
        after: Option<&PageKey>,
        limit: u32,
    ) -> Result<Page<Process>, StoreError> {
        let rows = self
            .read(|connection| find::page(connection, &PROCESS, "machine_process", after, limit))?;
        Ok(row::page::<crate::table::ProcessRow>(rows, limit))
    }
}
