//! Texts that PostgreSQL takes, for any text.

use std::borrow::Cow;

/// The last of all characters, which no text means anything by.
const MARK: char = '\u{10FFFF}';

/// A text as PostgreSQL takes it.
pub(crate) fn marked(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', MARK]) {
        return Cow::Borrowed(text);
    }
    let mut marked = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => marked.extend([MARK, '0']),
            MARK => marked.extend([MARK, '1']),
            other => marked.push(other),
        }
    }
    Cow::Owned(marked)
}

/// The text that PostgreSQL was given by [`marked`].
pub(super) fn unmarked(text: String) -> String {
    unmarked_with(text, "\0")
}

/// The same in the JSON of values whose texts were marked.
pub(super) fn unmarked_json(text: String) -> String {
    unmarked_with(text, "\\u0000")
}

fn unmarked_with(text: String, nul: &str) -> String {
    if !text.contains(MARK) {
        return text;
    }
    let mut parts = text.split(MARK);
    let mut unmarked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(rest) = part.strip_prefix('0') {
            unmarked.push_str(nul);
            unmarked.push_str(rest);
        } else {
            unmarked.push(MARK);
            unmarked.push_str(part.strip_prefix('1').unwrap_or(part));
        }
    }
    unmarked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back_without_a_nul_on_the_way() {
        for text in [
            "",
            "plain",
            "a\0b",
            "\0",
            "\u{10FFFF}",
            "0\u{10FFFF}0\0\x001",
        ] {
            let marked = marked(text).into_owned();
            assert!(!marked.contains('\0'));
            assert_eq!(unmarked(marked), text);
        }
    }

    #[test]
    fn in_json_a_nul_comes_back_as_its_escape() {
        let value = serde_json::json!(["\\\0", "\u{10FFFF}"]);
        let marked = serde_json::json!([marked("\\\0"), marked("\u{10FFFF}")]).to_string();
        let read: serde_json::Value = serde_json::from_str(&unmarked_json(marked)).unwrap();
        assert_eq!(read, value);
    }
}
