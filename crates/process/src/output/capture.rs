//! The part of an output that is kept in a record.

use std::fs::File;
use std::io;

use super::tail::read_available;

/// How much of a stream a record keeps, in bytes, unless the caller says otherwise.
pub const DEFAULT_CAPTURE_LIMIT: usize = 64 * 1024;

/// What is kept of a stream, as text that any database can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The text: all of it, or its two ends with a line between that says how much is left out.
    pub text: String,
    /// The size of the whole stream.
    pub total_bytes: u64,
    /// Whether something is left out.
    pub truncated: bool,
}

/// Reads what a record keeps of an output: at most `limit` bytes of text, and the line that
/// stands for the rest.
///
/// Bytes that are not UTF-8 become U+FFFD, and so does NUL, which PostgreSQL cannot store in a
/// text. Nothing is cut inside a character. The file itself stays as it is, and at most `limit`
/// bytes of it are read, however large it is.
///
/// # Errors
/// When the file cannot be read.
pub fn capture(file: &File, limit: usize) -> io::Result<Captured> {
    let total_bytes = file.metadata()?.len();
    // Text is never shorter than the bytes it is made of, so what is larger cannot fit.
    let whole = usize::try_from(total_bytes)
        .ok()
        .filter(|size| *size <= limit);
    if let Some(size) = whole {
        let bytes = read(file, 0, size)?;
        let text: String = characters(&bytes).map(|(character, _)| character).collect();
        if text.len() <= limit {
            return Ok(Captured {
                text,
                total_bytes,
                truncated: false,
            });
        }
    }
    let head_limit = limit / 2;
    let head = head(&read(file, 0, head_limit + LONGEST_CHARACTER)?, head_limit);
    let tail_limit = limit - head_limit;
    let size = (tail_limit + LONGEST_CHARACTER) as u64;
    let from = total_bytes.saturating_sub(size);
    let tail = tail(
        &read(file, from, tail_limit + LONGEST_CHARACTER)?,
        tail_limit,
    );

    let left_out = total_bytes.saturating_sub(head.bytes + tail.bytes);
    let mut text = head.text;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&format!("[... {left_out} bytes left out ...]\n"));
    text.push_str(&tail.text);
    Ok(Captured {
        text,
        total_bytes,
        truncated: true,
    })
}

/// In UTF-8.
const LONGEST_CHARACTER: usize = 4;

/// Text and how many bytes of the stream it stands for.
struct Part {
    text: String,
    bytes: u64,
}

/// As many characters from the beginning as fit.
fn head(bytes: &[u8], limit: usize) -> Part {
    let mut part = Part {
        text: String::new(),
        bytes: 0,
    };
    for (character, source) in characters(bytes) {
        if part.text.len() + character.len_utf8() > limit {
            break;
        }
        part.text.push(character);
        part.bytes += source as u64;
    }
    part
}

/// As many characters from the end as fit.
fn tail(bytes: &[u8], limit: usize) -> Part {
    // The read began anywhere: what is left of a character whose beginning is outside goes.
    let broken = bytes.iter().take(LONGEST_CHARACTER - 1);
    let broken = broken
        .take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000)
        .count();
    let bytes = bytes.get(broken..).unwrap_or_default();

    let mut excess: usize = characters(bytes)
        .map(|(character, _)| character.len_utf8())
        .sum();
    let mut part = Part {
        text: String::new(),
        bytes: 0,
    };
    for (character, source) in characters(bytes) {
        if excess > limit {
            excess -= character.len_utf8();
            continue;
        }
        part.text.push(character);
        part.bytes += source as u64;
    }
    part
}

/// The characters that bytes are shown as, each with the number of bytes it stands for.
fn characters(bytes: &[u8]) -> impl Iterator<Item = (char, usize)> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(|character| match character {
            '\0' => (char::REPLACEMENT_CHARACTER, 1),
            character => (character, character.len_utf8()),
        });
        let invalid = Some(chunk.invalid().len()).filter(|length| *length > 0);
        valid.chain(invalid.map(|length| (char::REPLACEMENT_CHARACTER, length)))
    })
}

fn read(file: &File, at: u64, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    let read = read_available(file, &mut bytes, at)?;
    bytes.truncate(read);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn captured(content: &[u8], limit: usize) -> Captured {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let captured = capture(&file, limit).unwrap();
        assert_eq!(captured.total_bytes, content.len() as u64);
        captured
    }

    #[test]
    fn what_fits_is_kept_whole() {
        for content in ["", "a", "two\nlines\n", "grün 🦀"] {
            let captured = captured(content.as_bytes(), 16);
            assert_eq!(captured.text, content);
            assert!(!captured.truncated);
        }
    }

    #[test]
    fn what_is_too_long_keeps_both_ends_and_says_how_much_is_missing() {
        let captured = captured(b"0123456789abcdefghij", 8);
        assert_eq!(captured.text, "0123\n[... 12 bytes left out ...]\nghij");
        assert!(captured.truncated);
    }

    #[test]
    fn no_character_is_cut_in_two() {
        // Four bytes each: at every limit the ends are whole crabs.
        let crabs = "🦀".repeat(100);
        for limit in 0..40 {
            let captured = captured(crabs.as_bytes(), limit);
            let kept = captured.text.matches('🦀').count();
            assert_eq!(kept, limit / 2 / 4 + (limit - limit / 2) / 4, "{limit}");
            assert!(!captured.text.contains(char::REPLACEMENT_CHARACTER));
            let left_out = format!("[... {} bytes left out ...]", 400 - 4 * kept);
            assert!(captured.text.contains(&left_out), "{}", captured.text);
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_nul_are_replaced() {
        assert_eq!(
            captured(b"a\xff\xfeb\0c\xe2\x82", 64).text,
            "a\u{FFFD}\u{FFFD}b\u{FFFD}c\u{FFFD}"
        );
    }

    #[test]
    fn replaced_bytes_do_not_make_it_longer_than_the_limit() {
        for (content, limit) in [
            (vec![0xff; 90], 100),
            (vec![0; 5000], 100),
            (vec![0x80; 101], 101),
        ] {
            let captured = captured(&content, limit);
            assert!(captured.truncated);
            let marker = captured
                .text
                .lines()
                .find(|line| line.starts_with("[..."))
                .unwrap();
            assert!(
                captured.text.len() - marker.len() <= limit + 2,
                "{}",
                captured.text.len()
            );
            let shown = captured.text.matches(char::REPLACEMENT_CHARACTER).count();
            let left_out = format!("[... {} bytes left out ...]", content.len() - shown);
            assert_eq!(marker, left_out);
        }
    }

    #[test]
    fn a_huge_file_costs_no_more_than_its_ends() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 40).unwrap();
        let captured = capture(&file, DEFAULT_CAPTURE_LIMIT).unwrap();
        assert_eq!(captured.total_bytes, 1 << 40);
        assert!(captured.text.len() <= DEFAULT_CAPTURE_LIMIT + 64);
    }
}
