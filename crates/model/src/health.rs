//! How often a record's thing worked and failed.

use serde::{Deserialize, Serialize};

/// Counts of uses, kept by machines, interfaces and binaries.
///
/// The counts only ever grow, and only by a statement of the database itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Uses that succeeded.
    pub num_uses_succeeded: u64,
    /// Uses that failed.
    pub num_uses_failed: u64,
}

impl Health {
    /// Percentage of uses that succeeded, rounded half up; 0 when there were none.
    #[must_use]
    pub fn percentage(self) -> u8 {
        let total = (u128::from(self.num_uses_succeeded) + u128::from(self.num_uses_failed)).max(1);
        let rounded = (200 * u128::from(self.num_uses_succeeded) + total) / (2 * total);
        u8::try_from(rounded).unwrap_or(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_share_of_uses_that_succeeded() {
        let health = |s, f| {
            Health {
                num_uses_succeeded: s,
                num_uses_failed: f,
            }
            .percentage()
        };
        assert_eq!(health(0, 0), 0);
        assert_eq!(health(1, 0), 100);
        assert_eq!(health(1, 1), 50);
        assert_eq!(health(2, 1), 67);
        assert_eq!(health(1, 2), 33);
        assert_eq!(health(1, 199), 1, "half a percent rounds up");
        assert_eq!(health(u64::MAX, u64::MAX), 50);
    }
}
