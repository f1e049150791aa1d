//! Records of network interfaces.

use hostledger_model::Timestamp;
use hostledger_model::json::{InterfaceRecord, RecordType};
use hostledger_store::{Change, Commit, RecordId};

use super::{Import, Imported, refused};
use crate::LedgerError;

impl Import {
    /// Written to the row of the same fingerprint, or as a new one: what stood there under another
    /// fingerprint stays as history.
    pub(super) fn take_interface(
        &mut self,
        record: InterfaceRecord,
    ) -> Result<Imported, LedgerError> {
        let store = self.ledger.store();
        let here = self.ledger.current_machine()?.id;
        let theirs = record.id;
        let now = Timestamp::now();
        let mut interface = match record.into_interface(here, now) {
            Ok(interface) => interface,
            Err(reason) => return Ok(refused(&reason)),
        };
        if store.machine(interface.machine_id)?.is_none() {
            interface.machine_id = here;
        }
        let (machine, facts) = (interface.machine_id, &interface.facts);
        let known = store.interface_by_fingerprint(machine, facts)?;
        let mut id = known.as_ref().map_or(interface.id, |it| it.id);
        let result = match known {
            Some(known) if known.facts == *facts => Imported::Unchanged,
            Some(_) => Imported::Updated,
            None => Imported::Created,
        };
        let result = result(RecordType::NetworkInterface);
        if !matches!(result, Imported::Unchanged(_)) {
            if matches!(result, Imported::Created(_)) && store.interface(id)?.is_some() {
                interface.id = hostledger_model::InterfaceId::generate();
                id = interface.id;
            }
            let save = Change::SaveInterface(Box::new(interface));
            if let Commit::Applied(written) = store.submit(now, vec![save]).wait()?
                && let Some(RecordId::Interface(saved)) = written.first()
            {
                id = *saved;
            }
        }
        self.interfaces.extend(theirs.map(|theirs| (theirs, id)));
        Ok(result)
    }
}
