//! Rows of `hostledger_owner`.

use diesel::prelude::*;
use hostledger_model::{MachineId, OwnerId};

use super::schema::{binary, owner, process};
use crate::change::OwnerChange;
use crate::table::OwnerRow;

pub(super) fn by_id(
    connection: &mut SqliteConnection,
    id: OwnerId,
) -> QueryResult<Option<OwnerRow>> {
    owner::table
        .find(id.simple())
        .select(OwnerRow::as_select())
        .get_result(connection)
        .optional()
}

pub(super) fn of_machine(
    connection: &mut SqliteConnection,
    machine: MachineId,
) -> QueryResult<Vec<OwnerRow>> {
    owner::table
        .filter(owner::machine_id.eq(machine.simple()))
        .order((owner::started_at, owner::id))
        .select(OwnerRow::as_select())
        .load(connection)
}

pub(super) fn change(connection: &mut SqliteConnection, change: &OwnerChange) -> QueryResult<()> {
    match change {
        OwnerChange::Seen(record) => {
            let row = OwnerRow::from(&**record);
            diesel::insert_into(owner::table)
                .values(&row)
                .on_conflict(owner::id)
                .do_update()
                .set(&row)
                .execute(connection)?;
        }
        OwnerChange::Gone { id, machine } => {
            let id = id.simple();
            let has_processes = process::table
                .filter(process::machine_id.eq(machine.simple()))
                .filter(process::owner.eq(&id))
                .filter(process::status.ne("exited"));
            let has_binaries = binary::table.filter(binary::owner.eq(&id));
            diesel::delete(owner::table.find(&id))
                .filter(diesel::dsl::not(diesel::dsl::exists(has_processes)))
                .filter(diesel::dsl::not(diesel::dsl::exists(has_binaries)))
                .execute(connection)?;
        }
    }
    Ok(())
}
