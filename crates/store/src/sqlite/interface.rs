//! Finding network interfaces.

use diesel::prelude::*;
use hostledger_model::{InterfaceId, MachineId, NetworkFacts};

use super::row::{Read, columns};
use super::schema::interface;
use crate::table::InterfaceRow;

pub(super) fn by_id(
    connection: &mut SqliteConnection,
    id: InterfaceId,
) -> QueryResult<Option<Read<InterfaceRow>>> {
    interface::table
        .find(id.simple())
        .select(columns::<InterfaceRow>())
        .first(connection)
        .optional()
}

/// Real files lack the unique index and hold duplicates: the one modified last is meant.
pub(super) fn by_fingerprint(
    connection: &mut SqliteConnection,
    machine: MachineId,
    facts: &NetworkFacts,
) -> QueryResult<Option<Read<InterfaceRow>>> {
    interface::table
        .filter(interface::machine_id.eq(machine.simple()))
        .filter(interface::ip_public.eq(&facts.ip_public))
        .filter(interface::ip_local.eq(&facts.ip_local))
        .filter(interface::mac_address.eq(&facts.mac_address))
        .filter(interface::dns_server.eq(&facts.dns_server))
        .order((interface::modified_at.desc(), interface::id.desc()))
        .select(columns::<InterfaceRow>())
        .first(connection)
        .optional()
}

pub(super) fn of_machine(
    connection: &mut SqliteConnection,
    machine: MachineId,
) -> QueryResult<Vec<Read<InterfaceRow>>> {
    interface::table
        .filter(interface::machine_id.eq(machine.simple()))
        .order((interface::created_at, interface::id))
        .select(columns::<InterfaceRow>())
        .load(connection)
}
