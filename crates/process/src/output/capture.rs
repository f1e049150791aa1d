//! The part of an output that is kept in a record.

use std::fs::File;
use std::io;

use super::holes::{last_run, next_data, read_available, run_at};

/// How much of a stream a record keeps, in bytes, unless the caller says otherwise.
pub const DEFAULT_CAPTURE_LIMIT: usize = 64 * 1024;

/// What is kept of a stream, as text that any database can hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The text: all of it, or its two ends with a line between that says how much is left out.
    /// A line before says how much the log has lost of its beginning.
    pub text: String,
    /// The size of the whole stream, with what the log has lost.
    pub total_bytes: u64,
    /// How many of them the log has lost from its front, by getting shorter or by a hole.
    pub removed_bytes: u64,
    /// Whether something is left out.
    pub truncated: bool,
}

/// Which part of a log file is the output of one process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogPart {
    /// Where it began: the size of the file when it was opened for the process.
    pub from: u64,
    /// How many bytes were removed from the front of the file since, so that it is shorter by them.
    pub dropped: u64,
}

/// Reads what a record keeps of an output: at most `limit` bytes of text, and the lines that
/// stand for the rest.
///
/// Bytes that are not UTF-8 become U+FFFD, and so does NUL, which PostgreSQL cannot store in a
/// text. Nothing is cut inside a character. A hole at the front is told as removed, as it is one
/// that took the place of the oldest bytes. The file itself stays as it is, and at most `limit`
/// bytes of it are read, however large it is.
///
/// # Errors
/// When the file cannot be read.
pub fn capture(file: &File, limit: usize, part: LogPart) -> io::Result<Captured> {
    let size = file.metadata()?.len();
    let from = part.from.saturating_sub(part.dropped);
    // Somebody has truncated it since: all that is there is new.
    let from = if from <= size { from } else { 0 };
    let dropped = part.dropped.saturating_sub(part.from);
    let begin = next_data(file, from)?.unwrap_or(size).min(size);

    let (mut text, mut truncated) = match whole(file, begin, size, limit)? {
        Some(text) => (text, false),
        None => (ends(file, begin, size, limit)?, true),
    };
    let removed = dropped + begin - from;
    if removed > 0 {
        let line = format!("[... the oldest {removed} bytes were removed ...]\n");
        text.insert_str(0, &line);
        truncated = true;
    }
    Ok(Captured {
        text,
        total_bytes: dropped + size - from,
        removed_bytes: removed,
        truncated,
    })
}

/// All of it, when it fits and has no hole.
fn whole(file: &File, begin: u64, size: u64, limit: usize) -> io::Result<Option<String>> {
    // Text is never shorter than the bytes it is made of, so what is larger cannot fit.
    let length = usize::try_from(size - begin).ok();
    let Some(length) = length.filter(|length| *length <= limit) else {
        return Ok(None);
    };
    if begin < size && run_at(file, begin)?.end < size {
        return Ok(None);
    }
    let bytes = read(file, begin, length)?;
    let text: String = characters(&bytes).map(|(character, _)| character).collect();
    Ok(Some(text).filter(|text| text.len() <= limit))
}

/// Its beginning and its end.
fn ends(file: &File, begin: u64, size: u64, limit: usize) -> io::Result<String> {
    let head_limit = limit / 2;
    let wanted = (head_limit + LONGEST_CHARACTER) as u64;
    let to = run_at(file, begin)?.end.min(begin + wanted);
    let head = head(&read_range(file, begin, to)?, head_limit);

    let tail_limit = limit - head_limit;
    let wanted = (tail_limit + LONGEST_CHARACTER) as u64;
    let from = size.saturating_sub(wanted).max(begin + head.bytes);
    let from = last_run(file, from, size)?.map_or(from, |run| run.start);
    let tail = tail(&read_range(file, from, size)?, tail_limit);

    let left_out = (size - begin).saturating_sub(head.bytes + tail.bytes);
    let mut text = head.text;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&format!("[... {left_out} bytes left out ...]\n"));
    text.push_str(&tail.text);
    Ok(text)
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

fn read_range(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    // Ranges here are no longer than the limit, which fits.
    let size = usize::try_from(to.saturating_sub(from)).unwrap_or(0);
    read(file, from, size)
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
        let captured = capture(&file, limit, LogPart::default()).unwrap();
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
        let captured = capture(&file, DEFAULT_CAPTURE_LIMIT, LogPart::default()).unwrap();
        assert_eq!(captured.total_bytes, 1 << 40);
        assert!(captured.text.len() <= DEFAULT_CAPTURE_LIMIT + 64);
    }

    #[test]
    fn what_was_removed_from_the_front_is_counted_and_said() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let part = LogPart {
            from: 0,
            dropped: 4096,
        };
        let whole = capture(&file, 16, part).unwrap();
        assert_eq!(
            whole.text,
            "[... the oldest 4096 bytes were removed ...]\n0123456789"
        );
        assert_eq!((whole.total_bytes, whole.truncated), (4106, true));
        assert_eq!(whole.removed_bytes, 4096);
        let ends = capture(&file, 4, part).unwrap();
        assert_eq!(
            ends.text,
            "[... the oldest 4096 bytes were removed ...]\n01\n[... 6 bytes left out ...]\n89"
        );
        assert_eq!(ends.total_bytes, 4106);
    }

    #[test]
    fn what_was_in_the_file_before_belongs_to_somebody_else() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"theirs\nours\n").unwrap();
        let of = |from, dropped| capture(&file, 64, LogPart { from, dropped }).unwrap();
        assert_eq!(of(7, 0).text, "ours\n");
        assert_eq!(of(7, 0).total_bytes, 5);
        // Of 100 bytes that were there first, 93 have gone.
        assert_eq!(of(100, 93).text, "ours\n");
        assert_eq!(of(100, 93).total_bytes, 5);
        // All of them, and three of ours.
        assert_eq!(of(100, 103).total_bytes, 15);
        assert_eq!(of(100, 103).removed_bytes, 3);
        assert!(of(100, 103).text.starts_with("[... the oldest 3 bytes"));
        // It was truncated meanwhile.
        assert_eq!(of(14, 0).text, "theirs\nours\n");
    }

    #[test]
    fn holes_are_left_out_and_one_at_the_front_is_told_as_removed() {
        use std::os::unix::fs::FileExt;
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"begin", 1 << 32).unwrap();
        file.write_all_at(b"end", 2 << 32).unwrap();
        let captured = capture(&file, 1 << 16, LogPart::default()).unwrap();
        // The data of a file system block is zeroes where nothing was written.
        let shown = captured.text.replace(char::REPLACEMENT_CHARACTER, "");
        assert_eq!(captured.removed_bytes, 1 << 32);
        assert!(shown.starts_with("[... the oldest 4294967296 bytes were removed ...]\nbegin"));
        assert!(shown.ends_with(" bytes left out ...]\nend"), "{shown}");
        assert_eq!(captured.total_bytes, (2 << 32) + 3);
    }
}
