//! Memory for a child to stand on before it has its own.

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use rustix::io::Errno;

use crate::wait::last_errno;

/// Room for the few calls a child makes, and for the larger frames of a build without
/// optimisation.
const STACK: usize = 64 * 1024;

/// A mapped stack with a page below it that stops whoever grows out of it.
#[derive(Debug)]
pub(crate) struct ChildStack {
    base: NonNull<c_void>,
    length: usize,
}

impl ChildStack {
    pub(crate) fn map() -> Result<Self, Errno> {
        let guard = rustix::param::page_size();
        let length = guard + STACK;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        // SAFETY: a new mapping at a place the kernel chooses touches no memory in use.
        let base = unsafe { libc::mmap(ptr::null_mut(), length, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(last_errno());
        }
        let stack = Self {
            base: NonNull::new(base).ok_or(Errno::NOMEM)?,
            length,
        };
        // SAFETY: the offset stays inside the mapping.
        let usable = unsafe { base.byte_add(guard) };
        // SAFETY: this part of the mapping is ours and holds nothing yet.
        let done = unsafe { libc::mprotect(usable, STACK, libc::PROT_READ | libc::PROT_WRITE) };
        if done == 0 {
            Ok(stack)
        } else {
            Err(last_errno())
        }
    }

    /// One past its highest byte, where a stack begins; page-aligned, as ABIs ask for 16.
    pub(crate) fn top(&self) -> *mut c_void {
        // SAFETY: one past the end of the mapping.
        unsafe { self.base.as_ptr().byte_add(self.length) }
    }
}

impl Drop for ChildStack {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever drops it has no child standing on it.
        let done = unsafe { libc::munmap(self.base.as_ptr(), self.length) };
        debug_assert_eq!(done, 0);
    }
}
