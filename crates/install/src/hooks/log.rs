//! The log of a hook, which holds what earlier runs have printed as well.

use std::fs::{self, File};
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::path::Path;

use hostledger_model::Process;
use rustix::io::Errno;

use super::{Hook, HookOutput};

/// Where the logs of hooks are in their working directory, each in a directory of its name.
const LOGS: &str = ".hooks";
const STDOUT: &str = "stdout.log";

/// What there was of a hook's log before a run of it.
#[derive(Debug, Clone, Copy)]
pub struct LogBegin(u64);

impl LogBegin {
    /// Of a log that nobody has written to.
    pub const NEW: Self = Self(0);

    /// To be asked before the hook is started in this working directory.
    #[must_use]
    pub fn now(directory: &Path, hook: &Hook) -> Self {
        let log = directory.join(LOGS).join(&hook.name).join(STDOUT);
        Self(fs::symlink_metadata(log).map_or(0, |found| found.len()))
    }

    /// The records of the run, which has ended as `process` says, in its log.
    ///
    /// # Errors
    /// The log cannot be read from there on.
    pub fn records(self, log: File, process: &Process) -> io::Result<HookOutput<BufReader<File>>> {
        Ok(HookOutput::new(self.open(log, process)?))
    }

    /// The output of the run.
    pub(super) fn open(self, mut log: File, process: &Process) -> io::Result<BufReader<File>> {
        // Of a log that has a bound the front is cut off, or a hole.
        let begin = self
            .0
            .saturating_sub(process.stdout_dropped.unwrap_or_default());
        match rustix::fs::seek(&log, rustix::fs::SeekFrom::Data(begin)) {
            Ok(_) => {}
            // There is no data from there on.
            Err(Errno::NXIO) => drop(log.seek(SeekFrom::End(0))?),
            // A file system that knows no holes.
            Err(_) => drop(log.seek(SeekFrom::Start(begin))?),
        }
        Ok(BufReader::new(log))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::hooks::{EventName, Mode};
    use hostledger_model::{CommandLine, MachineId, ProcessDraft, SecretWords, Timestamp};

    fn hook() -> Hook {
        Hook {
            event: EventName::binary_request(),
            plugin: "a".to_owned(),
            name: "on_X__10_a.sh".to_owned(),
            path: "/p/a/on_X__10_a.sh".into(),
            mode: Mode::Foreground,
            loose: false,
        }
    }

    fn process(dropped: Option<u64>) -> Process {
        let command = CommandLine::new(vec![b"x".to_vec()]).unwrap();
        let draft = ProcessDraft::new(MachineId::generate(), command, b"/".to_vec());
        let made = draft.into_process(&SecretWords::default(), Timestamp::now());
        let mut process = made.unwrap().0;
        process.stdout_dropped = dropped;
        process
    }

    fn types(begin: LogBegin, log: File, dropped: Option<u64>) -> Vec<String> {
        let records = begin.records(log, &process(dropped)).unwrap();
        records
            .map(|record| record.unwrap()["type"].to_string())
            .collect()
    }

    #[test]
    fn what_earlier_runs_have_printed_is_not_read_again() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(LogBegin::now(place.path(), &hook()).0, 0);
        let directory = place.path().join(".hooks/on_X__10_a.sh");
        fs::create_dir_all(&directory).unwrap();
        let log = directory.join("stdout.log");
        fs::write(&log, "{\"type\":1}\n").unwrap();
        let begin = LogBegin::now(place.path(), &hook());
        let open = || File::open(&log).unwrap();
        assert!(types(begin, open(), None).is_empty());
        let mut file = File::options().append(true).open(&log).unwrap();
        file.write_all(b"{\"type\":2}\n").unwrap();
        assert_eq!(types(begin, open(), None), ["2"]);
    }

    #[test]
    fn a_log_that_has_lost_its_front_is_read_from_what_is_left() {
        let mut cut = tempfile::tempfile().unwrap();
        cut.write_all(b"half\"}\n{\"type\":3}\n").unwrap();
        cut.rewind().unwrap();
        assert_eq!(types(LogBegin(100), cut, Some(5000)), ["3"]);
        let mut holed = tempfile::tempfile().unwrap();
        holed.seek(SeekFrom::Start(1 << 30)).unwrap();
        holed.write_all(b"half\"}\n{\"type\":4}\n").unwrap();
        assert_eq!(types(LogBegin(0), holed, Some(1 << 30)), ["4"]);
    }
}
