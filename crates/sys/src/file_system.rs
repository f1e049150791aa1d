//! Which kind of file system a path lies on, as far as it matters to a database and locks.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// `FUSE_SUPER_MAGIC`: what is behind it only the mount table tells.
const FUSE: u32 = 0x6573_5546;

/// Magic numbers of file systems whose files other machines reach too (statfs(2), linux/magic.h).
const NETWORK: &[(u32, &str)] = &[
    (0x0000_6969, "nfs"),
    (0x0000_517B, "smb"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x5346_414F, "openafs"),
    (0x6B41_4653, "afs"),
    (0x00C3_6400, "ceph"),
    (0x0102_1997, "9p"),
    (0x0BD0_0BD0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x7375_7245, "coda"),
    (0x0000_564C, "ncp"),
    (0x1983_0326, "beegfs"),
    (0x2003_0528, "orangefs"),
    (0x0116_1970, "gfs2"),
    (0x7461_636F, "ocfs2"),
];

/// Types in the mount table, without `fuse.`, of FUSE file systems that reach over a network.
const NETWORK_FUSE: &[&str] = &[
    "sshfs",
    "glusterfs",
    "ceph",
    "ceph-fuse",
    "s3fs",
    "rclone",
    "gcsfuse",
    "goofys",
    "davfs",
    "curlftpfs",
    "juicefs",
    "moosefs",
    "mfs",
    "lizardfs",
    "seaweedfs",
    "blobfuse",
    "blobfuse2",
    "mount-s3",
    "smbnetfs",
    "afpfs",
    "hdfs",
    "cvmfs2",
    "geesefs",
    "nfs",
    "gvfsd-fuse",
];

/// A file system, known by its magic number and, for FUSE, by its type in the mount table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystem {
    magic: u32,
    mount_type: Option<String>,
}

impl FileSystem {
    /// The one that `path` lies on.
    ///
    /// # Errors
    /// When the path or, for FUSE, `/proc/self/mountinfo` cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        // Its low 32 bits are the magic on every architecture; the type of f_type differs.
        let magic = rustix::fs::statfs(path)?.f_type as u32;
        let mount_type = if magic == FUSE {
            let device = fs::metadata(path)?.dev();
            mount_type(&fs::read(MOUNT_TABLE)?, device)
        } else {
            None
        };
        Ok(Self { magic, mount_type })
    }

    /// From what statfs(2) and the mount table said.
    #[must_use]
    pub fn from_parts(magic: u32, mount_type: Option<String>) -> Self {
        Self { magic, mount_type }
    }

    /// Whether other machines can have the same files open: locks and shared memory between
    /// processes do not work there as a database in WAL mode needs them.
    #[must_use]
    pub fn is_network(&self) -> bool {
        self.network_name().is_some()
    }

    /// What it is called, or its magic number when it has no name here.
    #[must_use]
    pub fn name(&self) -> String {
        if let Some(name) = self.network_name().or(self.mount_type.as_deref()) {
            return name.to_owned();
        }
        format!("{:#x}", self.magic)
    }

    fn network_name(&self) -> Option<&str> {
        if self.magic == FUSE {
            let kind = self.mount_type.as_deref()?;
            let plain = kind.strip_prefix("fuse.").unwrap_or(kind);
            return NETWORK_FUSE.contains(&plain).then_some(kind);
        }
        let found = NETWORK.iter().find(|(magic, _)| *magic == self.magic);
        found.map(|(_, name)| *name)
    }
}

const MOUNT_TABLE: &str = "/proc/self/mountinfo";

/// The type of the mount with this device number in a mount table (proc_pid_mountinfo(5)).
///
/// Mount points can be any bytes, so the lines are read as bytes.
fn mount_type(table: &[u8], device: u64) -> Option<String> {
    let wanted = format!(
        "{}:{}",
        rustix::fs::major(device),
        rustix::fs::minor(device)
    );
    table.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        if fields.nth(2)? != wanted.as_bytes() {
            return None;
        }
        // Optional fields end with a lone hyphen; the type follows.
        let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
        Some(String::from_utf8_lossy(kind).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        40 22 0:35 / /mnt/a\xff rw,nosuid shared:7 master:1 - fuse.sshfs me@host:/ rw,user_id=0\n\
        41 22 0:36 / /mnt/b rw - fuse.ntfs-3g /dev/sdb1 rw\n";

    #[test]
    fn network_file_systems_are_known_by_their_magic() {
        for (magic, name) in [(0x6969, "nfs"), (0xFF53_4D42, "cifs"), (0x0102_1997, "9p")] {
            let found = FileSystem::from_parts(magic, None);
            assert!(found.is_network(), "{name}");
            assert_eq!(found.name(), name);
        }
        // ext4, tmpfs, overlayfs, btrfs, xfs
        for magic in [0xEF53, 0x0102_1994, 0x794C_7630, 0x9123_683E, 0x5846_5342] {
            assert!(
                !FileSystem::from_parts(magic, None).is_network(),
                "{magic:x}"
            );
        }
    }

    #[test]
    fn fuse_is_judged_by_its_type_in_the_mount_table() {
        let of = |minor| {
            let device = rustix::fs::makedev(0, minor);
            FileSystem::from_parts(FUSE, mount_type(TABLE, device))
        };
        assert!(of(35).is_network());
        assert_eq!(of(35).name(), "fuse.sshfs");
        assert!(!of(36).is_network());
        assert_eq!(of(36).name(), "fuse.ntfs-3g");
        assert!(!of(99).is_network());
    }

    #[test]
    fn the_file_system_of_a_real_path_is_found_and_a_missing_one_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let found = FileSystem::of(directory.path()).unwrap();
        assert_ne!(found.magic, 0);
        let missing = FileSystem::of(&directory.path().join("missing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
