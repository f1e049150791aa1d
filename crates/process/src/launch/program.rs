//! Which files a command may mean (execvp(3)).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Where the C library looks when there is no `PATH` (`confstr(_CS_PATH)` of glibc).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// The files to try for a command, in order.
///
/// With a `/` in it, that file and no other. Without, one in each directory of the *program's*
/// `PATH` (the first, should it be given twice, as getenv(3) reads it); an empty entry is the
/// working directory.
#[must_use]
pub fn program_files(program: &OsStr, environment: &[(OsString, OsString)]) -> Vec<OsString> {
    if program.is_empty() {
        return Vec::new();
    }
    if program.as_bytes().contains(&b'/') {
        return vec![program.to_owned()];
    }
    let path = environment.iter().find(|(name, _)| name == "PATH");
    let path = path.map_or(OsStr::new(DEFAULT_PATH), |(_, path)| path);
    let directories = path.as_bytes().split(|byte| *byte == b':');
    directories
        .map(|directory| {
            let mut file = directory.to_vec();
            if !file.is_empty() {
                file.push(b'/');
            }
            file.extend_from_slice(program.as_bytes());
            OsString::from_vec(file)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_path(program: &str, path: Option<&str>) -> Vec<OsString> {
        let environment: Vec<_> = path
            .map(|path| ("PATH".into(), path.into()))
            .into_iter()
            .collect();
        program_files(OsStr::new(program), &environment)
    }

    #[test]
    fn a_name_is_looked_for_in_each_directory_of_path() {
        assert_eq!(
            with_path("ls", Some("/a:b/c:/d/")),
            ["/a/ls", "b/c/ls", "/d//ls"]
        );
    }

    #[test]
    fn an_empty_entry_of_path_is_the_working_directory() {
        assert_eq!(with_path("ls", Some(":/a:")), ["ls", "/a/ls", "ls"]);
        assert_eq!(with_path("ls", Some("")), ["ls"]);
    }

    #[test]
    fn without_path_the_default_is_used() {
        assert_eq!(with_path("ls", None), ["/bin/ls", "/usr/bin/ls"]);
    }

    #[test]
    fn a_name_with_a_slash_is_that_file_only() {
        assert_eq!(with_path("./ls", Some("/a:/b")), ["./ls"]);
        assert_eq!(with_path("/x/ls", Some("/a:/b")), ["/x/ls"]);
    }

    #[test]
    fn an_empty_name_is_no_file() {
        assert!(with_path("", Some("/a:/b")).is_empty());
    }
}
