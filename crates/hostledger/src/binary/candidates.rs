//! What a process may run, by its command and its variables.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use hostledger_model::Process;

const SUFFIX: &str = "_BINARY";
const SCRIPTS: [&str; 3] = ["js", "py", "sh"];

/// Paths and names of what a process may run, the likeliest first: what the variables of its
/// plugin say, of a script for Node what that is, and its command.
pub(super) fn candidates(process: &Process, environment: &[(OsString, OsString)]) -> Vec<String> {
    let mut candidates = Vec::new();
    if let Some(script) = hook_of(process) {
        let text = |(key, value): &'_ (OsString, OsString)| {
            Some((key.to_str()?.to_owned(), value.to_str()?.to_owned()))
        };
        if let Some(plugin) = plugin_of(script) {
            let (first, beginning) = (format!("{plugin}{SUFFIX}"), format!("{plugin}_"));
            let is_its =
                |(key, _): &(String, String)| key.starts_with(&beginning) && key.ends_with(SUFFIX);
            let mut named: Vec<_> = environment.iter().filter_map(text).filter(is_its).collect();
            named.sort_by_key(|(key, _)| (*key != first, key.clone()));
            candidates.extend(named.into_iter().map(|(_, value)| value));
        }
        if script.extension().is_some_and(|it| it == "js") {
            let node = environment.iter().find(|(key, _)| key == "NODE_BINARY");
            candidates.extend(node.and_then(text).map(|(_, value)| value));
        }
    }
    candidates.extend(process.cmd.first().cloned());
    candidates.retain(|text| !text.is_empty());
    candidates
}

/// The script of a hook among the words of a command.
pub(super) fn hook_of(process: &Process) -> Option<&Path> {
    process.cmd.iter().map(Path::new).find(|part| is_hook(part))
}

fn is_hook(part: &Path) -> bool {
    let name = part.file_name().and_then(OsStr::to_str);
    let ending = part.extension().and_then(OsStr::to_str);
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

    use super::*;

    fn of(command: &[&str]) -> Vec<String> {
        let parts = command
            .iter()
            .map(|part| part.as_bytes().to_vec())
            .collect();
        let command = CommandLine::new(parts).unwrap();
        let draft = ProcessDraft::new(MachineId::generate(), command, b"/".to_vec());
        let words = SecretWords::default();
        let (process, _) = draft.into_process(&words, Timestamp::now()).unwrap();
        let environment = [
            ("CHROME_A_BINARY", "a"),
            ("CHROME_BINARY", "/opt/chrome"),
            ("CHROME_NUMBER", "7"),
            ("OTHER_BINARY", "other"),
            ("NODE_BINARY", "/opt/node"),
        ];
        let environment = environment.map(|(key, value)| (key.into(), value.into()));
        candidates(&process, &environment)
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
