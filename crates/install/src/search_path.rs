//! Where a program that is launched looks for others.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Where programs are looked for when nothing says where.
pub const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `PATH` for a program that is launched: the directories of the programs that variables such as
/// `GIT_BINARY=/opt/git/bin/git` name, then `lib_bin`, then what `path` has.
///
/// Only absolute paths count; none comes twice.
#[must_use]
pub fn search_path<'v>(
    lib_bin: Option<&Path>,
    variables: impl Iterator<Item = (&'v OsStr, &'v OsStr)>,
    path: &OsStr,
) -> OsString {
    let of_variable = |(key, value): (&OsStr, &'v OsStr)| {
        let named = key.to_str()?.ends_with("_BINARY");
        let program = Path::new(value);
        let directory = program.parent().filter(|_| named && program.is_absolute());
        directory.map(Path::to_owned)
    };
    let named: BTreeSet<PathBuf> = variables.filter_map(of_variable).collect();
    let mut front: Vec<PathBuf> = named.into_iter().collect();
    front.extend(lib_bin.map(Path::to_owned));
    front.retain(|directory| !directory.to_string_lossy().contains(':'));
    if front.is_empty() {
        return path.to_owned();
    }
    let behind: Vec<_> = env::split_paths(path)
        .filter(|directory| !front.contains(directory))
        .collect();
    front.extend(behind);
    // None of them has a colon, so they can be joined.
    env::join_paths(front).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(lib_bin: Option<&str>, variables: &[(&str, &str)], path: &str) -> String {
        let variables = variables
            .iter()
            .map(|(key, value)| (key.as_ref(), value.as_ref()));
        let path = search_path(lib_bin.map(Path::new), variables, path.as_ref());
        path.into_string().unwrap()
    }

    #[test]
    fn programs_that_variables_name_go_before_links_and_those_before_path() {
        let variables = [
            ("GIT_BINARY", "/opt/git/git"),
            ("WGET_BINARY", "wget"),
            ("GIT_DIR", "/x/y"),
            ("A_BINARY", "/a/b"),
        ];
        let expected = "/a:/opt/git:/data/lib/bin:/usr/bin:/bin";
        assert_eq!(
            path(Some("/data/lib/bin"), &variables, "/usr/bin:/bin"),
            expected
        );
        let again = path(Some("/data/lib/bin"), &variables, expected);
        assert_eq!(again, expected, "nested, nothing comes twice");
    }

    #[test]
    fn without_anything_to_add_it_is_as_it_was() {
        for as_it_was in ["", "/usr/bin::/bin", "a:b:"] {
            assert_eq!(path(None, &[("X", "/y/z")], as_it_was), as_it_was);
        }
    }
}
