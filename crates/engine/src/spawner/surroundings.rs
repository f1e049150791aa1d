//! What programs are given that is the same for many of them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hostledger_process::{Ambient, LogDirectory, LogError};

/// How long what was looked up is good for programs of a queue: those that are started in the same
/// moment have the same surroundings.
const GOOD_FOR: Duration = Duration::from_millis(100);

/// What was looked up for the last program.
#[derive(Default)]
pub(super) struct Surroundings {
    ambient: Option<(Instant, Ambient)>,
    directory: Option<(Instant, PathBuf, LogDirectory)>,
    null: Option<File>,
}

impl Surroundings {
    /// What programs inherit from us.
    pub(super) fn ambient(&mut self) -> io::Result<&Ambient> {
        let known = self.ambient.take().filter(|(since, _)| is_good(*since));
        let known = match known {
            Some(known) => known,
            None => (Instant::now(), Ambient::read()?),
        };
        Ok(&self.ambient.insert(known).1)
    }

    /// The directory of logs.
    pub(super) fn directory(&mut self, path: &Path) -> Result<&LogDirectory, LogError> {
        let known = self.directory.take();
        let known = known.filter(|(since, of, _)| is_good(*since) && of == path);
        let known = match known {
            Some(known) => known,
            None => (Instant::now(), path.to_owned(), LogDirectory::open(path)?),
        };
        Ok(&self.directory.insert(known).2)
    }

    /// What programs read that are given nothing to read.
    pub(super) fn null(&mut self) -> io::Result<File> {
        let null = match &mut self.null {
            Some(null) => null,
            none => none.insert(File::open("/dev/null")?),
        };
        null.try_clone()
    }
}

fn is_good(since: Instant) -> bool {
    since.elapsed() < GOOD_FOR
}
