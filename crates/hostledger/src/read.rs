//! Reading records.

use hostledger_model::{
    Attempt, Binary, Machine, MachineId, NetworkInterface, Pid, Process, ProcessId, ProcessType,
};
use hostledger_model::{BinaryId, InterfaceId};
use hostledger_store::{Found, IdPrefix, ProcessFilter, RecordId, Records, Rows};

use crate::{Ledger, LedgerError};

/// A record of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyRecord {
    /// A host.
    Machine(Box<Machine>),
    /// A way to the network.
    Interface(Box<NetworkInterface>),
    /// A program.
    Binary(Box<Binary>),
    /// A process.
    Process(Box<Process>),
}

impl Ledger {
    /// A process by its id.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn process(&self, id: ProcessId) -> Result<Process, LedgerError> {
        found(self.store().process(id)?, id)
    }

    /// A machine by its id.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn machine(&self, id: MachineId) -> Result<Machine, LedgerError> {
        found(self.store().machine(id)?, id)
    }

    /// A network interface by its id.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn interface(&self, id: InterfaceId) -> Result<NetworkInterface, LedgerError> {
        found(self.store().interface(id)?, id)
    }

    /// A binary by its id.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn binary(&self, id: BinaryId) -> Result<Binary, LedgerError> {
        found(self.store().binary(id)?, id)
    }

    /// The processes that fit, oldest first. Rows that cannot be read stand beside the others.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn processes(&self, filter: &ProcessFilter) -> Result<Rows<Process>, LedgerError> {
        Ok(self.store().processes(filter)?)
    }

    /// The processes recorded as running, of one kind or of all.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn running(&self, process_type: Option<ProcessType>) -> Result<Rows<Process>, LedgerError> {
        self.processes(&ProcessFilter {
            process_type,
            ..ProcessFilter::running()
        })
    }

    /// The running process of this machine that has this pid now: recorded with that number
    /// *and* certain to be the live process that has it.
    ///
    /// # Errors
    /// There is none, or that cannot be learnt.
    pub fn by_pid(&self, pid: i32) -> Result<Process, LedgerError> {
        let known = Pid::new(pid)
            .map(|pid| self.running_with_pid(pid))
            .transpose()?
            .flatten();
        known.ok_or(LedgerError::NoSuchPid { pid })
    }

    /// The earlier attempts of a process, first to last.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn attempts(&self, id: ProcessId) -> Result<Vec<Attempt>, LedgerError> {
        Ok(self.store().attempts(id)?)
    }

    /// The one record that is meant by an id, by the beginning of one, or by `pid:1234` (see
    /// [`by_pid`](Self::by_pid)).
    ///
    /// # Errors
    /// No id begins so, or several do, or that is no beginning of an id; or no running process
    /// has the pid.
    pub fn find(&self, text: &str) -> Result<RecordId, LedgerError> {
        if let Some(pid) = text.strip_prefix("pid:") {
            let pid = pid.parse().map_err(|_| LedgerError::InvalidPid {
                text: text.to_owned(),
            })?;
            return Ok(RecordId::Process(self.by_pid(pid)?.id));
        }
        let parsed: IdPrefix = text.parse()?;
        let prefix = || text.to_owned();
        match self.store().find(&parsed)? {
            Found::One(id) => Ok(id),
            Found::Nothing => Err(LedgerError::NotFound { prefix: prefix() }),
            Found::Several(candidates) => Err(LedgerError::Ambiguous {
                prefix: prefix(),
                candidates,
            }),
        }
    }

    /// The same for a process.
    ///
    /// # Errors
    /// There is none, several are meant, or it is a record of another kind.
    pub fn find_process(&self, text: &str) -> Result<ProcessId, LedgerError> {
        match self.find(text)? {
            RecordId::Process(id) => Ok(id),
            found => Err(LedgerError::WrongKind {
                found,
                wanted: "process",
            }),
        }
    }

    /// The same for a machine.
    ///
    /// # Errors
    /// There is none, several are meant, or it is a record of another kind.
    pub fn find_machine(&self, text: &str) -> Result<MachineId, LedgerError> {
        match self.find(text)? {
            RecordId::Machine(id) => Ok(id),
            found => Err(LedgerError::WrongKind {
                found,
                wanted: "machine",
            }),
        }
    }

    /// The record of an id of any kind.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn record(&self, id: RecordId) -> Result<AnyRecord, LedgerError> {
        Ok(match id {
            RecordId::Machine(id) => AnyRecord::Machine(Box::new(self.machine(id)?)),
            RecordId::Interface(id) => AnyRecord::Interface(Box::new(self.interface(id)?)),
            RecordId::Binary(id) => AnyRecord::Binary(Box::new(self.binary(id)?)),
            RecordId::Process(id) => AnyRecord::Process(Box::new(self.process(id)?)),
        })
    }

    /// All machines, one after another in bounded memory.
    #[must_use]
    pub fn all_machines(&self) -> Records<'_, Machine> {
        Records::machines(self.store())
    }

    /// All network interfaces.
    #[must_use]
    pub fn all_interfaces(&self) -> Records<'_, NetworkInterface> {
        Records::interfaces(self.store())
    }

    /// All binaries.
    #[must_use]
    pub fn all_binaries(&self) -> Records<'_, Binary> {
        Records::binaries(self.store())
    }

    /// All processes.
    #[must_use]
    pub fn all_processes(&self) -> Records<'_, Process> {
        Records::processes(self.store())
    }
}

fn found<T>(record: Option<T>, id: impl Into<RecordId>) -> Result<T, LedgerError> {
    record.ok_or_else(|| LedgerError::NotFound {
        prefix: id.into().uuid().to_string(),
    })
}
