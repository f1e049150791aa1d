//! What the launcher is still to be told.
//!
//! A launcher that does not listen fills the socket; nothing is lost then, as what is owed
//! stands with the slot until it has been sent.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use hostledger_sys::SharedWords;
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::clock::{self, MILLISECOND};
use crate::protocol::{ENDED, FAILED, MOST_NEWS, NEWS_BYTES, News, REFUSED, RETURNED, STARTED};
use crate::table::layout::{Field, MOST_SLOTS};
use crate::table::map::Map;

/// As many requests can be refused or given back before anything is sent.
pub(super) const MOST_REFUSED: usize = 32;

/// How long news waits for more that nobody waits for: a launcher that is woken for each end does
/// little else.
const LINGER: u64 = 4 * MILLISECOND;
/// So many slots of news do not wait any longer.
const ENOUGH: usize = 16;

#[derive(Debug)]
pub(super) struct Owed {
    /// For each slot a bit for each kind.
    kinds: SharedWords,
    /// The slots that have bits, as long as they fit.
    recent: [u32; MOST_NEWS],
    recent_count: usize,
    /// More slots than that have bits.
    overflow: bool,
    refused: [News; MOST_REFUSED],
    refused_count: usize,
    /// The socket had no room.
    behind: bool,
    /// What is owed is to be sent now.
    prompt: bool,
    /// Until when it may wait, if any of it is owed.
    lingers_until: Option<u64>,
}

const NOTHING: News = News {
    kind: 0,
    slot: 0,
    id: (0, 0),
    errno: 0,
};

impl Owed {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            kinds: SharedWords::private(MOST_SLOTS)?,
            recent: [0; MOST_NEWS],
            recent_count: 0,
            overflow: false,
            refused: [NOTHING; MOST_REFUSED],
            refused_count: 0,
            behind: false,
            prompt: false,
            lingers_until: None,
        })
    }

    /// Whether to wait until the socket has room again.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    pub(super) fn has_room_for_refusals(&self) -> bool {
        self.refused_count < MOST_REFUSED
    }

    pub(super) fn refuse(&mut self, id: (u64, u64), errno: Errno) {
        let errno = errno.raw_os_error().unsigned_abs();
        self.tell_unplaced(News {
            kind: REFUSED,
            id,
            errno,
            ..NOTHING
        });
    }

    pub(super) fn give_back(&mut self, id: (u64, u64)) {
        self.tell_unplaced(News {
            kind: RETURNED,
            id,
            ..NOTHING
        });
    }

    fn tell_unplaced(&mut self, news: News) {
        self.prompt = true;
        if let Some(place) = self.refused.get_mut(self.refused_count) {
            *place = news;
            self.refused_count += 1;
        }
    }

    pub(super) fn tell(&mut self, slot: usize, kind: u64) {
        self.prompt = true;
        self.owe(slot, kind);
    }

    /// Tells what nobody waits for, together with what comes soon.
    pub(super) fn tell_soon(&mut self, slot: usize, kind: u64, now: u64) {
        let until = now.saturating_add(LINGER);
        self.lingers_until.get_or_insert(until);
        self.owe(slot, kind);
    }

    /// When what is owed is to be sent, if it may wait until then.
    pub(super) fn is_due_at(&self) -> Option<u64> {
        self.lingers_until.filter(|_| !self.behind)
    }

    fn owe(&mut self, slot: usize, kind: u64) {
        let Some(word) = self.word(slot) else {
            return;
        };
        word.fetch_or(1 << kind, Ordering::Relaxed);
        match self.recent.get_mut(self.recent_count) {
            Some(place) => {
                *place = slot as u32;
                self.recent_count += 1;
            }
            None => self.overflow = true,
        }
    }

    /// Sends all that the socket takes, if any of it is due.
    pub(super) fn send(&mut self, map: &Map, socket: BorrowedFd<'_>) {
        let is_due = |until| self.recent_count >= ENOUGH || until <= clock::now();
        if self.prompt || self.behind || self.lingers_until.is_some_and(is_due) {
            self.send_now(map, socket);
        }
    }

    fn send_now(&mut self, map: &Map, socket: BorrowedFd<'_>) {
        while self.recent_count + self.refused_count > 0 {
            let mut packet = Packet::new();
            self.fill(map, &mut packet);
            if packet.count == 0 {
                break;
            }
            match packet.send(socket) {
                Err(Errno::AGAIN | Errno::NOBUFS) => {
                    self.behind = true;
                    return;
                }
                // Who is gone is not told.
                Ok(()) | Err(_) => self.forget(&packet),
            }
        }
        self.recent_count = 0;
        self.overflow = false;
        self.behind = false;
        self.prompt = false;
        self.lingers_until = None;
    }

    fn fill(&self, map: &Map, packet: &mut Packet) {
        for news in self.refused.iter().take(self.refused_count) {
            packet.push(*news);
        }
        if self.overflow {
            for slot in 0..map.capacity() {
                self.add(map, slot, packet);
            }
        } else {
            for slot in self.recent.iter().take(self.recent_count) {
                self.add(map, *slot as usize, packet);
            }
        }
    }

    /// Adds what is owed of one slot, in the order it happened.
    fn add(&self, map: &Map, slot: usize, packet: &mut Packet) {
        let kinds = self
            .word(slot)
            .map_or(0, |word| word.load(Ordering::Relaxed));
        let Some(words) = map.slot(slot).filter(|_| kinds != 0) else {
            return;
        };
        for kind in [STARTED, FAILED, ENDED] {
            if kinds & 1 << kind != 0 {
                packet.push(News {
                    kind,
                    slot: slot as u32,
                    id: (words.load(Field::IdHigh), words.load(Field::IdLow)),
                    errno: 0,
                });
            }
        }
    }

    fn forget(&mut self, packet: &Packet) {
        let mut refused = 0;
        for news in packet.news.iter().take(packet.count) {
            if news.is_unplaced() {
                refused += 1;
            } else if let Some(word) = self.word(news.slot as usize) {
                word.fetch_and(!(1 << news.kind), Ordering::Relaxed);
            }
        }
        // They are always the first, and all fit into one packet.
        if refused > 0 {
            self.refused_count = 0;
        }
    }

    fn word(&self, slot: usize) -> Option<&AtomicU64> {
        self.kinds.get(slot, 1)?.first()
    }
}

const _: () = assert!(MOST_REFUSED <= MOST_NEWS);

/// One message.
struct Packet {
    news: [News; MOST_NEWS],
    count: usize,
}

impl Packet {
    fn new() -> Self {
        Self {
            news: [NOTHING; MOST_NEWS],
            count: 0,
        }
    }

    /// Adds news unless they are there already, as a slot can be among the recent ones twice.
    fn push(&mut self, news: News) {
        if !news.is_unplaced() && self.news[..self.count].contains(&news) {
            return;
        }
        if let Some(place) = self.news.get_mut(self.count) {
            *place = news;
            self.count += 1;
        }
    }

    fn send(&self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let mut bytes = [0; MOST_NEWS * NEWS_BYTES];
        let chunks = bytes.chunks_exact_mut(NEWS_BYTES);
        for (chunk, news) in chunks.zip(self.news.iter().take(self.count)) {
            chunk.copy_from_slice(&news.to_bytes());
        }
        let bytes = bytes.get(..self.count * NEWS_BYTES).unwrap_or_default();
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        rustix::net::send(socket, bytes, flags).map(drop)
    }
}
