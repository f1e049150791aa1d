//! Where a file has data: a log loses its oldest part by holes where it cannot be made shorter.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// How far to look back at first.
const STEP: u64 = 64 * 1024;

/// Where the next data is, at `at` or after it; none when only a hole follows, or nothing.
///
/// A file system without holes says that all of it is data (lseek(2)).
pub(super) fn next_data(file: &File, at: u64) -> io::Result<Option<u64>> {
    match seek(file, SeekFrom::Data(at)) {
        Ok(data) => Ok(Some(data)),
        Err(Errno::NXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Where the data at `at` ends.
fn data_end(file: &File, at: u64) -> io::Result<u64> {
    match seek(file, SeekFrom::Hole(at)) {
        Ok(hole) => Ok(hole),
        Err(Errno::NXIO) => Ok(at),
        Err(errno) => Err(errno.into()),
    }
}

/// The data at `at`, up to its hole.
pub(super) fn run_at(file: &File, at: u64) -> io::Result<Range<u64>> {
    Ok(at..data_end(file, at)?)
}

/// The last piece of data without a hole between `from` and `to`.
pub(super) fn last_run(file: &File, from: u64, to: u64) -> io::Result<Option<Range<u64>>> {
    let mut last = None;
    let mut at = from;
    while at < to {
        let Some(start) = next_data(file, at)?.filter(|start| *start < to) else {
            break;
        };
        let end = data_end(file, start)?.min(to);
        last = Some(start..end);
        at = end.max(start + 1);
    }
    Ok(last)
}

/// Where the last data before `end` ends; 0 when there is none.
pub(super) fn data_before(file: &File, mut end: u64) -> io::Result<u64> {
    let mut step = STEP;
    while end > 0 {
        let from = end.saturating_sub(step);
        if let Some(run) = last_run(file, from, end)? {
            return Ok(run.end);
        }
        end = from;
        step = step.saturating_mul(2);
    }
    Ok(0)
}

/// Reads data at `position`, which moves over a hole there; 0 at the end of the file.
pub(super) fn read_data(file: &File, block: &mut [u8], position: &mut u64) -> io::Result<usize> {
    loop {
        let read = read_once(file, block, *position)?;
        // A hole reads as zeroes, so what has none needs no further question.
        if !block.get(..read).unwrap_or_default().contains(&0) {
            return Ok(read);
        }
        // Asked first: what is appended meanwhile is not taken for the hole.
        let size = file.metadata()?.len();
        match next_data(file, *position)? {
            Some(data) if data == *position => {
                let length = data_end(file, data)?.saturating_sub(data);
                let read = usize::try_from(length).map_or(read, |length| length.min(read));
                // Nothing is left of it when it was made a hole just now.
                if read > 0 {
                    return Ok(read);
                }
            }
            Some(data) => *position = data,
            None => *position = size.max(*position),
        }
    }
}

/// Fills the buffer as far as the file goes, holes as zeroes.
pub(super) fn read_available(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match read_once(file, rest, at + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn read_once(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    const BLOCK: u64 = 4096;

    /// Data at 2 to 3 and 5 to 6 blocks, 8 blocks long.
    fn sparse() -> File {
        let file = tempfile::tempfile().unwrap();
        let data = [b'x'; BLOCK as usize];
        file.write_all_at(&data, 2 * BLOCK).unwrap();
        file.write_all_at(&data, 5 * BLOCK).unwrap();
        file.set_len(8 * BLOCK).unwrap();
        file
    }

    #[test]
    fn data_is_found_before_between_and_after_holes() {
        let file = sparse();
        assert_eq!(next_data(&file, 0).unwrap(), Some(2 * BLOCK));
        assert_eq!(next_data(&file, 6 * BLOCK).unwrap(), None);
        assert_eq!(run_at(&file, 2 * BLOCK).unwrap(), 2 * BLOCK..3 * BLOCK);
        let last = last_run(&file, 0, 8 * BLOCK).unwrap();
        assert_eq!(last, Some(5 * BLOCK..6 * BLOCK));
        assert_eq!(
            last_run(&file, 0, 5 * BLOCK).unwrap().unwrap().end,
            3 * BLOCK
        );
        assert_eq!(data_before(&file, 8 * BLOCK).unwrap(), 6 * BLOCK);
        assert_eq!(data_before(&file, 5 * BLOCK).unwrap(), 3 * BLOCK);
        assert_eq!(data_before(&file, BLOCK).unwrap(), 0);
    }

    #[test]
    fn reading_passes_over_holes_and_keeps_zeroes_that_were_written() {
        let file = sparse();
        file.write_all_at(b"\0a\0", 5 * BLOCK).unwrap();
        let mut block = vec![1; 16 * BLOCK as usize];
        let mut position = 0;
        let read = read_data(&file, &mut block, &mut position).unwrap();
        assert_eq!((position, read as u64), (2 * BLOCK, BLOCK));
        position += read as u64;
        let read = read_data(&file, &mut block, &mut position).unwrap();
        assert_eq!((position, read as u64), (5 * BLOCK, BLOCK));
        assert_eq!(block[..4], *b"\0a\0x");
        position += read as u64;
        assert_eq!(read_data(&file, &mut block, &mut position).unwrap(), 0);
        assert_eq!(position, 8 * BLOCK);
    }
}
