//! A regular expression of a setting's schema.

use regex_lite::Regex;
use serde::{Deserialize, Deserializer};

/// A regular expression that a text has to match somewhere, as JSON Schema has it.
///
/// Those of JavaScript can look ahead and refer back, which this cannot: such a one is kept, told and
/// not checked.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Result<Regex, regex_lite::Error>,
}

impl Pattern {
    pub(super) fn new(text: String) -> Self {
        let regex = Regex::new(&text);
        Self { text, regex }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a text matches; yes where that cannot be told.
    #[must_use]
    pub fn allows(&self, text: &str) -> bool {
        self.regex
            .as_ref()
            .map_or(true, |regex| regex.is_match(text))
    }

    /// Why it cannot be told.
    #[must_use]
    pub fn problem(&self) -> Option<&regex_lite::Error> {
        self.regex.as_ref().err()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_anywhere_in_a_text() {
        let size = Pattern::new(r"^\d+[kmgKMG]?$".to_owned());
        for (text, fits) in [
            ("750m", true),
            ("5", true),
            ("750mb", false),
            ("", false),
            ("٣", false),
        ] {
            assert_eq!(size.allows(text), fits, "{text:?}");
        }
        assert!(Pattern::new("b".to_owned()).allows("abc"));
    }

    #[test]
    fn what_cannot_be_checked_is_told_and_allows_all() {
        for text in ["(?=x)", r"(a)\1", "("] {
            let pattern = Pattern::new(text.to_owned());
            assert!(pattern.problem().is_some() && pattern.allows("x"), "{text}");
        }
    }
}
