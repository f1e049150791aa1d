//! Rows of `hostledger_owner`.

use diesel::QueryResult;
use diesel::sql_types::{Nullable, Text};
use hostledger_model::{MachineId, OwnerId};

use super::session::Session;
use super::sql::{Parameter, Sql, sql};
use crate::change::OwnerChange;
use crate::table::OwnerRow;

type Columns = (Text, Text, Nullable<Text>, Nullable<Text>, Text, Text);

const SELECT: &str = "SELECT encode(uuid_send(id), 'hex'), encode(uuid_send(machine_id), 'hex'),
    data_dir, mark, to_char(started_at, 'YYYY-MM-DD HH24:MI:SS.US'),
    to_char(seen_at, 'YYYY-MM-DD HH24:MI:SS.US') FROM hostledger_owner";

pub(super) fn by_id(connection: &mut Session, id: OwnerId) -> QueryResult<Vec<OwnerRow>> {
    load(connection, "WHERE id = ?::uuid", &id.simple())
}

pub(super) fn of_machine(
    connection: &mut Session,
    machine: MachineId,
) -> QueryResult<Vec<OwnerRow>> {
    let rest = "WHERE machine_id = ?::uuid ORDER BY started_at, id";
    load(connection, rest, &machine.simple())
}

fn load(connection: &mut Session, rest: &str, id: &str) -> QueryResult<Vec<OwnerRow>> {
    let query: Sql<Columns> = sql(format!("{SELECT} {rest}"), vec![Parameter::text(id)]);
    query.load(connection)
}

pub(super) fn change(connection: &mut Session, change: &OwnerChange) -> QueryResult<()> {
    match change {
        OwnerChange::Seen(record) => {
            let row = OwnerRow::from(&**record);
            let one = |text: Option<String>| Parameter::texts([text].into_iter());
            let texts = [
                Some(row.id),
                Some(row.machine_id),
                row.data_dir,
                row.mark,
                Some(row.started_at),
                Some(row.seen_at),
            ];
            let text = "INSERT INTO hostledger_owner
                    (id, machine_id, data_dir, mark, started_at, seen_at)
                SELECT * FROM unnest(?::uuid[], ?::uuid[], ?, ?, ?::timestamptz[],
                    ?::timestamptz[])
                ON CONFLICT (id) DO UPDATE SET seen_at = EXCLUDED.seen_at";
            sql::<()>(text, texts.map(one).into()).execute(connection)?;
        }
        OwnerChange::Gone { id, machine } => {
            let text = "DELETE FROM hostledger_owner o WHERE id = ?::uuid
                AND NOT EXISTS (SELECT FROM machine_process p WHERE p.owner = o.id
                    AND p.machine_id = ?::uuid AND p.status <> 'exited')
                AND NOT EXISTS (SELECT FROM machine_binary b WHERE b.owner = o.id)";
            let parameters = [id.simple(), machine.simple()].map(|id| Parameter::text(&id));
            sql::<()>(text, parameters.into()).execute(connection)?;
        }
    }
    Ok(())
}
