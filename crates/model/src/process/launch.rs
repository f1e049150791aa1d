//! How a process is set up when it is started.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How large the log of one stream becomes where nothing else is said: 1 GiB.
pub const DEFAULT_MAX_LOG_BYTES: u64 = 1 << 30;

/// How a process is set up beyond its command, directory and environment.
///
/// What is none is what its launcher has at that moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchAttributes {
    /// Start from an empty environment instead of the launcher's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub clear_env: bool,
    /// Its nice value, -20 to 19.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    /// Its file mode creation mask, 0 to 0o777.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// Resource limits by lower-case name such as `nofile` (getrlimit(2)).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rlimits: Vec<ResourceLimit>,
    /// How many bytes the log of each stream may have, the oldest going first; none for
    /// [`DEFAULT_MAX_LOG_BYTES`], 0 for any number. See [`log_bound`](Self::log_bound).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_log_bytes: Option<u64>,
    /// Keep the logs in its working directory instead of the ledger's own, as ArchiveBox does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub log_in_pwd: bool,
    /// Keep the logs in this directory, which is below the ledger's own and is there already,
    /// instead of among those of all processes; relative to the ledger's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_directory: Option<String>,
}

/// One resource limit; none stands for no limit.
///
/// As text it is `NAME=SOFT:HARD`, or `NAME=VALUE` for both at once, as prlimit(1) has it;
/// `unlimited` for no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimit {
    /// Lower-case name such as `nofile`, without `RLIMIT_`.
    pub name: String,
    /// The value that is enforced.
    pub soft: Option<u64>,
    /// How far the process may raise it.
    pub hard: Option<u64>,
}

/// Why a process cannot be set up like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLaunch {
    /// No such nice value (setpriority(2)).
    #[error("nice value {value} is out of range: -20 (most favoured) to 19")]
    Nice {
        /// The value.
        value: i32,
    },
    /// More than permission bits.
    #[error("umask {value:o} is out of range: octal 0 to 777")]
    Umask {
        /// The mask.
        value: u32,
    },
    /// A text that is no umask.
    #[error("{text:?} is not a umask: give octal digits such as 022, at most 777")]
    UmaskText {
        /// The text.
        text: String,
    },
    /// No such resource.
    #[error("there is no resource limit {name:?}: known are {}", ResourceLimit::NAMES.join(", "))]
    UnknownLimit {
        /// The name.
        name: String,
    },
    /// A process may not have a soft limit above its hard one.
    #[error("resource limit {name}: the soft limit {soft} is above the hard limit {hard}")]
    SoftAboveHard {
        /// The resource.
        name: String,
        /// The soft limit, in words when there is none.
        soft: String,
        /// The hard limit.
        hard: u64,
    },
    /// A resource whose limit is ours to set.
    #[error(
        "resource limit {name} cannot be set: hostledger marks what descends from a process by it"
    )]
    ReservedLimit {
        /// The resource.
        name: String,
    },
    /// One resource has two limits.
    #[error("resource limit {name} is given twice")]
    Twice {
        /// The resource.
        name: String,
    },
    /// A directory for logs that is not below the ledger's own.
    #[error(
        "the directory for logs {path:?} is not below the ledger's: write a relative path without .."
    )]
    LogDirectory {
        /// Which.
        path: String,
    },
    /// A text that is no resource limit.
    #[error(
        "{text:?} is not a resource limit: give NAME=VALUE or NAME=SOFT:HARD, each a number or \"unlimited\""
    )]
    LimitText {
        /// The text.
        text: String,
    },
}

impl LaunchAttributes {
    /// How many bytes the log of each stream may have; none for any number.
    #[must_use]
    pub fn log_bound(&self) -> Option<u64> {
        match self.max_log_bytes {
            None => Some(DEFAULT_MAX_LOG_BYTES),
            Some(0) => None,
            bound => bound,
        }
    }

