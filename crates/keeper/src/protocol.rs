//! What goes over the socket: small messages of 64-bit words, and descriptors beside them.
//!
//! Both ends are the same image at the same version; the keeper's name carries it.

/// What the keeper is called, by which its image knows what it is.
pub(crate) const NAME: &std::ffi::CStr = c"hostledger-keeper";
/// Its one argument: the version of these messages.
pub(crate) const VERSION: &std::ffi::CStr = c"2";

pub(crate) const WORD: usize = size_of::<u64>();

/// The first word of what the launcher sends.
pub(crate) const HELLO: u64 = 1;
pub(crate) const LAUNCH: u64 = 2;
/// What waits for its turn is to be given back.
pub(crate) const RECALL: u64 = 3;
/// How many of those that wait for their turn may run at once from now on.
pub(crate) const LIMIT: u64 = 4;

/// Words of the largest message to the keeper.
pub(crate) const REQUEST_WORDS: usize = 10;
pub(crate) const REQUEST_BYTES: usize = REQUEST_WORDS * WORD;
/// Block, stdin, stdout, stderr.
pub(crate) const LAUNCH_FDS: usize = 4;
/// As many programs can wait for their turn.
pub(crate) const MOST_WAITING: usize = 32;

/// Stands for "none" where 0 means something.
pub(crate) const NONE: u64 = u64::MAX;

/// A launch without its descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaunchMessage {
    pub(crate) id: (u64, u64),
    pub(crate) attempt: u64,
    /// In ns, or [`NONE`].
    pub(crate) timeout: u64,
    /// In ns.
    pub(crate) grace: u64,
    pub(crate) kill_mode: u64,
    /// In bytes, or [`NONE`].
    pub(crate) max_log_bytes: u64,
    /// It waits until fewer than this many of those that wait so run; [`NONE`] to start it without
    /// a wait.
    pub(crate) at_once: u64,
    /// When it is not to be started any more, in ns of `CLOCK_BOOTTIME`, or [`NONE`].
    pub(crate) start_by: u64,
}

impl LaunchMessage {
    pub(crate) fn to_words(self) -> [u64; REQUEST_WORDS] {
        [
            LAUNCH,
            self.id.0,
            self.id.1,
            self.attempt,
            self.timeout,
            self.grace,
            self.kill_mode,
            self.max_log_bytes,
            self.at_once,
            self.start_by,
        ]
    }

    pub(crate) fn of_words(words: &[u64; REQUEST_WORDS]) -> Self {
        let [
            _,
            high,
            low,
            attempt,
            timeout,
            grace,
            kill_mode,
            max_log_bytes,
            at_once,
            start_by,
        ] = *words;
        Self {
            id: (high, low),
            attempt,
            timeout,
            grace,
            kill_mode,
            max_log_bytes,
            at_once,
            start_by,
        }
    }

    /// Whether it waits for its turn.
    pub(crate) fn waits(&self) -> bool {
        self.at_once != NONE
    }

    /// Whether it is not to be started any more.
    pub(crate) fn is_late(&self, since_boot: u64) -> bool {
        self.start_by < since_boot
    }
}

/// The first message: which ways are open.
pub(crate) fn hello(concurrent: bool) -> [u64; REQUEST_WORDS] {
    [HELLO, u64::from(concurrent), 0, 0, 0, 0, 0, 0, 0, 0]
}

/// Asks for all that wait for their turn.
pub(crate) fn recall() -> [u64; REQUEST_WORDS] {
    [RECALL, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// Says how many of those that wait for their turn may run at once.
pub(crate) fn limit(at_once: u64) -> [u64; REQUEST_WORDS] {
    [LIMIT, at_once, 0, 0, 0, 0, 0, 0, 0, 0]
}

pub(crate) fn to_bytes(words: &[u64; REQUEST_WORDS]) -> [u8; REQUEST_BYTES] {
    let mut bytes = [0; REQUEST_BYTES];
    for (place, word) in bytes.chunks_exact_mut(WORD).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

/// `None` when it has another length.
pub(crate) fn to_words(bytes: &[u8]) -> Option<[u64; REQUEST_WORDS]> {
    if bytes.len() != REQUEST_BYTES {
        return None;
    }
    let mut words = [0; REQUEST_WORDS];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(WORD)) {
        *word = u64::from_ne_bytes(chunk.try_into().ok()?);
    }
    Some(words)
}

/// What the keeper tells of one process; several make a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) kind: u64,
    pub(crate) slot: u32,
    pub(crate) id: (u64, u64),
    /// Why a request was refused: an errno.
    pub(crate) errno: u32,
}

pub(crate) const STARTED: u64 = 1;
pub(crate) const FAILED: u64 = 2;
pub(crate) const ENDED: u64 = 3;
/// No slot, and nothing runs.
pub(crate) const REFUSED: u64 = 4;
/// No slot either: it waited for its turn, and was recalled.
pub(crate) const RETURNED: u64 = 5;

pub(crate) const NEWS_BYTES: usize = 4 * WORD;
/// The most that one message tells.
pub(crate) const MOST_NEWS: usize = 64;

impl News {
    /// Whether it is about a process that has no slot.
    pub(crate) fn is_unplaced(self) -> bool {
        matches!(self.kind, REFUSED | RETURNED)
    }

    pub(crate) fn to_bytes(self) -> [u8; NEWS_BYTES] {
        let mut bytes = [0; NEWS_BYTES];
        let place = u64::from(self.slot) << 32 | u64::from(self.errno);
        let words = [self.kind, place, self.id.0, self.id.1];
        for (place, word) in bytes.chunks_exact_mut(WORD).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let word = |index: usize| {
            let chunk = bytes.get(index * WORD..(index + 1) * WORD)?;
            Some(u64::from_ne_bytes(chunk.try_into().ok()?))
        };
        let place = word(1)?;
        Some(Self {
            kind: word(0)?,
            slot: (place >> 32) as u32,
            errno: place as u32,
            id: (word(2)?, word(3)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_is_read() {
        let launch = LaunchMessage {
            id: (1, u64::MAX),
            attempt: 3,
            timeout: NONE,
            grace: 5,
            kill_mode: 2,
            max_log_bytes: 7,
            at_once: 9,
            start_by: 11,
        };
        let words = to_words(&to_bytes(&launch.to_words())).unwrap();
        assert_eq!(
            (words[0], LaunchMessage::of_words(&words)),
            (LAUNCH, launch)
        );
        assert_eq!(to_words(&[0; 8]), None);
        let news = News {
            kind: ENDED,
            slot: u32::MAX,
            id: (4, 5),
            errno: 28,
        };
        assert_eq!(News::of_bytes(&news.to_bytes()), Some(news));
        assert_eq!(News::of_bytes(&[0; 31]), None);
    }
}
