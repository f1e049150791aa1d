//! A program to start, laid out so that another process can start it (memfd_create(2)).

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, Mode};
use rustix::process::{Resource, Rlimit};

use super::Session;
use super::limit::{LIMITS, Limit};
use crate::ambient::{Ambient, Credentials};

/// What a [`LaunchBlock`] is made of; as [`Spawn`](super::Spawn), but for the descriptors.
///
/// No `Debug`: the environment may hold secrets.
#[derive(Clone, Copy)]
pub struct BlockSpec<'a> {
    /// Files to try in this order.
    pub programs: &'a [CString],
    /// Its arguments, beginning with the name it is called by.
    pub arguments: &'a [CString],
    /// Its environment, complete.
    pub environment: &'a [CString],
    /// Its working directory.
    pub directory: &'a CStr,
    /// Where it lives.
    pub session: Session,
    /// Its file mode creation mask; the ambient one when `None`.
    pub umask: Option<Mode>,
    /// Its nice value; the ambient one when `None`.
    pub nice: Option<i32>,
    /// Its resource limits where they differ from the ambient ones.
    pub limits: &'a [(Resource, Rlimit)],
}

/// A launch in a file of memory, of which who starts it takes a copy.
#[derive(Debug)]
pub struct LaunchBlock {
    memory: OwnedFd,
    credentials: Credentials,
    tag: Option<u64>,
}

impl LaunchBlock {
    /// Lays a launch out: what the record wishes, on top of what we would hand down now.
    ///
    /// `tag` becomes the soft value of `RLIMIT_LOCKS`, unless the hard one forbids it.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn new(spec: &BlockSpec<'_>, ambient: &Ambient, tag: u64) -> io::Result<Self> {
        let (limits, tag) = limits(spec.limits, ambient, tag);
        let memory = write(&lay_out(spec, ambient, &limits, tag))?;
        Ok(Self {
            memory,
            credentials: ambient.credentials().clone(),
            tag,
        })
    }

    /// Who we acted as when it was made.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The tag that the program will have, if it can have one.
    #[must_use]
    pub fn tag(&self) -> Option<u64> {
        self.tag
    }
}

impl AsFd for LaunchBlock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }
}

/// The numbers at the beginning of a block; pointers, then texts follow. All offsets count from
/// the beginning of the block.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) magic: u64,
    pub(super) length: u64,
    pub(super) programs: u64,
    /// Followed by a null pointer, which is not counted.
    pub(super) arguments: u64,
    /// As the arguments.
    pub(super) environment: u64,
    pub(super) directory: u64,
    pub(super) session: u64,
    pub(super) umask: u64,
    /// The nice value plus [`NICE_BIAS`].
    pub(super) nice: u64,
    /// 0 for none.
    pub(super) tag: u64,
    pub(super) limits: [Limit; LIMITS],
}

pub(super) const HEADER_WORDS: usize = 10 + 3 * LIMITS;
const _: () = assert!(size_of::<Header>() == HEADER_WORDS * 8);

/// `hlblock1`.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"hlblock1");
pub(super) const NICE_BIAS: i32 = 64;

pub(super) const SESSIONS: [Session; 3] = [Session::Same, Session::New, Session::Terminal];

/// All limits, the wishes in their places, with the tag if the hard limit lets it be.
fn limits(
    wishes: &[(Resource, Rlimit)],
    ambient: &Ambient,
    tag: u64,
) -> ([Limit; LIMITS], Option<u64>) {
    let mut limits = ambient.limits.map(|limit| {
        let wish = wishes.iter().rfind(|(resource, _)| *resource == limit.0);
        Limit::new(wish.unwrap_or(&limit))
    });
    let wished = wishes
        .iter()
        .any(|(resource, _)| *resource == Resource::Locks);
    let mut set = None;
    for limit in &mut limits {
        let [soft, hard] = &mut limit.soft_and_hard;
        if limit.resource == Resource::Locks as u64 && !wished && tag <= *hard {
            *soft = tag;
            set = Some(tag);
        }
    }
    (limits, set)
}

fn lay_out(
    spec: &BlockSpec<'_>,
    ambient: &Ambient,
    limits: &[Limit; LIMITS],
    tag: Option<u64>,
) -> Vec<u8> {
    let session = (0..)
        .zip(SESSIONS)
        .find(|(_, session)| *session == spec.session);
    let lists = [spec.programs, spec.arguments, spec.environment];
    // Arguments and environment end with a null pointer.
    let pointers = lists.iter().map(|list| list.len()).sum::<usize>() + 2;
    let mut block = Block {
        words: Vec::with_capacity(HEADER_WORDS + pointers),
        texts: Vec::new(),
        texts_begin: (HEADER_WORDS + pointers) * 8,
    };
    let directory = block.text(spec.directory);
    let nice = spec.nice.unwrap_or(ambient.nice).saturating_add(NICE_BIAS);
    block.words.extend([
        MAGIC,
        0,
        spec.programs.len() as u64,
        spec.arguments.len() as u64,
        spec.environment.len() as u64,
        directory,
        session.map_or(0, |(number, _)| number),
        u64::from(spec.umask.unwrap_or(ambient.umask).as_raw_mode()),
        u64::from(nice.max(0).unsigned_abs()),
        tag.unwrap_or(0),
    ]);
    for limit in limits {
        block.words.push(limit.resource);
        block.words.extend(limit.soft_and_hard);
    }
    for program in spec.programs {
        block.pointer(program);
    }
    for list in [spec.arguments, spec.environment] {
        for text in list {
            block.pointer(text);
        }
        block.words.push(0);
    }
    block.into_bytes()
}

struct Block {
    words: Vec<u64>,
    texts: Vec<u8>,
    texts_begin: usize,
}

impl Block {
    fn text(&mut self, text: &CStr) -> u64 {
        let offset = self.texts_begin + self.texts.len();
        self.texts.extend(text.to_bytes_with_nul());
        offset as u64
    }

    fn pointer(&mut self, text: &CStr) {
        let offset = self.text(text);
        self.words.push(offset);
    }

    fn into_bytes(mut self) -> Vec<u8> {
        let length = self.texts_begin + self.texts.len();
        if let Some(place) = self.words.get_mut(1) {
            *place = length as u64;
        }
        let mut bytes = Vec::with_capacity(length);
        bytes.extend(self.words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes.append(&mut self.texts);
        bytes
    }
}

fn write(mut bytes: &[u8]) -> io::Result<OwnedFd> {
    let memory = rustix::fs::memfd_create(c"hostledger-launch", MemfdFlags::CLOEXEC)?;
    while !bytes.is_empty() {
        let written = rustix::io::write(&memory, bytes)?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(memory)
}
