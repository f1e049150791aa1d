//! The network we are on.

use std::sync::Arc;

use chrono::TimeDelta;
use hostledger_host::{DetectedNetwork, Resolver};
use hostledger_model::{NetworkFacts, NetworkInterface, Timestamp};
use hostledger_store::{Change, Commit, RecordId};

use crate::{Ledger, LedgerError};

/// How long what was detected is trusted.
const TRUSTED_FOR: TimeDelta = TimeDelta::hours(1);

impl Ledger {
    /// The row of the network interface this host uses: detected at the first call and after an
    /// hour, or always with `refresh`. A changed fingerprint is a new row.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub fn current_interface(&self, refresh: bool) -> Result<NetworkInterface, LedgerError> {
        self.current_interface_by(&Arc::clone(&self.inner.resolver), refresh)
    }

    /// The same, asking another resolver than the ledger's.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub fn current_interface_by(
        &self,
        resolver: &Arc<dyn Resolver>,
        refresh: bool,
    ) -> Result<NetworkInterface, LedgerError> {
        let machine = self.current_machine()?;
        let now = Timestamp::now();
        let fresh = |interface: &NetworkInterface| {
            let age = now.since(interface.modified_at);
            let fresh = age < TRUSTED_FOR && age > -TRUSTED_FOR;
            interface.machine_id == machine.id && fresh
        };
        let mut cache = self.lock(&self.inner.interface);
        if let Some(id) = *cache
            && !refresh
            && let Some(known) = self.store().interface(id)?
            && fresh(&known)
        {
            return Ok(known);
        }
        let facts = facts(self.inner.host.detect_network(resolver.as_ref())).cut();
        let known = self.store().interface_by_fingerprint(machine.id, &facts)?;
        let interface = match known {
            // As it stands, and lately so: nothing to write.
            Some(known) if !refresh && known.facts == facts && fresh(&known) => known,
            Some(known) if self.is_read_only() && !refresh => known,
            _ => self.save_interface(NetworkInterface::new(machine.id, facts, now), now)?,
        };
        *cache = Some(interface.id);
        Ok(interface)
    }

    fn save_interface(
        &self,
        interface: NetworkInterface,
        now: Timestamp,
    ) -> Result<NetworkInterface, LedgerError> {
        let change = Change::SaveInterface(Box::new(interface.clone()));
        let commit = self.store().submit(now, vec![change]).wait()?;
        // It is the row that was there when there was one of the same fingerprint.
        if let Commit::Applied(written) = commit
            && let Some(RecordId::Interface(id)) = written.first().copied()
            && let Some(written) = self.store().interface(id)?
        {
            return Ok(written);
        }
        Ok(interface)
    }
}

fn facts(detected: DetectedNetwork) -> NetworkFacts {
    NetworkFacts {
        mac_address: detected.mac_address,
        ip_public: detected.ip_public.to_string(),
        ip_local: detected.ip_local.to_string(),
        dns_server: detected.dns_server.to_string(),
        hostname: detected.hostname,
        iface: detected.iface,
        isp: detected.isp,
        city: detected.city,
        region: detected.region,
        country: detected.country,
    }
}
