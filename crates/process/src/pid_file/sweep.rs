//! Ending whom a left-over pid file means, if nobody looks after him any more.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostledger_model::{KillMode, Pid, Timestamp};
use hostledger_sys::{Pidfd, Signal};
use procfs::process::Stat;

use super::find::{Candidate, Content, find};
use super::pattern::Pattern;
use crate::foreign::{about_the_same, session_of, started};
use crate::identity::{model_pid, open, stat_of};
use crate::{IdentityError, PidSpace, Survivor, TreeError, TreeRoot, ancestors, end_trees};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// One pid file, and what became of it.
#[derive(Debug)]
pub struct Swept {
    /// The file.
    pub path: PathBuf,
    /// The number in it.
    pub pid: Option<Pid>,
    /// What was done, or why nothing.
    pub verdict: SweepVerdict,
}

/// What was done about a pid file. Only with `Ended` the file is removed.
#[derive(Debug)]
pub enum SweepVerdict {
    /// The process was left over: it and all that descends from it has ended, so many.
    Ended(usize),
    /// Not everybody could be ended.
    Survived(Vec<Survivor>),
    /// The file is too young.
    Young,
    /// No regular file with a number in it.
    NoPid,
    /// Nobody has the number, or its process has ended.
    NotRunning,
    /// Whoever has the number started at another time than the file was written.
    SomebodyElse,
    /// Its parent seems to live and may look after it.
    HasParent,
    /// It is this program, or an ancestor of it.
    Ourselves,
    /// It could not be told, or done.
    Failed(SweepError),
}

/// Why pid files could not be swept.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// It is absolute, or has an empty component, `.` or `..`.
    #[error("{pattern:?} is no pattern below a directory; give one such as chrome/*.pid")]
    Pattern {
        /// As it was given.
        pattern: String,
    },
    /// A directory or a file cannot be read, or the file not be removed.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// It cannot be told who the process is.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its tree cannot be ended.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Ends whoever was left over by a crashed program that wrote a pid file when it started them, as
/// far as that can be told, with all that descends from them, and removes their files.
///
/// Files below `dir` are meant whose relative path `pattern` stands for (`chrome/*.pid`: a `*`
/// is any part of one name) and which were written at least `min_age` ago, usually 5 minutes.
/// Symlinks are not followed. A process is left over when it started within 5 s of when the file
/// was written and its parent is gone. That is so when
///
/// - its parent is pid 1 (unless that is us), or a `systemd` of the user: those adopt orphans;
/// - or it does not lead its session and its parent is in another one: a subreaper adopted it, as
///   whoever forked it was in its session.
///
/// A session leader that another subreaper adopted cannot be told from one whose parent lives, and
/// is left alone. So is every other file; each says why.
///
/// # Errors
/// A bad pattern; a directory that cannot be read.
pub fn sweep_pid_files(
    space: &PidSpace,
    dir: &Path,
    pattern: &str,
    min_age: Duration,
) -> Result<Vec<Swept>, SweepError> {
    let parsed = Pattern::parse(pattern).ok_or_else(|| SweepError::Pattern {
        pattern: pattern.to_owned(),
    })?;
    let candidates =
        find(dir, &parsed).map_err(|(path, source)| SweepError::File { path, source })?;
    let mut ourselves = vec![model_pid(rustix::process::getpid())];
    ourselves.extend(ancestors(model_pid(rustix::process::getpid()))?);

    let (mut swept, mut meant, mut roots) = (Vec::new(), Vec::new(), Vec::new());
    for candidate in candidates {
        let (pid, judged) = judge(space, &candidate, min_age, &ourselves);
        match judged {
            Ok((content, root)) => {
                meant.push((candidate, content));
                roots.push(root);
            }
            Err(verdict) => swept.push(Swept {
                path: candidate.path,
                pid,
                verdict,
            }),
        }
    }
    let ends = end_trees(space, &roots, Some(Signal::TERM), GRACE);
    for ((candidate, content), end) in meant.into_iter().zip(ends) {
        let verdict = match end {
            Ok(end) if end.survivors.is_empty() => match candidate.remove(&content) {
                Ok(()) => SweepVerdict::Ended(end.ended),
                Err(source) => failed_file(&candidate, source),
            },
            Ok(end) => SweepVerdict::Survived(end.survivors),
            Err(error) => SweepVerdict::Failed(error.into()),
        };
        swept.push(Swept {
            path: candidate.path,
            pid: content.pid,
            verdict,
        });
    }
    Ok(swept)
}

