//! A file system on which files are made as on most machines: a journalled ext4 that is made for
//! the measurement and mounted from a file. Who is not root gets none, and measures where temporary
//! files are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::conditions::file_system_of;
use super::place::Place;

/// Its size; the file is sparse.
const BYTES: u64 = 4 << 30;

/// Where the work is done.
pub(super) struct Disk<'p> {
    place: &'p Place<'p>,
    mounted: Option<PathBuf>,
    /// Why it is no ext4 of its own.
    reason: Option<String>,
    /// What the file of one of its own lies on.
    below: String,
}

impl<'p> Disk<'p> {
    pub(super) fn make(place: &'p Place<'p>) -> Result<Self> {
        let mut disk = Self {
            place,
            mounted: None,
            reason: None,
            below: file_system_of(place.path())?,
        };
        match disk.mount() {
            Ok(mounted) => disk.mounted = Some(mounted),
            Err(error) => {
                eprintln!("    NO journalled ext4 of its own: {error:#}");
                disk.reason = Some(format!("{error:#}"));
            }
        }
        Ok(disk)
    }

    fn mount(&self) -> Result<PathBuf> {
        let image = self.place.path().join("disk.ext4");
        let directory = self.place.path().join("disk");
        fs::create_dir(&directory)?;
        fs::File::create(&image)?.set_len(BYTES)?;
        let make = self.place.program("mkfs.ext4").args("-q -F -O has_journal");
        make.arg(&image).output()?;
        let mount = self.place.program("mount").args("-o loop");
        mount.arg(&image).arg(&directory).output()?;
        Ok(directory)
    }

    /// Whose disk it is.
    pub(super) fn place(&self) -> &'p Place<'p> {
        self.place
    }

    /// Where it begins.
    pub(super) fn root(&self) -> &Path {
        self.mounted.as_deref().unwrap_or(self.place.path())
    }

    /// What it is, in words.
    pub(super) fn told(&self) -> String {
        match &self.reason {
            None => format!(
                "a journalled ext4, made for this and mounted from a file on {}",
                self.below
            ),
            Some(reason) => format!(
                "the file system of temporary files, see below, as no journalled ext4 could be made \
                 ({reason})"
            ),
        }
    }

    /// An empty directory; that of the round before goes.
    pub(super) fn fresh(&self) -> Result<PathBuf> {
        let directory = self.root().join("round");
        if directory.exists() {
            fs::remove_dir_all(&directory)
                .with_context(|| format!("{} cannot be removed", directory.display()))?;
        }
        fs::create_dir(&directory)?;
        Ok(directory)
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        if let Some(mounted) = &self.mounted
            && let Err(error) = self.place.program("umount").arg(mounted).output()
        {
            eprintln!("    {} stays mounted: {error:#}", mounted.display());
        }
    }
}
