//! Which files are meant: names with `*`, component by component.

/// A relative pattern such as `chrome/*.pid`. A `*` stands for any bytes within one name.
pub(super) struct Pattern(Vec<Vec<u8>>);

impl Pattern {
    /// `None` for one that is absolute, or has an empty component, `.` or `..`.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let parts: Vec<Vec<u8>> = pattern.split('/').map(Into::into).collect();
        let odd = |part: &Vec<u8>| matches!(part.as_slice(), b"" | b"." | b"..");
        (!parts.iter().any(odd)).then_some(Self(parts))
    }

    pub(super) fn parts(&self) -> &[Vec<u8>] {
        &self.0
    }
}

/// Whether a name is one that a component stands for.
pub(super) fn matches(part: &[u8], name: &[u8]) -> bool {
    match part.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => {
            let mut ends = (0..=name.len()).filter_map(|skip| name.get(skip..));
            ends.any(|end| matches(rest, end))
        }
        Some((byte, rest)) => name
            .split_first()
            .is_some_and(|(first, others)| first == byte && matches(rest, others)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_bytes_within_a_name() {
        assert!(matches(b"*.pid", b"a.pid") && matches(b"*.pid", b".pid"));
        assert!(matches(b"*", b"") && matches(b"a*b*c", b"axxbc"));
        assert!(!matches(b"*.pid", b"a.pid.old") && !matches(b"a*b*c", b"ab"));
        assert!(matches(b"chrome", b"chrome") && !matches(b"chrome", b"chromes"));
    }

    #[test]
    fn a_pattern_does_not_leave_its_directory() {
        for pattern in ["", "/etc/*.pid", "../*.pid", "a/../b", "a//b", "./a", "a/"] {
            assert!(Pattern::parse(pattern).is_none(), "{pattern}");
        }
        let parts = Pattern::parse("chrome/*.pid").unwrap();
        assert_eq!(parts.parts(), [b"chrome".to_vec(), b"*.pid".to_vec()]);
    }
}
