//! Logs that are not wanted any more.

use std::io::{self, Read as _};
use std::ops::AddAssign;
use std::path::Path;

use rustix::fs::{AtFlags, OFlags, statat, unlinkat};
use rustix::io::Errno;

use super::program_directory::{PID_FILE, SCRIPT};
use super::{LogDirectory, LogError, ProgramDirectory, Stream, log_file_name};

/// Whether files are removed, or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// They are counted and stay.
    Look,
    /// They are counted and go.
    Remove,
}

/// Files that were removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many.
    pub files: u64,
    /// What they take of the disk, in bytes.
    pub bytes: u64,
}

impl AddAssign for Removed {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
    }
}

impl LogDirectory {
    /// Removes the logs of a stem. What is gone already is no error; a symbolic link that somebody
    /// put in the place of one is removed itself, not what it leads to.
    ///
    /// # Errors
    /// [`LogError::Remove`].
    pub fn remove(&self, stem: &str, removal: Removal) -> Result<Removed, LogError> {
        let mut removed = Removed::default();
        for stream in [Stream::Stdout, Stream::Stderr] {
            removed += self.remove_file(&log_file_name(stem, stream), removal)?;
        }
        Ok(removed)
    }

    fn remove_file(&self, name: &str, removal: Removal) -> Result<Removed, LogError> {
        let unlink = || {
            let found = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if removal == Removal::Remove {
                unlinkat(&self.directory, name, AtFlags::empty())?;
            }
            Ok(found)
        };
        match unlink() {
            Ok(found) => Ok(Removed {
                files: 1,
                // In units of 512 bytes, whatever the file system's (stat(2)).
                bytes: found.st_blocks.unsigned_abs() * 512,
            }),
            Err(Errno::NOENT) => Ok(Removed::default()),
            Err(errno) => Err(self.failed(name, errno)),
        }
    }

    fn failed(&self, name: &str, errno: Errno) -> LogError {
        LogError::Remove {
            path: self.path.join(name),
            source: errno.into(),
        }
    }
}