    /// Checks that a process can be set up like this, whoever its launcher is.
    ///
    /// # Errors
    /// [`InvalidLaunch`] names the value that cannot be.
    pub fn check(&self) -> Result<(), InvalidLaunch> {
        match (self.nice, self.umask) {
            (Some(value), _) if !(-20..=19).contains(&value) => {
                return Err(InvalidLaunch::Nice { value });
            }
            (_, Some(value)) if value > 0o777 => return Err(InvalidLaunch::Umask { value }),
            _ => {}
        }
        if let Some(path) = &self.log_directory
            && !is_below(path)
        {
            let path = path.clone();
            return Err(InvalidLaunch::LogDirectory { path });
        }
        for (at, limit) in self.rlimits.iter().enumerate() {
            limit.check()?;
            if self.rlimits[..at]
                .iter()
                .any(|earlier| earlier.name == limit.name)
            {
                let name = limit.name.clone();
                return Err(InvalidLaunch::Twice { name });
            }
        }
        Ok(())
    }
}

/// Whether a path leads down from where it begins, and nowhere else.
fn is_below(path: &str) -> bool {
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    path.split('/').all(is_name)
}

impl ResourceLimit {
    /// The resources whose limits can be set (getrlimit(2)).
    pub const NAMES: [&str; 15] = [
        "as",
        "core",
        "cpu",
        "data",
        "fsize",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ];

    /// The one whose limit Linux has ignored since 2.4.25, and hands down: by its value we know
    /// what descends from a process.
    const RESERVED: &str = "locks";

    /// Checks that there is such a resource, that its limit is not ours, and that its soft limit is not above its hard one.
    ///
    /// # Errors
    /// [`InvalidLaunch`] names the resource.
    pub fn check(&self) -> Result<(), InvalidLaunch> {
        if self.name == Self::RESERVED {
            let name = self.name.clone();
            return Err(InvalidLaunch::ReservedLimit { name });
        }
        if !Self::NAMES.contains(&self.name.as_str()) {
            let name = self.name.clone();
            return Err(InvalidLaunch::UnknownLimit { name });
        }
        match (self.soft, self.hard) {
            (soft, Some(hard)) if soft.is_none_or(|soft| soft > hard) => {
                Err(InvalidLaunch::SoftAboveHard {
                    name: self.name.clone(),
                    soft: value_text(soft),
                    hard,
                })
            }
            _ => Ok(()),
        }
    }
}

impl FromStr for ResourceLimit {
    type Err = InvalidLaunch;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidLaunch::LimitText {
            text: text.to_owned(),
        };
        let (name, values) = text.split_once('=').ok_or_else(invalid)?;
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        let limit = Self {
            name: name.to_owned(),
            soft: value(soft).ok_or_else(invalid)?,
            hard: value(hard).ok_or_else(invalid)?,
        };
        limit.check()?;
        Ok(limit)
    }
}

impl fmt::Display for ResourceLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (soft, hard) = (value_text(self.soft), value_text(self.hard));
        write!(f, "{}={soft}:{hard}", self.name)
    }
}

const UNLIMITED: &str = "unlimited";

/// The outer none is for what is no value at all.
fn value(text: &str) -> Option<Option<u64>> {
    if text == UNLIMITED {
        return Some(None);
    }
    only_digits(text, 10).then(|| text.parse().ok().map(Some))?
}

fn value_text(value: Option<u64>) -> String {
    value.map_or_else(|| UNLIMITED.to_owned(), |value| value.to_string())
}

/// Whether a number is written in digits alone: `parse` would let a sign pass.
fn only_digits(text: &str, radix: u32) -> bool {
    text.chars().all(|digit| digit.is_digit(radix))
}

