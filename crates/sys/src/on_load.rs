//! Code that runs when a program that links us is loaded, before its main.

use std::ffi::{CStr, c_char, c_int};

/// What the dynamic linker (glibc) calls with the arguments of main; for [`on_load!`].
#[doc(hidden)]
pub type Constructor = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

/// Names a `fn()` that is called before main if the program was started under a given name with
/// one given argument, and never in a program that runs with more rights than its caller
/// (`AT_SECURE`, getauxval(3)).
///
/// The function may return; the program goes on as ever then. It is called before the runtime
/// of the standard library is set up, in the only thread there is: it must do with system calls.
/// A shared library that is loaded later by dlopen(3) calls it then.
#[macro_export]
macro_rules! on_load {
    (name: $name:expr, argument: $argument:expr, call: $call:path $(,)?) => {
        const _: () = {
            extern "C" fn construct(
                count: ::std::ffi::c_int,
                arguments: *const *const ::std::ffi::c_char,
                _environment: *const *const ::std::ffi::c_char,
            ) {
                let call: fn() = $call;
                // SAFETY: the dynamic linker passes what main will get.
                if unsafe { $crate::was_called(count, arguments, $name, $argument) } {
                    call();
                }
            }
            // SAFETY: the section holds pointers to functions of exactly this type, which the
            // dynamic linker calls one after the other before main.
            #[used]
            #[unsafe(link_section = ".init_array")]
            static CONSTRUCTOR: $crate::Constructor = construct;
        };
    };
}

/// Whether main's arguments are these two; for [`on_load!`].
///
/// # Safety
/// `arguments` must be what main gets: `count` C strings.
#[doc(hidden)]
#[must_use]
pub unsafe fn was_called(
    count: c_int,
    arguments: *const *const c_char,
    name: &CStr,
    argument: &CStr,
) -> bool {
    if count != 2 || arguments.is_null() {
        return false;
    }
    let is = |index: usize, text: &CStr| {
        // SAFETY: there are two of them.
        let place = unsafe { arguments.add(index) };
        // SAFETY: as above.
        let given = unsafe { *place };
        // SAFETY: each is a C string that lives as long as the program.
        unsafe { CStr::from_ptr(given) == text }
    };
    // SAFETY: reads the auxiliary vector, which the kernel wrote.
    is(0, name) && is(1, argument) && unsafe { libc::getauxval(libc::AT_SECURE) } == 0
}
