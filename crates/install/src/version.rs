//! Versions: seen in what a program prints, and compared.

use std::cmp::Ordering;

/// The first thing in a text that looks like a version: numbers with dots between them and what
/// hangs on to them, such as `1.2.3-rc1`; else a number of its own.
#[must_use]
pub fn find_version(text: &str) -> Option<&str> {
    let words = || {
        text.split(|it: char| it.is_whitespace() || "()[]{},;:'\"".contains(it))
            .filter(|word| !word.is_empty())
    };
    words()
        .find_map(dotted)
        .or_else(|| words().find_map(number))
}

/// The part of a word that begins with numbers and dots.
fn dotted(word: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut from = 0;
    while let Some(at) = word[from..].find(|it: char| it.is_ascii_digit()) {
        let start = from + at;
        let first = digits(&word[start..]);
        let after = &word[start + first..];
        // `/2.x` of a path or an address is none, and neither is a number after a dot.
        let before = word[..start].chars().next_back();
        let apart = before.is_none_or(|it| !matches!(it, '/' | '.'));
        if apart && after.starts_with('.') && digits(&after[1..]) > 0 {
            let goes_on = |it: char| it.is_ascii_alphanumeric() || ".-+~_".contains(it);
            let end = word[start..]
                .find(|it| !goes_on(it))
                .map_or(word.len(), |end| start + end);
            return Some(word[start..end].trim_end_matches(['.', '-', '+', '~', '_']));
        }
        from = start + first;
    }
    None
}

/// A word that is a number, such as the version of `less`.
fn number(word: &str) -> Option<&str> {
    let number = word.strip_prefix(['v', 'V']).unwrap_or(word);
    let number = number.trim_end_matches('.');
    (!number.is_empty() && number.bytes().all(|it| it.is_ascii_digit())).then_some(number)
}

/// Compares versions number by number; what else is in them does not count, and what is missing
/// is 0.
#[must_use]
pub fn compare_versions(one: &str, other: &str) -> Ordering {
    let (one, other) = (numbers(one), numbers(other));
    let length = one.len().max(other.len());
    let at = |numbers: &[u64], index: usize| numbers.get(index).copied().unwrap_or_default();
    (0..length)
        .map(|index| at(&one, index).cmp(&at(&other, index)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// The numbers of a version, up to where it says something else than numbers with dots.
fn numbers(version: &str) -> Vec<u64> {
    let start = version.find(|it: char| it.is_ascii_digit());
    let version = &version[start.unwrap_or(version.len())..];
    let end = version.find(|it: char| !it.is_ascii_digit() && it != '.');
    version[..end.unwrap_or(version.len())]
        .split('.')
        .filter(|number| !number.is_empty())
        .map(|number| number.parse().unwrap_or(u64::MAX))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_seen_in_what_programs_print() {
        for (text, version) in [
            ("git version 2.39.5\n", "2.39.5"),
            ("2025.01.15", "2025.01.15"),
            ("v20.11.1\n", "20.11.1"),
            ("tree v2.1.0 © 1996 - 2022 by Steve Baker", "2.1.0"),
            ("Google Chrome 120.0.6099.109 ", "120.0.6099.109"),
            ("jq-1.6", "1.6"),
            (
                "ffmpeg version n5.1.6-0+deb12u1 Copyright (c) 2000-2024",
                "5.1.6-0+deb12u1",
            ),
            ("OpenSSH_9.2p1, OpenSSL 3.0.15", "9.2p1"),
            ("less 590 (GNU regular expressions)", "590"),
            ("GNU bash, version 5.2.15(1)-release", "5.2.15"),
            ("see http://x/1.2/a for version 3.4.", "3.4"),
            ("openjdk version \"17.0.13\" 2024-10-15", "17.0.13"),
            (
                "black, 24.1.0 (compiled: yes)\nPython (CPython) 3.11.2",
                "24.1.0",
            ),
            ("release v7", "7"),
        ] {
            assert_eq!(find_version(text), Some(version), "{text:?}");
        }
        for text in ["", "usage: x [options]", "no version here", "a.b.c x1"] {
            assert_eq!(find_version(text), None, "{text:?}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (one, other, order) in [
            ("1.2", "1.10", Ordering::Less),
            ("2024.12.01", "2024.2", Ordering::Greater),
            ("1.0", "1", Ordering::Equal),
            ("v1.2.3-rc1", "1.2.3", Ordering::Equal),
            ("9.2p1", "9.2", Ordering::Equal),
            ("", "0.1", Ordering::Less),
            ("99999999999999999999999", "5", Ordering::Greater),
        ] {
            assert_eq!(compare_versions(one, other), order, "{one} {other}");
        }
    }
}
