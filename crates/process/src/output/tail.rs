//! The last lines of a file, without reading the rest of it.

use std::fs::File;
use std::io::{self, Write};

use super::holes::{data_before, read_available, read_data};

const BLOCK: usize = 64 * 1024;

/// Where the last `lines` lines begin. A last line without its end counts as one.
///
/// Holes, where a log lost its oldest part, are passed over: they hold no lines.
///
/// # Errors
/// When the file cannot be read.
pub fn tail_offset(file: &File, lines: u64) -> io::Result<u64> {
    let size = file.metadata()?.len();
    if lines == 0 {
        return Ok(size);
    }
    let mut block = vec![0; BLOCK];
    // The end of the last line does not begin another.
    let mut end = size.saturating_sub(1);
    let mut found = 0;
    while end > 0 {
        let start = end.saturating_sub(BLOCK as u64);
        // At most one block, so it fits.
        let part = block
            .get_mut(..usize::try_from(end - start).unwrap_or(0))
            .unwrap_or_default();
        let read = read_available(file, part, start)?;
        if part.iter().all(|byte| *byte == 0) {
            end = data_before(file, start)?;
            continue;
        }
        for (index, byte) in part.iter().take(read).enumerate().rev() {
            if *byte == b'\n' {
                found += 1;
                if found == lines {
                    return Ok(start + index as u64 + 1);
                }
            }
        }
        end = start;
    }
    Ok(0)
}

/// Writes the last `lines` lines to `out`, byte for byte; says how many bytes that were. Holes are
/// left out.
///
/// # Errors
/// When the file cannot be read or `out` not be written to.
pub fn tail(file: &File, lines: u64, out: &mut impl Write) -> io::Result<u64> {
    let mut position = tail_offset(file, lines)?;
    let mut block = vec![0; BLOCK];
    let mut written = 0;
    loop {
        let read = read_data(file, &mut block, &mut position)?;
        let Some(part) = block.get(..read).filter(|part| !part.is_empty()) else {
            return Ok(written);
        };
        out.write_all(part)?;
        position += read as u64;
        written += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail_of(content: &[u8], lines: u64) -> Vec<u8> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let mut out = Vec::new();
        let count = tail(&file, lines, &mut out).unwrap();
        assert_eq!(count, out.len() as u64);
        out
    }

    #[test]
    fn the_last_lines_come_byte_for_byte() {
        assert_eq!(tail_of(b"a\nb\xff\nc\n", 2), b"b\xff\nc\n");
        assert_eq!(tail_of(b"a\nb\nc", 2), b"b\nc");
        assert_eq!(tail_of(b"a\n\n\n", 2), b"\n\n");
        assert_eq!(tail_of(b"a\nb\n", 0), b"");
        assert_eq!(tail_of(b"a\nb\n", 9), b"a\nb\n");
        assert_eq!(tail_of(b"", 3), b"");
        assert_eq!(tail_of(b"\n", 1), b"\n");
        assert_eq!(tail_of(b"x", 1), b"x");
    }

    #[test]
    fn lines_are_found_across_blocks() {
        let mut content = vec![b'x'; 3 * BLOCK];
        content.push(b'\n');
        content.extend(vec![b'y'; BLOCK - 1]);
        content.push(b'\n');
        assert_eq!(tail_of(&content, 1).len(), BLOCK);
        assert_eq!(tail_of(&content, 2), content);
        // As the command of that name has it, for every count.
        let lines: Vec<u8> = (0..40_000)
            .flat_map(|i| format!("line {i}\n").into_bytes())
            .collect();
        for count in [1, 7, 6000, 39_999, 40_000, 40_001] {
            let kept = lines.split_inclusive(|byte| *byte == b'\n');
            let skipped = 40_000_usize.saturating_sub(usize::try_from(count).unwrap());
            let expected: Vec<u8> = kept.skip(skipped).flatten().copied().collect();
            assert_eq!(tail_of(&lines, count), expected, "{count}");
        }
    }
    #[test]
    fn holes_are_neither_lines_nor_bytes_and_cost_nothing() {
        use std::os::unix::fs::FileExt;
        let file = tempfile::tempfile().unwrap();
        // As large as a hole can be cut out between.
        let before = format!("a\n{}\n", "b".repeat(4093)).into_bytes();
        file.write_all_at(&before, 1 << 40).unwrap();
        file.write_all_at(b"c\xff\n", 2 << 40).unwrap();
        let tail_of = |lines| {
            let mut out = Vec::new();
            tail(&file, lines, &mut out).unwrap();
            out
        };
        assert_eq!(tail_offset(&file, 2).unwrap(), (1 << 40) + 2);
        assert_eq!(tail_offset(&file, 3).unwrap(), 0);
        assert_eq!(tail_of(1), b"c\xff\n");
        assert_eq!(tail_of(2), [&before[2..], b"c\xff\n"].concat());
        assert_eq!(tail_of(9), [&before[..], b"c\xff\n"].concat());
    }
}