impl ProgramDirectory {
    /// Removes the logs and the script of `path` in the working directory, and the directories that
    /// are empty then, but for the working directory itself: when its script is `script` still and
    /// nobody runs there. Else they are another program's by now, and stay.
    ///
    /// # Errors
    /// See [`LogError`]. A directory that is gone is none.
    pub fn remove(
        working_directory: &Path,
        path: &str,
        script: &[u8],
        removal: Removal,
    ) -> Result<Removed, LogError> {
        let directory = match Self::open(working_directory, path) {
            Ok(directory) => directory,
            Err(LogError::Directory { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(Removed::default());
            }
            Err(error) => return Err(error),
        };
        if !directory.is_still_of(script)? {
            return Ok(Removed::default());
        }
        let mut removed = directory.logs().remove("", removal)?;
        removed += directory.logs().remove_file(SCRIPT, removal)?;
        if removal == Removal::Remove {
            remove_empty(working_directory, Path::new(path))?;
        }
        Ok(removed)
    }

    fn is_still_of(&self, script: &[u8]) -> Result<bool, LogError> {
        let logs = self.logs();
        match statat(&logs.directory, PID_FILE, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => {}
            Ok(_) => return Ok(false),
            Err(errno) => return Err(logs.failed(PID_FILE, errno)),
        }
        let file = match logs.open_plain(SCRIPT, OFlags::RDONLY) {
            Ok(file) => file,
            Err(LogError::Create { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        file.take(script.len() as u64 + 1)
            .read_to_end(&mut found)
            .map_err(|source| LogError::Read {
                path: logs.path.join(SCRIPT),
                source,
            })?;
        Ok(found == script)
    }
}

/// Removes directories below the working directory, the deepest first, as long as they are empty.
fn remove_empty(working_directory: &Path, inside: &Path) -> Result<(), LogError> {
    let mut inside = inside;
    while let (Some(parent), Some(name)) = (inside.parent(), inside.file_name()) {
        let parent_text = parent.to_str().unwrap_or_default();
        let directory = ProgramDirectory::open(working_directory, parent_text)?;
        let logs = directory.logs();
        match unlinkat(&logs.directory, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) => break,
            Err(errno) => return Err(logs.failed(&name.to_string_lossy(), errno)),
        }
        inside = parent;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_logs_of_a_stem_go_and_no_others() {
        let place = tempfile::tempdir().unwrap();
        let logs = LogDirectory::open(place.path()).unwrap();
        for stem in ["a.1", "a.11", "b.1"] {
            logs.create(stem).unwrap();
        }
        fs::write(place.path().join("a.1.stdout.log"), vec![b'x'; 10_000]).unwrap();
        let counted = logs.remove("a.1", Removal::Look).unwrap();
        assert_eq!(names(place.path()).len(), 6);
        let removed = logs.remove("a.1", Removal::Remove).unwrap();
        assert_eq!((removed, removed.files), (counted, 2));
        assert!(removed.bytes >= 10_000);
        assert!(names(place.path()).iter().all(|it| !it.starts_with("a.1.")));
        assert_eq!(names(place.path()).len(), 4);
        assert_eq!(
            logs.remove("a.1", Removal::Remove).unwrap(),
            Removed::default()
        );
    }

    #[test]
    fn a_planted_link_goes_and_what_it_leads_to_stays() {
        let place = tempfile::tempdir().unwrap();
        let precious = place.path().join("precious");
        fs::write(&precious, "mine").unwrap();
        symlink(&precious, place.path().join("a.stdout.log")).unwrap();
        fs::create_dir(place.path().join("a.stderr.log")).unwrap();
        let logs = LogDirectory::open(place.path()).unwrap();
        let refused = logs.remove("a", Removal::Remove);
        assert!(
            matches!(refused, Err(LogError::Remove { .. })),
            "{refused:?}"
        );
        assert_eq!(names(place.path()), ["a.stderr.log", "precious"]);
        assert_eq!(fs::read_to_string(precious).unwrap(), "mine");
    }

    #[test]
    fn a_directory_of_its_own_goes_when_nobody_else_has_it() {
        const HOOK: &str = ".hooks/on_a.py";
        let place = tempfile::tempdir().unwrap();
        let remove = |script: &[u8]| {
            ProgramDirectory::remove(place.path(), HOOK, script, Removal::Remove).unwrap()
        };
        assert_eq!(remove(b"gone"), Removed::default());
        let directory = ProgramDirectory::create(place.path(), HOOK).unwrap();
        directory.append().unwrap();
        directory.write_script(b"latest").unwrap();
        assert_eq!(remove(b"older"), Removed::default());
        let pid_file = place.path().join(HOOK).join("process.pid");
        fs::write(&pid_file, "1\n").unwrap();
        assert_eq!(remove(b"latest"), Removed::default(), "somebody runs there");
        fs::remove_file(pid_file).unwrap();
        fs::write(place.path().join(HOOK).join("result.json"), "").unwrap();
        assert_eq!(remove(b"latest").files, 3);
        assert_eq!(names(&place.path().join(HOOK)), ["result.json"]);

        fs::remove_file(place.path().join(HOOK).join("result.json")).unwrap();
        directory.append().unwrap();
        directory.write_script(b"latest").unwrap();
        assert_eq!(remove(b"latest").files, 3);
        assert_eq!(names(place.path()), [""; 0], "empty directories go as well");

        let here = ProgramDirectory::create(place.path(), ".").unwrap();
        here.append().unwrap();
        here.write_script(b"x").unwrap();
        let removed = ProgramDirectory::remove(place.path(), ".", b"x", Removal::Remove).unwrap();
        assert_eq!(removed.files, 3);
        assert!(place.path().exists());
    }
}
