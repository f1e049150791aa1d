//! Whether the running program can be its own keeper.

use std::fs;
use std::ops::Range;
use std::sync::OnceLock;

/// Whether the image that runs, executed once more under the keeper's name, becomes one.
///
/// True for every program that links this crate; false when we are part of a shared library
/// that such a program loads (a module of Python, say), as the program's own file does not
/// contain us. That one needs [`Program::File`](crate::Program::File).
#[must_use]
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| is_in_executable(is_in_executable as *const () as usize))
}

/// Whether an address lies in the file that was executed: in the one that the kernel itself has
/// mapped. Both are looked up in one list, as a file's numbers there and in stat(2) can differ
/// (overlayfs before Linux 6.8).
fn is_in_executable(address: usize) -> bool {
    let (Ok(maps), Ok(vector)) = (
        fs::read_to_string("/proc/self/maps"),
        fs::read("/proc/self/auxv"),
    ) else {
        return false;
    };
    let Some(headers) = program_headers(&vector) else {
        return false;
    };
    let file = |address| maps.lines().find_map(|line| file_at(line, address));
    file(address).is_some_and(|ours| file(headers) == Some(ours))
}

/// `AT_PHDR` of getauxval(3), as the kernel wrote it: the dynamic linker changes its copy when it
/// is itself what was executed.
fn program_headers(vector: &[u8]) -> Option<usize> {
    const AT_PHDR: usize = 3;
    const WORD: usize = size_of::<usize>();
    let word = |bytes: &[u8]| bytes.try_into().ok().map(usize::from_ne_bytes);
    let mut pairs = vector.chunks_exact(2 * WORD);
    let pair = pairs.find(|pair| word(&pair[..WORD]) == Some(AT_PHDR))?;
    word(&pair[WORD..])
}

/// Device and inode of a line of `/proc/<pid>/maps`, when the address is in it.
fn file_at(line: &str, address: usize) -> Option<(&str, &str)> {
    let mut fields = line.split_ascii_whitespace();
    let (from, to) = fields.next()?.split_once('-')?;
    let number = |hex| usize::from_str_radix(hex, 16).ok();
    let range: Range<usize> = number(from)?..number(to)?;
    let mut fields = fields.skip(2);
    let file = (fields.next()?, fields.next()?);
    (range.contains(&address) && file.1 != "0").then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_code_is_in_the_executable_and_that_of_the_c_library_is_not() {
        assert!(available());
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let library = maps.lines().find(|line| line.contains("libc.so"));
        let Some(library) = library else {
            println!("SKIPPED: no shared C library here");
            return;
        };
        let start = library.split('-').next().unwrap();
        assert!(!is_in_executable(usize::from_str_radix(start, 16).unwrap()));
        assert!(!is_in_executable(8));
    }
}
