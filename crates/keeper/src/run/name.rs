//! Short paths, put together without allocation.

use std::ffi::CStr;

/// A path of at most 63 bytes. What does not fit is cut, and names nothing then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    bytes: [u8; 64],
    length: usize,
}

impl Name {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; 64],
            length: 0,
        }
    }

    pub(super) fn text(mut self, text: &[u8]) -> Self {
        for byte in text {
            // The last byte stays 0.
            if self.length + 1 < self.bytes.len() {
                self.bytes[self.length] = *byte;
                self.length += 1;
            }
        }
        self
    }

    pub(super) fn number(self, number: u64) -> Self {
        let mut digits = [0; 20];
        let mut first = digits.len();
        let mut rest = number;
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 || first == 0 {
                break;
            }
        }
        self.text(&digits[first..])
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_put_together_and_what_is_too_long_is_cut() {
        let name = Name::new().number(0).text(b".").number(u64::MAX);
        assert_eq!(name.as_c_str(), c"0.18446744073709551615");
        let long = Name::new().text(&[b'a'; 100]);
        assert_eq!(long.as_c_str().count_bytes(), 63);
    }
}
