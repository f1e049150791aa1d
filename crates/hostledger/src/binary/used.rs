//! The recorded program that a process runs.

use std::path::Path;

use hostledger_model::{Binary, Process, ProcessType};

use super::verify::{BinaryCheck, Drift};
use crate::{Ledger, LedgerError};

const SUFFIX: &str = "_BINARY";
const SCRIPTS: [&str; 3] = ["js", "py", "sh"];

impl Ledger {
    /// Says of a process that is to be launched which recorded program it runs, when that can be
    /// told, and whether that has changed since it was installed.
    ///
    /// # Errors
    /// It has changed and we are strict; or the database cannot be read.
    pub(crate) fn check_used(
        &self,
        process: &mut Process,
    ) -> Result<Option<BinaryCheck>, LedgerError> {
        let Some(binary) = self.used_by(process)? else {
            return Ok(None);
        };
        process.binary_id = Some(binary.id);
        let drift = self.file_drift(&binary);
        if drift == Drift::None {
            return Ok(None);
        }
        let check = BinaryCheck { binary, drift };
        if self.inner.strict {
            return Err(LedgerError::BinaryChanged {
                check: Box::new(check),
            });
        }
        tracing::warn!(id = %process.id, %check, "is launched all the same");
        Ok(Some(check))
    }

    fn used_by(&self, process: &Process) -> Result<Option<Binary>, LedgerError> {
        // What providers run is not a use of the program that they install.
        if process.process_type == ProcessType::Binary {
            return Ok(None);
        }
        if let Some(id) = process.binary_id {
            let binary = self.store().binary(id)?;
            return Ok(binary.filter(|it| it.is_valid() && it.machine_id == process.machine_id));
        }
        let (store, machine) = (self.store(), process.machine_id);
        for text in candidates(process) {
            let at_path = match text.contains('/') {
                true => store.valid_binary_at(machine, &text)?,
                false => None,
            };
            let found = match at_path {
                Some(binary) => Some(binary),
                None => store.valid_binary(machine, &text)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// Paths and names of what a process may run, the likeliest first: what the variables of its
/// plugin say, of a script for Node what that is, and its command.
fn candidates(process: &Process) -> Vec<String> {
    let variable = |key: &str| process.env.get(key).and_then(|value| value.as_str());
    let mut candidates = Vec::new();
    let script = process.cmd.iter().map(Path::new).find(|part| is_hook(part));
    if let Some(script) = script {
        if let Some(plugin) = plugin_of(script) {
            let first = format!("{plugin}{SUFFIX}");
            let mut keys: Vec<_> = process
                .env
                .keys()
                .filter(|key| key.starts_with(&format!("{plugin}_")) && key.ends_with(SUFFIX))
                .collect();
            keys.sort_by_key(|key| (**key != first, *key));
            candidates.extend(keys.into_iter().filter_map(|key| variable(key)));
        }
        if script.extension().is_some_and(|it| it == "js") {
            candidates.extend(variable("NODE_BINARY"));
        }
    }
    candidates.extend(process.cmd.first().map(String::as_str));
    candidates.retain(|text| !text.is_empty());
    candidates.into_iter().map(str::to_owned).collect()
}

fn is_hook(part: &Path) -> bool {
    let name = part.file_name().and_then(|name| name.to_str());
    let ending = part.extension().and_then(|ending| ending.to_str());
    name.is_some_and(|name| name.starts_with("on_"))
        && ending.is_some_and(|ending| SCRIPTS.contains(&ending))
}

/// The name of a hook's plugin as variables have it.
fn plugin_of(script: &Path) -> Option<String> {
    let plugin = script.parent()?.file_name()?.to_str()?;
    let upper = plugin.to_ascii_uppercase();
    Some(upper.replace(|it: char| !it.is_ascii_alphanumeric(), "_"))
}

#[cfg(test)]
mod tests {
    use hostledger_model::{CommandLine, MachineId, ProcessDraft, SecretWords, Timestamp};
    use serde_json::json;

    use super::*;

    fn of(command: &[&str]) -> Vec<String> {
        let parts = command
            .iter()
            .map(|part| part.as_bytes().to_vec())
            .collect();
        let command = CommandLine::new(parts).unwrap();
        let mut draft = ProcessDraft::new(MachineId::generate(), command, b"/".to_vec());
        for (key, value) in [
            ("CHROME_BINARY", json!("/opt/chrome")),
            ("CHROME_A_BINARY", json!("a")),
            ("CHROME_NUMBER_BINARY", json!(7)),
            ("OTHER_BINARY", json!("other")),
            ("NODE_BINARY", json!("/opt/node")),
        ] {
            draft.env.insert(key.to_owned(), value);
        }
        let words = SecretWords::default();
        let (process, _) = draft.into_process(&words, Timestamp::now()).unwrap();
        candidates(&process)
    }

    #[test]
    fn a_hook_runs_what_its_plugin_names() {
        let hook = "/plugins/chrome/on_Crawl__90_chrome.daemon.bg.js";
        assert_eq!(
            of(&["node", hook]),
            ["/opt/chrome", "a", "/opt/node", "node"]
        );
        let hook = "/plugins/chrome/on_Crawl__90_chrome.py";
        assert_eq!(of(&["python3", hook]), ["/opt/chrome", "a", "python3"]);
    }

    #[test]
    fn anything_else_runs_its_command() {
        assert_eq!(of(&["git", "status"]), ["git"]);
        assert_eq!(of(&["/usr/bin/git"]), ["/usr/bin/git"]);
    }
}
