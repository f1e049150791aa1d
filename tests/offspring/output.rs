//! Output, and a lot of it.

use std::io::Write as _;

/// Writes lines of 64 bytes until it is so many bytes.
pub(crate) fn write(bytes: u64) {
    let line = format!("{:063}\n", 7);
    let block = line.repeat(1024);
    let mut out = std::io::stdout().lock();
    let mut left = bytes;
    while left > 0 {
        let now = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        out.write_all(&block.as_bytes()[..now]).unwrap();
        left -= now as u64;
    }
    out.flush().unwrap();
}
