//! What to start, and the check of it before anything is recorded.

use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use hostledger_model::ResourceLimit;
use hostledger_sys::Session;
use rustix::fs::Access;
use rustix::process::{Resource, Rlimit};

use super::InvalidLaunch;
use super::limits::{for_kernel, marking};
use super::program::program_files;

/// What the program gets as its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing: `/dev/null`.
    Null,
    /// Ours.
    Inherit,
}

/// A program to start, as a caller puts it. No byte but NUL is excluded anywhere.
///
/// Its `Debug` leaves the environment out, which may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct LaunchSpec {
    /// Command and arguments. A command without `/` is looked up in the `PATH` of `environment`
    /// by execvp(3)'s rules; a relative one with `/` in `directory`. No shell is involved.
    pub arguments: Vec<OsString>,
    /// The working directory.
    pub directory: PathBuf,
    /// The environment, complete: nothing is added to it.
    pub environment: Vec<(OsString, OsString)>,
    /// The standard input.
    pub stdin: Stdin,
    /// A session of its own, or ours for a program on our terminal.
    pub session: Session,
    /// The file mode creation mask, of which the kernel takes the nine permission bits; ours when
    /// `None`.
    pub umask: Option<u32>,
    /// The nice value (−20 to 19; the kernel cuts what lies outside); ours when `None`.
    pub nice: Option<i32>,
    /// Resource limits where they differ from ours.
    pub limits: Vec<ResourceLimit>,
    /// Marks all that descends from it, as the soft value of RLIMIT_LOCKS: Linux has ignored that
    /// limit since 2.4.25 (getrlimit(2)) and hands it down. None is set where our hard limit is
    /// lower.
    pub tag: Option<u64>,
}

impl LaunchSpec {
    /// A command in a directory, with an empty environment, no input, a session of its own, and
    /// our umask, nice value and limits.
    #[must_use]
    pub fn new(arguments: Vec<OsString>, directory: PathBuf) -> Self {
        Self {
            arguments,
            directory,
            environment: Vec::new(),
            stdin: Stdin::Null,
            session: Session::New,
            umask: None,
            nice: None,
            limits: Vec::new(),
            tag: None,
        }
    }

    /// Checks everything that can be known to be wrong before an attempt is recorded.
    ///
    /// Whether the program exists is not among it: that is the exec's to say, and recorded.
    ///
    /// # Errors
    /// See [`InvalidLaunch`].
    pub fn check(mut self) -> Result<Launch, InvalidLaunch> {
        let environment = std::mem::take(&mut self.environment);
        self.check_with(&environment)
    }

    /// The same with an environment that is somebody else's, which takes the place of its own.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn check_with(self, variables: &[(OsString, OsString)]) -> Result<Launch, InvalidLaunch> {
        let program = self.arguments.first().ok_or(InvalidLaunch::EmptyCommand)?;
        let programs = program_files(program, variables);
        let program = program.clone();
        let arguments = c_strings(&self.arguments, |index| match index {
            0 => "the command".to_owned(),
            index => format!("argument {index}"),
        })?;
        let environment = environment(variables)?;
        let c_directory = c_string(self.directory.as_os_str(), || {
            "the working directory".into()
        })?;
        usable_directory(&self.directory).map_err(|source| InvalidLaunch::WorkingDirectory {
            path: self.directory.clone(),
            source,
        })?;
        let limit_names: Vec<String> = self.limits.iter().map(ToString::to_string).collect();
        let limits = self.limits.iter().map(for_kernel);
        let tag = self.tag.and_then(marking).map(Ok);
        let limits = limits.chain(tag).collect::<Result<_, _>>()?;
        Ok(Launch {
            program,
            programs: c_strings(&programs, |_| "PATH".to_owned())?,
            arguments,
            environment,
            c_directory,
            directory: self.directory,
            stdin: self.stdin,
            session: self.session,
            umask: self.umask,
            nice: self.nice,
            limits,
            limit_names: limit_names.join(" "),
        })
    }
}

/// A checked [`LaunchSpec`]; can be started any number of times.
///
/// Its `Debug` leaves the environment out, which may hold secrets.
#[derive(Clone)]
pub struct Launch {
    /// As the caller called it.
    pub(super) program: OsString,
    /// The files it may be.
    pub(super) programs: Vec<CString>,
    pub(super) arguments: Vec<CString>,
    pub(super) environment: Vec<CString>,
    pub(super) c_directory: CString,
    pub(super) directory: PathBuf,
    pub(super) stdin: Stdin,
    pub(super) session: Session,
    pub(super) umask: Option<u32>,
    pub(super) nice: Option<i32>,
    pub(super) limits: Vec<(Resource, Rlimit)>,
    /// The same for people.
    pub(super) limit_names: String,
}

impl fmt::Debug for LaunchSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "LaunchSpec", &self.arguments, &self.directory)
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "Launch", &self.arguments, &self.directory)
    }
}

fn debug(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    arguments: &dyn fmt::Debug,
    directory: &Path,
) -> fmt::Result {
    let mut shown = f.debug_struct(name);
    shown
        .field("arguments", arguments)
        .field("directory", &directory);
    shown.finish_non_exhaustive()
}

fn environment(variables: &[(OsString, OsString)]) -> Result<Vec<CString>, InvalidLaunch> {
    variables
        .iter()
        .map(|(name, value)| variable(name, value))
        .collect()
}

fn variable(name: &OsStr, value: &OsStr) -> Result<CString, InvalidLaunch> {
    // A leading `=` occurs in environments inherited from elsewhere; a later one would end the name.
    let in_name = name.as_bytes().get(1..).unwrap_or_default();
    if name.is_empty() || in_name.contains(&b'=') {
        return Err(InvalidLaunch::VariableName {
            name: name.to_owned(),
        });
    }
    // There are many of them for each program: each takes the memory it needs, once.
    let mut line = Vec::with_capacity(name.len() + value.len() + "=\0".len());
    line.extend_from_slice(name.as_bytes());
    line.push(b'=');
    line.extend_from_slice(value.as_bytes());
    CString::new(line).map_err(|_| InvalidLaunch::NulByte {
        what: format!("the environment variable {}", name.display()),
    })
}

fn c_strings(
    strings: &[OsString],
    what: impl Fn(usize) -> String,
) -> Result<Vec<CString>, InvalidLaunch> {
    let strings = strings.iter().enumerate();
    strings
        .map(|(index, string)| c_string(string, || what(index)))
        .collect()
}

fn c_string(string: &OsStr, what: impl FnOnce() -> String) -> Result<CString, InvalidLaunch> {
    CString::new(string.to_owned().into_vec()).map_err(|_| InvalidLaunch::NulByte { what: what() })
}

/// A directory we may change to.
fn usable_directory(path: &Path) -> io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    Ok(rustix::fs::access(path, Access::EXEC_OK)?)
}