type Judged = Result<(Content, TreeRoot), SweepVerdict>;

/// Whom a file means and whether he is to end; otherwise why not.
fn judge(
    space: &PidSpace,
    candidate: &Candidate,
    min_age: Duration,
    ourselves: &[Pid],
) -> (Option<Pid>, Judged) {
    let content = match candidate.read() {
        Ok(Some(content)) => content,
        Ok(None) => return (None, Err(SweepVerdict::NoPid)),
        Err(source) => return (None, Err(failed_file(candidate, source))),
    };
    let Some(pid) = content.pid else {
        return (None, Err(SweepVerdict::NoPid));
    };
    let age = Timestamp::now().unix_micros() - content.modified_at.unix_micros();
    let young = u128::try_from(age).map_or(true, |age| age < min_age.as_micros());
    let judged = if young {
        Err(SweepVerdict::Young)
    } else if ourselves.contains(&pid) {
        Err(SweepVerdict::Ourselves)
    } else {
        left_over(space, pid, content.modified_at)
            .unwrap_or_else(|error| Err(SweepVerdict::Failed(error.into())))
            .map(|root| (content, root))
    };
    (Some(pid), judged)
}

fn left_over(
    space: &PidSpace,
    pid: Pid,
    written: Timestamp,
) -> Result<Result<TreeRoot, SweepVerdict>, IdentityError> {
    let Some(held) = open(pid)? else {
        return Ok(Err(SweepVerdict::NotRunning));
    };
    let Some(stat) = stat_of(&held, pid)? else {
        return Ok(Err(SweepVerdict::NotRunning));
    };
    if !about_the_same(started(&stat), written) {
        return Ok(Err(SweepVerdict::SomebodyElse));
    }
    let orphaned = is_orphaned(&held, pid, &stat)?;
    let ended = held.wait_ended(Some(Duration::ZERO));
    if ended.map_err(|source| IdentityError::Pidfd { pid, source })? {
        return Ok(Err(SweepVerdict::NotRunning));
    }
    if !orphaned {
        return Ok(Err(SweepVerdict::HasParent));
    }
    Ok(Ok(TreeRoot {
        identity: space.identity(&held, pid, &stat)?,
        leader: Some(held),
        tag: None,
        group: None,
        scope: KillMode::Tree,
    }))
}

fn is_orphaned(held: &Pidfd, pid: Pid, stat: &Stat) -> Result<bool, IdentityError> {
    let own = model_pid(rustix::process::getpid()).get();
    let adopter = stat.ppid == 1 || is_users_systemd(stat.ppid);
    if adopter && stat.ppid != own {
        return Ok(true);
    }
    let apart = session_of(stat.ppid)?.is_some_and(|session| session != stat.session);
    // Still its parent after that, so what was read was read of its parent.
    let same = stat_of(held, pid)?.is_some_and(|now| now.ppid == stat.ppid);
    Ok(apart && same && stat.session != pid.get())
}

/// The manager of a user's services, the subreaper of all that he starts there.
fn is_users_systemd(pid: i32) -> bool {
    let name = std::fs::read(format!("/proc/{pid}/comm"));
    name.is_ok_and(|name| name == b"systemd\n")
}

fn failed_file(candidate: &Candidate, source: io::Error) -> SweepVerdict {
    let path = candidate.path.clone();
    SweepVerdict::Failed(SweepError::File { path, source })
}
