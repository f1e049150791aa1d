//! System calls that touch nothing but what they are given: no errno, no thread-local state.
//!
//! A child that shares our memory while we go on must not write our thread's errno, as every
//! wrapper of the C library does. rustix makes its calls like this too; here are those it has no
//! safe form of.

use std::arch::asm;
use std::ffi::c_long;

use rustix::io::Errno;

/// Makes a system call; what it gives back, or its errno.
///
/// # Safety
/// As for the call itself: pointers among the arguments must be valid for what the kernel does
/// with them.
#[inline(always)]
pub(crate) unsafe fn syscall<const N: usize>(
    number: c_long,
    arguments: [usize; N],
) -> Result<usize, Errno> {
    const { assert!(N <= 6) };
    let mut all = [0; 6];
    let mut index = 0;
    while index < N {
        all[index] = arguments[index];
        index += 1;
    }
    // SAFETY: the caller answers for the arguments; unused ones are not looked at.
    answer(unsafe { six(number, all) })
}

/// The kernel gives errnos as -1 to -4095.
#[inline(always)]
fn answer(returned: isize) -> Result<usize, Errno> {
    if (-4095..0).contains(&returned) {
        return Err(Errno::from_raw_os_error(-(returned as i32)));
    }
    Ok(returned.unsigned_abs())
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn six(number: c_long, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let returned;
    // SAFETY: the kernel's convention: it changes rax, rcx and r11 alone; memory is the caller's.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => returned,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    returned
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
unsafe fn six(number: c_long, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let returned;
    // SAFETY: the kernel's convention: it changes x0 alone; memory is the caller's.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a as isize => returned,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
            options(nostack),
        );
    }
    returned
}

/// `struct clone_args` of clone3(2), in the size that knows `CLONE_INTO_CGROUP` (Linux 5.7).
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct CloneArguments {
    pub(crate) flags: u64,
    pub(crate) pidfd: u64,
    pub(crate) child_tid: u64,
    pub(crate) parent_tid: u64,
    pub(crate) exit_signal: u64,
    pub(crate) stack: u64,
    pub(crate) stack_size: u64,
    pub(crate) tls: u64,
    pub(crate) set_tid: u64,
    pub(crate) set_tid_size: u64,
    pub(crate) cgroup: u64,
}

/// Makes a child that begins in `body`, on a stack of its own; gives its pid back.
///
/// # Safety
/// The stack named in the arguments must be unused, aligned to 16 bytes and, like `data` and
/// every address in the arguments, stay valid until the child has its own memory. `body` must
/// not use what belongs to the thread that calls: with `CLONE_VM` both use it at once.
pub(crate) unsafe fn clone3(
    arguments: &CloneArguments,
    body: unsafe extern "C" fn(*mut u8) -> !,
    data: *mut u8,
) -> Result<usize, Errno> {
    // SAFETY: as promised by the caller.
    answer(unsafe { clone3_raw(arguments, body, data) })
}

#[cfg(target_arch = "x86_64")]
unsafe fn clone3_raw(
    arguments: &CloneArguments,
    body: unsafe extern "C" fn(*mut u8) -> !,
    data: *mut u8,
) -> isize {
    let returned;
    // SAFETY: in the parent this is a plain system call. The child comes back from it with 0 and
    // on its own stack, of which it uses nothing but what it puts there; `body` never returns.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 as isize => returned,
            in("rdi") std::ptr::from_ref(arguments),
            in("rsi") size_of::<CloneArguments>(),
            in("r12") data,
            in("r13") body,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    returned
}

#[cfg(target_arch = "aarch64")]
unsafe fn clone3_raw(
    arguments: &CloneArguments,
    body: unsafe extern "C" fn(*mut u8) -> !,
    data: *mut u8,
) -> isize {
    let returned;
    // SAFETY: in the parent this is a plain system call. The child comes back from it with 0 and
    // on its own stack, of which it uses nothing but what it puts there; `body` never returns.
    unsafe {
        asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x30, xzr",
            "mov x0, x20",
            "blr x21",
            "brk #1",
            "2:",
            in("x8") libc::SYS_clone3,
            inlateout("x0") std::ptr::from_ref(arguments).addr() as isize => returned,
            in("x1") size_of::<CloneArguments>(),
            in("x20") data,
            in("x21") body,
        );
    }
    returned
}
