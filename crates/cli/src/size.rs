//! Numbers of bytes as people write them.

/// Units, largest first, each 1024 of the next.
const UNITS: [(char, u64); 4] = [
    ('T', 1 << 40),
    ('G', 1 << 30),
    ('M', 1 << 20),
    ('K', 1 << 10),
];

/// Why a text is no number of bytes.
#[derive(Debug)]
pub(crate) struct InvalidSize {
    text: String,
}

impl std::fmt::Display for InvalidSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text } = self;
        write!(
            f,
            "{text:?} is not a number of bytes such as 4096, 512K, 64M or 2G"
        )
    }
}

impl std::error::Error for InvalidSize {}

/// Reads a number of bytes, with K, M, G or T for powers of 1024, small or capital.
pub(crate) fn parse_size(text: &str) -> Result<u64, InvalidSize> {
    let unit = |last: char| {
        UNITS
            .iter()
            .find(|(name, _)| last.eq_ignore_ascii_case(name))
    };
    let (digits, size) = match text.chars().last().and_then(unit) {
        Some((_, size)) => (text.get(..text.len() - 1).unwrap_or_default(), *size),
        None => (text, 1),
    };
    // `parse` takes a sign.
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| is_number);
    number
        .and_then(|number| number.checked_mul(size))
        .ok_or_else(|| InvalidSize {
            text: text.to_owned(),
        })
}

/// A number of bytes in the largest unit that leaves no more than four digits.
pub(crate) fn size_text(bytes: u64) -> String {
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        Some((name, size)) => format!("{}{name}", bytes / size),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_with_a_unit_or_without() {
        let size = |text| parse_size(text).unwrap();
        assert_eq!(size("0"), 0);
        assert_eq!(size("4096"), 4096);
        assert_eq!(size("512k"), 512 << 10);
        assert_eq!(size("64M"), 64 << 20);
        assert_eq!(size("2g"), 2 << 30);
        assert_eq!(size("1T"), 1 << 40);
        for text in [
            "",
            "M",
            "+1",
            "-1",
            "1.5G",
            "1MB",
            "1 M",
            "16777216T",
            "1\u{212a}",
        ] {
            let error = parse_size(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn sizes_are_shown_in_their_largest_unit() {
        assert_eq!(
            [0, 1023, 1024, 3 << 20, 5 << 30].map(size_text),
            ["0", "1023", "1K", "3M", "5G"]
        );
    }
}
