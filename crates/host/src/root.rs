//! The directory that stands for `/`, and the only way this crate reads files.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tracing::{debug, trace};

/// No file read here is longer on a healthy host; the rest of one that is stays unread.
const FILE_LIMIT: u64 = 1 << 20;

/// Room for a whole sysfs file (one page at most) or a usual procfs file in one read.
const FIRST_READ: usize = 8 << 10;

/// The directory below which a host's `/proc`, `/sys`, `/etc`, `/run` … are read.
///
/// `/` for the host itself, the directory of a recorded tree in tests and when looking into
/// another machine's files. A recorded tree holds plain files: an absolute symbolic link in it
/// would lead out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRoot {
    directory: PathBuf,
}

impl HostRoot {
    /// Reads below `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    fn locate(&self, path: &str) -> PathBuf {
        self.directory.join(path.trim_start_matches('/'))
    }

    /// The first `limit` bytes of a file; `None`, told by tracing, when it cannot be read.
    pub(crate) fn head(&self, path: &str, limit: u64) -> Option<Vec<u8>> {
        match read_regular(&self.locate(path), limit) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                trace!(path, "no such file");
                None
            }
            Err(error) => {
                debug!(path, %error, "cannot read file");
                None
            }
        }
    }

    pub(crate) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.head(path, FILE_LIMIT)
    }

    /// The text of a file, with what is not UTF-8 replaced.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.bytes(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The text of a file that holds one value, trimmed; `None` when nothing is left of it.
    pub(crate) fn value(&self, path: &str) -> Option<String> {
        let text = self.text(path)?;
        let value = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!value.is_empty()).then(|| value.to_owned())
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.locate(path).exists()
    }

    /// The names in a directory, unsorted; none when it cannot be read.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        match std::fs::read_dir(self.locate(path)) {
            Ok(entries) => entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect(),
            Err(error) => {
                trace!(path, %error, "cannot list directory");
                Vec::new()
            }
        }
    }

    /// The last component of what a symbolic link points to; `None` when it is no link.
    pub(crate) fn link_target_name(&self, path: &str) -> Option<String> {
        let target = std::fs::read_link(self.locate(path)).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }
}

/// Opened without blocking and only if regular: a FIFO left at a well-known path must not hold up
/// the caller for ever.
fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    // One read for most files; procfs tells no size at all.
    let size = usize::try_from(metadata.len().min(limit)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(size.max(FIRST_READ));
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_with(name: &str, content: &[u8]) -> (tempfile::TempDir, HostRoot) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), content).unwrap();
        let root = HostRoot::new(directory.path());
        (directory, root)
    }

    #[test]
    fn reads_no_more_than_the_limit() {
        let (_guard, root) = root_with("huge", &vec![b'x'; 3 << 20]);
        assert_eq!(root.bytes("/huge").unwrap().len() as u64, FILE_LIMIT);
        assert_eq!(root.head("/huge", 10).unwrap().len(), 10);
    }

    #[test]
    fn a_fifo_and_a_directory_are_not_read() {
        let directory = tempfile::tempdir().unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            directory.path().join("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let root = HostRoot::new(directory.path());
        assert_eq!(root.text("/fifo"), None);
        assert_eq!(root.text("/"), None);
    }

    #[test]
    fn a_value_is_trimmed_and_never_empty() {
        let (_guard, root) = root_with("value", b" QEMU\n");
        assert_eq!(root.value("/value").as_deref(), Some("QEMU"));
        let (_guard, root) = root_with("value", b" \n\0");
        assert_eq!(root.value("/value"), None);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let (_guard, root) = root_with("value", b"a\xff");
        assert_eq!(root.text("/value").as_deref(), Some("a\u{fffd}"));
    }
}
