//! Where providers look for programs and put them: this host as it is now.

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;

use hostledger_engine::install::Installer;
use hostledger_install::{PROVIDER_TIMEOUT, Place, Providers, USUAL_PATH};
use serde_json::Value;

use crate::ledger::WithKeeper;
use crate::{Ledger, LedgerError};

const BINARY_SUFFIX: &str = "_BINARY";

impl Ledger {
    /// What drives binaries of this ledger.
    pub(crate) fn installer(&self, providers: Arc<Providers>) -> Result<Installer, LedgerError> {
        Ok(Installer {
            bystander: self.bystander()?,
            owner: self.supervision(WithKeeper::Now)?.owner(),
            providers,
            place: self.place()?,
            digests: Arc::clone(&self.inner.digests),
            time: PROVIDER_TIMEOUT,
        })
    }

    pub(crate) fn place(&self) -> Result<Place, LedgerError> {
        let data = self.writable_data_dir()?.path().to_owned();
        let is_named = |(key, value): (&String, &Value)| {
            let value = value.as_str().filter(|_| key.ends_with(BINARY_SUFFIX))?;
            Some((key.clone(), value.to_owned()))
        };
        let configured = self.current_machine()?.config_object();
        let mut named: BTreeMap<String, String> = configured.iter().filter_map(is_named).collect();
        named.extend(env::vars_os().filter_map(|(key, value)| {
            let key = key.into_string().ok()?;
            let value = value.into_string().ok().filter(|value| !value.is_empty())?;
            key.ends_with(BINARY_SUFFIX).then_some((key, value))
        }));
        let search_path = env::var_os("PATH").filter(|path| !path.is_empty());
        Ok(Place {
            data,
            search_path: search_path.unwrap_or_else(|| USUAL_PATH.into()),
            named,
            is_root: rustix::process::geteuid().is_root(),
        })
    }
}
