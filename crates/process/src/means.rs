//! What newer kernels and a writable cgroup hierarchy add, and may be switched off.

/// What may be used beyond what Linux 5.10 offers to everybody.
///
/// Each has a fallback; switching one off takes the fallback on a kernel that would not need it.
/// What the kernel lacks is not used whatever stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// Inodes of pidfds tell processes apart (`pidfs`, Linux 6.9).
    pub pidfs: bool,
    /// A pidfd tells how a process ended that somebody else reaped (`pidfd-exit`, Linux 6.15).
    pub exit_info: bool,
    /// Trees of processes are put into cgroups of their own (`cgroup`).
    pub cgroup: bool,
}

/// A name that stands for none of the [`Means`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot be switched off: it is none of pidfs, pidfd-exit, cgroup")]
pub struct UnknownMeans {
    /// As it was given.
    pub name: String,
}

impl Means {
    /// Everything.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            pidfs: true,
            exit_info: true,
            cgroup: true,
        }
    }

    /// Everything but what a comma list names: `pidfs`, `pidfd-exit`, `cgroup`. Blanks around a
    /// name and empty names are nothing.
    ///
    /// # Errors
    /// A name that is none of them.
    pub fn without(list: &str) -> Result<Self, UnknownMeans> {
        let names = list.split(',').map(str::trim);
        let mut means = Self::all();
        for name in names.filter(|name| !name.is_empty()) {
            match name {
                "pidfs" => means.pidfs = false,
                "pidfd-exit" => means.exit_info = false,
                "cgroup" => means.cgroup = false,
                unknown => {
                    let name = unknown.to_owned();
                    return Err(UnknownMeans { name });
                }
            }
        }
        Ok(means)
    }
}

impl Default for Means {
    fn default() -> Self {
        Self::all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_names_is_switched_off() {
        assert_eq!(Means::without(""), Ok(Means::all()));
        assert_eq!(Means::without(" , "), Ok(Means::all()));
        let without = Means::without("pidfd-exit").unwrap();
        assert_eq!((without.pidfs, without.exit_info), (true, false));
        let none = Means {
            pidfs: false,
            exit_info: false,
            cgroup: false,
        };
        assert_eq!(Means::without("pidfs, cgroup,pidfd-exit,"), Ok(none));
    }

    #[test]
    fn an_unknown_name_is_an_error_that_says_it() {
        let error = Means::without("pidfs,cgroups").unwrap_err();
        assert_eq!(error.name, "cgroups");
        assert!(error.to_string().contains("pidfd-exit"), "{error}");
    }
}
