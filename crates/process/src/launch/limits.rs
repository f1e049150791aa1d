//! Resource limits by name (getrlimit(2)).

use std::fmt;
use std::str::FromStr;

use rustix::process::{Resource, Rlimit};

/// A resource a process can be limited in, as prlimit(1) names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitedResource(Resource);

/// Without `locks`, which Linux does not enforce and hostledger uses to mark what it started.
const NAMES: &[(&str, Resource)] = &[
    ("as", Resource::As),
    ("core", Resource::Core),
    ("cpu", Resource::Cpu),
    ("data", Resource::Data),
    ("fsize", Resource::Fsize),
    ("memlock", Resource::Memlock),
    ("msgqueue", Resource::Msgqueue),
    ("nice", Resource::Nice),
    ("nofile", Resource::Nofile),
    ("nproc", Resource::Nproc),
    ("rss", Resource::Rss),
    ("rtprio", Resource::Rtprio),
    ("rttime", Resource::Rttime),
    ("sigpending", Resource::Sigpending),
    ("stack", Resource::Stack),
];

impl fmt::Display for LimitedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = NAMES.iter().find(|(_, resource)| *resource == self.0);
        f.write_str(found.map_or("?", |(name, _)| name))
    }
}

/// A limit: `NAME=SOFT`, which sets both, or `NAME=SOFT:HARD`; `unlimited` is a value too.
///
/// Units are the kernel's: bytes, seconds of CPU time, counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceLimit {
    /// In what.
    pub resource: LimitedResource,
    /// What is enforced; `None` is unlimited.
    pub soft: Option<u64>,
    /// How far the program may raise it itself; `None` is unlimited.
    pub hard: Option<u64>,
}

impl ResourceLimit {
    pub(super) fn for_kernel(self) -> (Resource, Rlimit) {
        (
            self.resource.0,
            Rlimit {
                current: self.soft,
                maximum: self.hard,
            },
        )
    }
}

impl fmt::Display for ResourceLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: Option<u64>| value.map_or("unlimited".to_owned(), |v| v.to_string());
        write!(
            f,
            "{}={}:{}",
            self.resource,
            value(self.soft),
            value(self.hard)
        )
    }
}

/// A text that is no resource limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseLimitError {
    /// The name before `=` is unknown.
    #[error("{name:?} is no resource; there are {}", names())]
    UnknownResource {
        /// What was given.
        name: String,
    },
    /// What follows `=` is no limit, or there is no `=`.
    #[error("{text:?} is no limit such as nofile=1024, nofile=1024:4096 or core=unlimited")]
    InvalidValue {
        /// What was given.
        text: String,
    },
    /// The soft limit lies above the hard one.
    #[error("{text:?} has a soft limit above the hard one")]
    SoftAboveHard {
        /// What was given.
        text: String,
    },
}

fn names() -> String {
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

impl FromStr for ResourceLimit {
    type Err = ParseLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || ParseLimitError::InvalidValue {
            text: text.to_owned(),
        };
        let (name, values) = text.split_once('=').ok_or_else(invalid)?;
        let found = NAMES.iter().find(|(known, _)| *known == name);
        let (_, resource) = found.ok_or_else(|| ParseLimitError::UnknownResource {
            name: name.to_owned(),
        })?;
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        let soft = value(soft).ok_or_else(invalid)?;
        let hard = value(hard).ok_or_else(invalid)?;
        if soft.unwrap_or(u64::MAX) > hard.unwrap_or(u64::MAX) {
            return Err(ParseLimitError::SoftAboveHard {
                text: text.to_owned(),
            });
        }
        Ok(Self {
            resource: LimitedResource(*resource),
            soft,
            hard,
        })
    }
}

fn value(text: &str) -> Option<Option<u64>> {
    if text == "unlimited" {
        return Some(None);
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // The largest number is how the kernel writes unlimited.
    digits
        .then(|| text.parse().ok())?
        .filter(|number| *number != u64::MAX)
        .map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_back_from_how_they_are_shown() {
        for (text, shown) in [
            ("nofile=1024", "nofile=1024:1024"),
            ("nofile=1024:4096", "nofile=1024:4096"),
            ("core=unlimited", "core=unlimited:unlimited"),
            ("cpu=0:unlimited", "cpu=0:unlimited"),
        ] {
            let limit: ResourceLimit = text.parse().unwrap();
            assert_eq!(limit.to_string(), shown);
            assert_eq!(shown.parse(), Ok(limit));
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_with_its_text() {
        for text in [
            "nofile",
            "nofile=",
            "nofile=x",
            "nofile=-1",
            "nofile=1:",
            "cpu=99999999999999999999",
        ] {
            let error = text.parse::<ResourceLimit>().unwrap_err();
            assert_eq!(
                error,
                ParseLimitError::InvalidValue {
                    text: text.to_owned()
                }
            );
        }
        let error = "files=3".parse::<ResourceLimit>().unwrap_err();
        assert!(error.to_string().contains("nofile"), "{error}");
        assert!(matches!(
            "locks=3".parse::<ResourceLimit>(),
            Err(ParseLimitError::UnknownResource { .. })
        ));
        let error = "core=unlimited:5".parse::<ResourceLimit>().unwrap_err();
        assert!(matches!(error, ParseLimitError::SoftAboveHard { .. }));
    }
}