/// Reads a umask as a shell has it: octal digits, up to `777` (umask(2)).
///
/// # Errors
/// The text is anything else.
pub fn parse_umask(text: &str) -> Result<u32, InvalidLaunch> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mask| *mask <= 0o777 && only_digits(text, 8))
        .ok_or_else(|| InvalidLaunch::UmaskText {
            text: text.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_reads_as_on_the_command_line() {
        for (text, soft, hard) in [
            ("nofile=1024", Some(1024), Some(1024)),
            ("nofile=1024:4096", Some(1024), Some(4096)),
            ("core=0:unlimited", Some(0), None),
            ("cpu=unlimited", None, None),
            ("as=18446744073709551615", Some(u64::MAX), Some(u64::MAX)),
        ] {
            let limit: ResourceLimit = text.parse().unwrap();
            assert_eq!((limit.soft, limit.hard), (soft, hard), "{text}");
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_by_what_is_wrong_with_it() {
        for (text, says) in [
            ("nofile", "NAME=VALUE"),
            ("nofile=", "NAME=VALUE"),
            ("nofile=1:", "NAME=VALUE"),
            ("nofile=1:2:3", "NAME=VALUE"),
            ("nofile=+1", "NAME=VALUE"),
            ("nofile=-1", "NAME=VALUE"),
            ("nofile=18446744073709551616", "NAME=VALUE"),
            ("files=1", "sigpending"),
            ("NOFILE=1", "known are"),
            ("locks=1", "marks what descends"),
            ("nofile=2:1", "soft limit 2 is above the hard limit 1"),
            ("nofile=unlimited:1", "soft limit unlimited is above"),
        ] {
            let error = text.parse::<ResourceLimit>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_log_is_bounded_unless_asked_otherwise() {
        let bound = |max_log_bytes| {
            let launch = LaunchAttributes {
                max_log_bytes,
                ..LaunchAttributes::default()
            };
            launch.log_bound()
        };
        assert_eq!(bound(None), Some(DEFAULT_MAX_LOG_BYTES));
        assert_eq!((bound(Some(0)), bound(Some(1))), (None, Some(1)));
    }

    #[test]
    fn a_umask_is_octal() {
        assert_eq!(parse_umask("022"), Ok(0o22));
        assert_eq!(parse_umask("0"), Ok(0));
        assert_eq!(parse_umask("0777"), Ok(0o777));
        for text in [
            "",
            "8",
            "1000",
            "+22",
            "-1",
            "0o22",
            "22 ",
            "u=rwx",
            "77777777777777",
        ] {
            let error = parse_umask(text).unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{text}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let check = |change: fn(&mut LaunchAttributes)| {
            let mut launch = LaunchAttributes::default();
            change(&mut launch);
            launch.check()
        };
        assert_eq!(check(|_| ()), Ok(()));
        for nice in [-20, 19] {
            let launch = LaunchAttributes {
                nice: Some(nice),
                umask: Some(0o777),
                ..LaunchAttributes::default()
            };
            assert_eq!(launch.check(), Ok(()));
        }
        assert_eq!(
            check(|it| it.nice = Some(20)),
            Err(InvalidLaunch::Nice { value: 20 })
        );
        assert_eq!(
            check(|it| it.nice = Some(-21)),
            Err(InvalidLaunch::Nice { value: -21 })
        );
        let mask = check(|it| {
            it.nice = Some(1);
            it.umask = Some(0o1000);
        });
        assert_eq!(mask, Err(InvalidLaunch::Umask { value: 0o1000 }));
        let twice =
            check(|it| it.rlimits = vec!["cpu=1".parse().unwrap(), "cpu=2".parse().unwrap()]);
        assert_eq!(
            twice,
            Err(InvalidLaunch::Twice {
                name: "cpu".to_owned()
            })
        );
        let unknown = check(|it| {
            it.rlimits = vec![ResourceLimit {
                name: "x".to_owned(),
                soft: None,
                hard: None,
            }];
        });
        assert!(matches!(unknown, Err(InvalidLaunch::UnknownLimit { .. })));
    }
}
