//! How much of a proof or a measurement is done.

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A minute for all: what CI does.
    Short,
    /// As much as is needed to believe it.
    Long,
}

impl Extent {
    /// One of two numbers.
    pub(crate) fn of<T>(self, short: T, long: T) -> T {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}
