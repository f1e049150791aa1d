//! The process we are, and the recorded one that started us.

use std::env;
use std::ffi::OsString;
use std::iter;
use std::os::unix::ffi::OsStringExt as _;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use hostledger_model::{
    CommandLine, KillMode, MachineId, Pid, Process, ProcessChange, ProcessDraft, ProcessId,
    ProcessIdentity, ProcessStatus, ProcessType, Started, Timestamp,
};
use hostledger_process::{PidSpace, ancestors, start_time};
use hostledger_store::{Change, StoreError};

use crate::command::PROCESS_ID;
use crate::{Ledger, LedgerError};

/// How long a start may take to be written down.
const UNTIL_STARTED: Duration = Duration::from_secs(1);

impl Ledger {
    /// The row of this very program, made at the first call.
    ///
    /// Its parent is the recorded process that started it, if there is one; its type is told by
    /// its command line. It is running until somebody settles it.
    ///
    /// # Errors
    /// The database cannot be read or written, or /proc not read.
    pub fn current_process(&self) -> Result<Process, LedgerError> {
        let mut cache = self.lock(&self.inner.process);
        if let Some((pid, id)) = *cache
            && pid == process::id()
            && let Some(known) = self.store().process(id)?
        {
            return Ok(known);
        }
        let machine_id = self.current_machine()?.id;
        let identity = PidSpace::current()?.own_identity()?;
        let row = match self.recorded(&identity)? {
            Some(known) => known,
            None => self.record_ourselves(machine_id, identity)?,
        };
        *cache = Some((process::id(), row.id));
        Ok(row)
    }

    fn record_ourselves(
        &self,
        machine_id: MachineId,
        identity: ProcessIdentity,
    ) -> Result<Process, LedgerError> {
        let now = Timestamp::now();
        let arguments: Vec<Vec<u8>> = env::args_os().map(OsString::into_vec).collect();
        let process_type = type_of(&arguments);
        let directory = env::current_dir().map_err(LedgerError::CurrentDirectory)?;
        let pwd = directory.into_os_string().into_vec();
        let mut draft = ProcessDraft::new(machine_id, CommandLine::new(arguments)?, pwd);
        draft.process_type = process_type;
        draft.parent_id = self.recorded_starter()?;
        // Our process group is our shell's job: others than us can be in it.
        draft.kill_mode = KillMode::Process;
        draft.interface_id = Some(self.current_interface(false)?.id);
        let (mut row, _) = draft.into_process(&self.inner.secret_words, now)?;
        ProcessChange::Started(Started {
            started_at: start_time(identity.start_ticks),
            lease_until: hostledger_engine::lease_end(None, now),
            log: hostledger_model::LogPlace::Terminal,
            identity,
            knows_stop: false,
        })
        .apply(&mut row, now);
        self.store()
            .submit(now, vec![Change::InsertProcess(Box::new(row.clone()))])
            .wait()?;
        Ok(row)
    }

    /// We ourselves, or the nearest of our ancestors, recorded in this ledger as running.
    pub(crate) fn recorded_starter(&self) -> Result<Option<ProcessId>, LedgerError> {
        let own = Pid::new(i32::try_from(process::id()).unwrap_or_default());
        let Some(own) = own else { return Ok(None) };
        self.wait_for_our_start()?;
        let machine = self.current_machine()?.id;
        for pid in iter::once(own).chain(ancestors(own)?) {
            if let Some(known) = self.running_of(machine, pid)? {
                return Ok(Some(known.id));
            }
        }
        Ok(None)
    }

    /// A program can begin before whoever launched it has written that down. So when our
    /// environment names a process that is about to start, its start is waited for, shortly.
    fn wait_for_our_start(&self) -> Result<(), LedgerError> {
        let named = env::var(PROCESS_ID)
            .ok()
            .and_then(|id| id.parse::<ProcessId>().ok());
        let Some(id) = named else { return Ok(()) };
        let deadline = Instant::now() + UNTIL_STARTED;
        while let Some(row) = self.store().process(id)?
            && row.status == ProcessStatus::Queued
            && row.owner.is_some()
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// The running process of this machine that has this pid, certain to be the live one.
    pub(crate) fn running_with_pid(&self, pid: Pid) -> Result<Option<Process>, LedgerError> {
        // A database that is only read may not know this machine, and then none of its processes.
        let machine = match self.current_machine() {
            Ok(machine) => machine.id,
            Err(LedgerError::Store(StoreError::ReadOnly { .. })) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.running_of(machine, pid)
    }

    fn running_of(&self, machine: MachineId, pid: Pid) -> Result<Option<Process>, LedgerError> {
        let rows = self.store().running_by_pid(machine, pid)?.complete()?;
        if rows.is_empty() {
            return Ok(None);
        }
        let live = match PidSpace::current()?.identify(pid) {
            Ok((identity, _)) => identity,
            Err(hostledger_process::IdentityError::NoProcess { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(rows.into_iter().find(|row| is_same(row, &live)))
    }

    fn recorded(&self, identity: &ProcessIdentity) -> Result<Option<Process>, LedgerError> {
        self.running_with_pid(identity.pid)
    }
}

fn is_same(row: &Process, live: &ProcessIdentity) -> bool {
    row.status == ProcessStatus::Running && row.identity.as_ref() == Some(live)
}

/// What kind of program a command line is of.
fn type_of(arguments: &[Vec<u8>]) -> ProcessType {
    let texts: Vec<_> = arguments
        .iter()
        .map(|part| String::from_utf8_lossy(part))
        .collect();
    let name = texts
        .first()
        .map_or("", |program| program.rsplit('/').next().unwrap_or_default());
    let argument = |word: &str| texts.iter().skip(1).any(|text| text == word);
    if texts
        .iter()
        .take(2)
        .any(|text| text.contains("supervisord"))
    {
        ProcessType::Supervisord
    } else if name == "hostledger" {
        if argument("work") {
            ProcessType::Orchestrator
        } else {
            ProcessType::Cli
        }
    } else if argument("worker") {
        ProcessType::Worker
    } else if argument("orchestrator") {
        ProcessType::Orchestrator
    } else {
        ProcessType::Binary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_tells_the_type() {
        let of = |line: &str| {
            type_of(
                &line
                    .split(' ')
                    .map(|part| part.as_bytes().to_vec())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(of("/usr/bin/hostledger run -- true"), ProcessType::Cli);
        assert_eq!(of("hostledger work --jobs 4"), ProcessType::Orchestrator);
        assert_eq!(
            of("/usr/bin/python3 /usr/bin/supervisord -n"),
            ProcessType::Supervisord
        );
        assert_eq!(of("crawler worker"), ProcessType::Worker);
        assert_eq!(of("target/debug/crawler"), ProcessType::Binary);
    }
}
