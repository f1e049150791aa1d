//! What is looked at before a recorded program is started.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use hostledger_install::Digests;
use hostledger_model::{Binary, Process};

use super::used::{InstalledPrograms, Launching, Recorded, Used};
use super::verify::{BinaryCheck, Drift, file_drift};
use crate::{Ledger, LedgerError};

/// Tells which recorded program a process runs, and whether that is what it was.
pub(crate) struct Guard {
    pub(crate) digests: Arc<Digests>,
    /// Whether what has changed is not started.
    pub(crate) strict: bool,
    /// Where installed programs are linked.
    pub(crate) lib_bin: PathBuf,
}

impl Guard {
    /// Puts into the row of a process which recorded program it runs; what has changed of that
    /// since it was installed.
    ///
    /// # Errors
    /// It has changed and we are strict; or it cannot be looked up.
    pub(crate) fn check(
        &self,
        process: &mut Process,
        environment: &[(OsString, OsString)],
        installed: &dyn InstalledPrograms,
    ) -> Result<Option<BinaryCheck>, LedgerError> {
        let launching = Launching {
            process,
            environment,
            lib_bin: &self.lib_bin,
        };
        let (binary, drift, used) = match launching.uses(installed)? {
            Used::Nothing => return Ok(None),
            Used::Program(binary) => {
                let drift = file_drift(&self.digests, &binary);
                let used = Some(binary.id);
                (binary, drift, used)
            }
            // That there is no link is told of nobody but those who are strict: records of others
            // have none.
            Used::Another { by_link: false, .. } if !self.strict => {
                process.binary_id = None;
                return Ok(None);
            }
            Used::Another { binary, found, .. } => {
                let found = found.to_string_lossy().into_owned();
                (binary, Drift::Another { found }, None)
            }
        };
        process.binary_id = used;
        if drift == Drift::None {
            return Ok(None);
        }
        let check = BinaryCheck {
            binary: Binary::clone(&binary),
            drift,
        };
        if self.strict {
            return Err(LedgerError::BinaryChanged {
                check: Box::new(check),
            });
        }
        tracing::warn!(id = %process.id, %check, "is launched all the same");
        Ok(Some(check))
    }
}

impl Ledger {
    /// What looks at programs before they are started.
    pub(crate) fn guard(&self) -> Result<Guard, LedgerError> {
        Ok(Guard {
            digests: Arc::clone(&self.inner.digests),
            strict: self.inner.strict,
            lib_bin: self.writable_data_dir()?.lib_bin(),
        })
    }

    /// Says of a process that is to be launched which recorded program it runs, and what has
    /// changed of that; see [`Guard::check`].
    ///
    /// # Errors
    /// It has changed and we are strict; or the database cannot be read.
    pub(crate) fn check_used(
        &self,
        process: &mut Process,
        environment: &[(OsString, OsString)],
    ) -> Result<Option<BinaryCheck>, LedgerError> {
        let recorded = Recorded {
            store: self.store(),
            machine: process.machine_id,
        };
        self.guard()?.check(process, environment, &recorded)
    }
}
