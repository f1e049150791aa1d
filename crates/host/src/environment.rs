//! The environment variables that detection looks at.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment variables that bear on detection, passed in and never read deep inside.
///
/// The default has none set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `IN_DOCKER`: `1` or `true`, in any case, declares a container (images of ArchiveBox set it).
    pub in_docker: Option<OsString>,
    /// `TMPDIR`: where temporary files go instead of `/tmp`.
    pub temporary_directory: Option<OsString>,
}

impl Environment {
    /// Takes the variables from the environment of this process.
    pub fn of_this_process() -> Self {
        Self {
            in_docker: std::env::var_os("IN_DOCKER"),
            temporary_directory: std::env::var_os("TMPDIR"),
        }
    }

    pub(crate) fn says_container(&self) -> bool {
        self.in_docker
            .as_ref()
            .is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }

    pub(crate) fn temporary_directory(&self) -> PathBuf {
        match &self.temporary_directory {
            Some(directory) if !directory.is_empty() => PathBuf::from(directory),
            _ => Path::new("/tmp").to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_1_and_true_declare_a_container() {
        let says = |value: &str| {
            let in_docker = Some(OsString::from(value));
            Environment {
                in_docker,
                ..Environment::default()
            }
            .says_container()
        };
        assert!(says("1") && says("true") && says("True") && says("TRUE"));
        assert!(!says("0") && !says("") && !says("false") && !says("yes"));
        assert!(!Environment::default().says_container());
    }

    #[test]
    fn an_empty_tmpdir_means_tmp() {
        let environment = Environment {
            temporary_directory: Some(OsString::new()),
            ..Environment::default()
        };
        assert_eq!(environment.temporary_directory(), Path::new("/tmp"));
    }
}
