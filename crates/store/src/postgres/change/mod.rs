//! Making changes, many at once, inside the writer's transaction.

mod binary;
mod counts;
mod delete;
mod end;
mod insert;
mod plan;
mod process;
mod update;

use std::collections::BTreeMap;

use diesel::QueryResult;
use hostledger_model::{BinaryChange, Timestamp};

use super::owner;
use super::projection::{BINARY, INTERFACE, MACHINE};
use crate::change::Change;
use crate::postgres::session::Session;
use crate::record_id::RecordId;
use crate::table::{BinaryRow, InterfaceRow, MachineRow};
pub(super) use counts::Counts;
use plan::{Item, Step};

/// Whether a change writes with a single statement, which does nothing when it is refused.
pub(super) fn is_one_statement(change: &Change) -> bool {
    match change {
        Change::ChangeBinary { change, .. } => !matches!(change, BinaryChange::Installed(_)),
        Change::RequestBinary(_)
        | Change::PruneProcesses(_)
        | Change::DeleteMachine(_)
        | Change::DeleteBinary(_)
        | Change::DeleteProcess(_) => false,
        _ => true,
    }
}

/// What came of some changes.
pub(super) struct Results {
    /// Whether each was made, in their order.
    pub(super) applied: Vec<bool>,
    /// Where they are not those that the change is about: the records that were written.
    written: BTreeMap<usize, Vec<RecordId>>,
}

impl Results {
    /// The records that the change with this number wrote.
    pub(super) fn records(&self, number: usize, change: &Change) -> Vec<RecordId> {
        match (self.written.get(&number), change) {
            (Some(written), _) => written.clone(),
            (None, Change::InsertProcesses(processes)) => {
                processes.iter().map(|process| process.id.into()).collect()
            }
            (None, _) => change.record().into_iter().collect(),
        }
    }
}

/// Makes changes, each where its row allows it. Uses are left to be counted, by whoever commits: that
/// comes last ([`counts`]).
///
/// # Errors
/// Of the first statement that failed; what the others did is for the caller to take back.
pub(super) fn make<'c>(
    connection: &mut Session,
    changes: impl Iterator<Item = (&'c Change, Timestamp)>,
    counts: &mut Counts,
) -> QueryResult<Results> {
    let items: Vec<_> = changes
        .enumerate()
        .map(|(number, (change, now))| Item {
            number,
            change,
            now,
        })
        .collect();
    let mut results = Results {
        applied: vec![false; items.len()],
        written: BTreeMap::new(),
    };
    for item in &items {
        // Neither can be refused.
        results.applied[item.number] = matches!(
            item.change,
            Change::CountUse { .. } | Change::InsertProcesses(_)
        );
    }
    for step in plan::steps(&items) {
        match step {
            Step::Insert(processes) => {
                insert::processes(connection, processes.iter().map(|(_, process)| *process))?;
                for (number, _) in processes {
                    results.applied[number] = true;
                }
            }
            Step::Change(same) => {
                for number in process::change(connection, &same)? {
                    if let Some(applied) = results.applied.get_mut(number) {
                        *applied = true;
                    }
                }
            }
            Step::Count(more) => counts.add(more),
            Step::Alone(item) => {
                // It may make one of two rows, or delete one.
                counts.write(connection)?;
                alone(connection, item, &mut results)?;
            }
        }
    }
    Ok(results)
}

fn alone(connection: &mut Session, item: Item<'_>, results: &mut Results) -> QueryResult<()> {
    let now = item.now;
    let applied = match item.change {
        Change::InsertMachine(machine) => {
            let row = MachineRow::from(&**machine);
            insert::row(connection, "machine_machine", &MACHINE, &row)?;
            true
        }
        Change::InsertInterface(interface) => {
            let row = InterfaceRow::from(&**interface);
            insert::row(connection, "machine_networkinterface", &INTERFACE, &row)?;
            true
        }
        Change::InsertBinary(binary) => {
            let row = BinaryRow::from(&**binary);
            insert::row(connection, "machine_binary", &BINARY, &row)?;
            true
        }
        Change::SaveInterface(interface) => {
            let saved = insert::or_update_interface(connection, interface, now)?;
            results.written.insert(item.number, vec![saved.into()]);
            true
        }
        Change::SaveMachineFacts { id, facts } => update::facts(connection, *id, facts, now)?,
        Change::SaveMachineConfig { id, read, config } => {
            update::config(connection, *id, read.as_ref(), config, now)?
        }
        Change::UpdateBinary(binary) => binary::replace(connection, binary, now)?,
        Change::RequestBinary(request) => {
            let asked = binary::request(connection, request, now)?;
            results.written.insert(item.number, vec![asked.into()]);
            true
        }
        Change::ChangeBinary { id, change, owner } => {
            binary::change(connection, *id, change, *owner, now)?
        }
        Change::DeleteBinary(id) => delete::binary(connection, *id)?,
        Change::DeleteMachine(id) => delete::machine(connection, *id)?,
        Change::DeleteProcess(id) => delete::process(connection, *id)?,
        Change::PruneProcesses(ids) => {
            let deleted = delete::ended(connection, ids)?;
            let deleted = deleted.into_iter().map(RecordId::from).collect();
            results.written.insert(item.number, deleted);
            true
        }
        Change::Owner(change) => {
            owner::change(connection, change)?;
            true
        }
        Change::CountUse { .. }
        | Change::InsertProcess(_)
        | Change::InsertProcesses(_)
        | Change::ChangeProcess { .. } => false,
    };
    results.applied[item.number] = applied;
    Ok(())
}
