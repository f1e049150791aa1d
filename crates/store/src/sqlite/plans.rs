//! What SQLite makes of the very statements that workers and housekeeping give: none of them reads
//! history, however long it is.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use diesel::connection::{Connection as _, InstrumentationEvent};
use diesel::prelude::*;
use diesel::sql_types::Text;
use hostledger_model::{
    CommandLine, Lease, Machine, MachineFacts, MachineId, OwnerId, Pid, Process, ProcessChange,
    ProcessDraft, ProcessId, ProcessStatus, ProcessType, SecretBatchId, SecretWords, StopRequest,
    Timestamp,
};

use super::apply;
use super::failure::Failures;
use super::migration;
use super::process::{self, Columns};
use crate::change::Change;
use crate::claim::Claim;
use crate::filter::ProcessFilter;

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

struct Database {
    connection: SqliteConnection,
    failures: Failures,
}

impl Database {
    fn new() -> Self {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        let failures = Failures {
            path: "/x".into(),
            busy_timeout: std::time::Duration::ZERO,
        };
        migration::bring_up_to_date(&mut connection, &failures).unwrap();
        Self {
            connection,
            failures,
        }
    }

    /// How the statements that `ask` gives look for processes, one line each.
    fn plans(&mut self, ask: impl FnOnce(&mut SqliteConnection, &Failures)) -> Vec<String> {
        let statements = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&statements);
        self.connection
            .set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if let InstrumentationEvent::StartQuery { query, .. } = event {
                    heard.lock().unwrap().push(query.to_string());
                }
            });
        ask(&mut self.connection, &self.failures);
        self.connection
            .set_instrumentation(|_: InstrumentationEvent<'_>| ());
        let statements = std::mem::take(&mut *statements.lock().unwrap());
        let mut plans = Vec::new();
        for statement in statements {
            let sql = statement.split(" -- binds").next().unwrap();
            let plan = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"));
            let steps: Vec<Step> = plan.load(&mut self.connection).unwrap();
            let steps = steps.into_iter().map(|step| step.detail);
            plans.extend(steps.filter(|step| step.contains("machine_process")));
        }
        plans
    }

    /// Every look for processes goes by one of these indexes.
    #[track_caller]
    fn expect(&mut self, indexes: &[&str], ask: impl FnOnce(&mut SqliteConnection, &Failures)) {
        let plans = self.plans(ask);
        assert!(!plans.is_empty());
        for plan in plans {
            let by = |index: &&str| plan.split(' ').any(|word| word == *index);
            assert!(indexes.iter().any(by), "not by {indexes:?}: {plan}");
        }
    }

    /// A process that has ended.
    fn ended(&mut self) -> ProcessId {
        let machine = Machine::new(MachineFacts::default(), Timestamp::now());
        let command = CommandLine::new(vec![b"x".to_vec()]).unwrap();
        let draft = ProcessDraft::new(machine.id, command, b"/".to_vec());
        let (process, _) = draft
            .into_process(&SecretWords::default(), Timestamp::now())
            .unwrap();
        let ended = Process {
            status: ProcessStatus::Exited,
            ..process
        };
        let id = ended.id;
        let changes = [
            Change::InsertMachine(Box::new(machine)),
            Change::InsertProcess(Box::new(ended)),
        ];
        for change in changes {
            let (connection, now) = (&mut self.connection, Timestamp::now());
            let step = apply::Step::Change(&change);
            apply::step(connection, &self.failures, &step, now, &mut Vec::new())
                .unwrap_or_else(|_| panic!("{change:?}"));
        }
        id
    }

    fn change(&mut self, indexes: &[&str], change: &Change) {
        self.expect(indexes, |connection, failures| {
            let now = Timestamp::now();
            let step = apply::Step::Change(change);
            apply::step(connection, failures, &step, now, &mut Vec::new())
                .unwrap_or_else(|_| panic!("{change:?}"));
        });
    }
}

const BY_ID: &str = "sqlite_autoindex_machine_process_1";
const QUEUED: &str = "machine_process_queued_idx";
const RUNNING: &str = "machine_process_running_idx";
const OWNER: &str = "machine_process_owner_idx";
const PARENT: &str = "machine_process_parent_idx";
const CREATED: &str = "machine_process_created_at_idx";
const SECRETS: &str = "machine_process_secret_batch_idx";

#[test]
fn claims_and_what_is_due_next_go_by_the_queue() {
    let claim = Claim {
        machine: MachineId::generate(),
        owner: OwnerId::generate(),
        now: Timestamp::now(),
        limit: 32,
        lease: Lease {
            slack: TimeDelta::seconds(30),
            without_timeout: TimeDelta::hours(24),
        },
    };
    Database::new().expect(&[QUEUED], |connection, _| {
        process::claim(connection, &claim).unwrap();
    });
}

#[test]
fn what_runs_is_listed_by_an_index_of_what_runs() {
    let running = ProcessFilter::running();
    let here = ProcessFilter {
        machine_id: Some(MachineId::generate()),
        process_type: Some(ProcessType::Worker),
        worker_type: Some("x".to_owned()),
        parent_id: Some(ProcessId::generate()),
        name: Some("n".to_owned()),
        since: Some(Timestamp::now()),
        limit: Some(9),
        ..running.clone()
    };
    for filter in [running, here] {
        let mut database = Database::new();
        database.expect(&[RUNNING], |connection, _| {
            process::list(connection, Columns::All, &filter).unwrap();
            process::list_ids(connection, Columns::All, &filter).unwrap();
            process::count(connection, Columns::All, &filter).unwrap();
        });
    }
    Database::new().expect(&[RUNNING], |connection, _| {
        let (machine, pid) = (MachineId::generate(), Pid::new(7).unwrap());
        process::by_pid(connection, Columns::All, machine, pid).unwrap();
    });
}

#[test]
fn what_cleanup_and_take_over_ask_goes_by_what_is_owned_and_its_kind() {
    let machine = MachineId::generate();
    Database::new().expect(&[OWNER, QUEUED], |connection, _| {
        process::claimed(connection, Columns::All, machine, Timestamp::now()).unwrap();
        process::owners(connection, machine).unwrap();
        process::owned(connection, machine, OwnerId::generate()).unwrap();
    });
    Database::new().expect(&[SECRETS], |connection, _| {
        process::needs_secrets(connection, Columns::All, SecretBatchId::generate()).unwrap();
    });
}

#[test]
fn what_can_be_pruned_is_found_by_its_making_and_deleted_by_its_id() {
    Database::new().expect(&[CREATED], |connection, _| {
        let (machine, before) = (MachineId::generate(), Timestamp::now());
        process::ended_page(connection, Columns::All, machine, before, None, 9).unwrap();
    });
    let mut database = Database::new();
    let ended = database.ended();
    let prune = Change::PruneProcesses([ended].into());
    database.change(&[BY_ID, PARENT], &prune);
    let delete = Change::DeleteProcess(ProcessId::generate());
    Database::new().change(&[BY_ID, PARENT], &delete);
}

#[test]
fn a_row_is_changed_by_its_id() {
    let stop = StopRequest::timeout(Timestamp::now(), 15);
    let change = Change::ChangeProcess {
        id: ProcessId::generate(),
        change: ProcessChange::StopRequested(stop),
        owner: None,
    };
    Database::new().change(&[BY_ID], &change);
}
