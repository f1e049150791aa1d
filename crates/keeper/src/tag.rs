//! The mark on everything that descends from a process.

use hostledger_model::ProcessId;

/// The soft `RLIMIT_LOCKS` of an attempt at a process and of all that descends from it.
///
/// The kernel has ignored this limit since Linux 2.4.25 and hands it down through fork, exec,
/// setsid and an empty environment. The same for the same attempt wherever it is computed; never
/// 0, and below 2^62, which no real limit is likely to be.
#[must_use]
pub fn tag(id: ProcessId, attempt: u32) -> u64 {
    let (high, low) = id.uuid().as_u64_pair();
    let mixed = mix(high).wrapping_add(low);
    let mixed = mix(mixed).wrapping_add(u64::from(attempt));
    // Above what anybody would set as a limit by hand.
    mix(mixed) >> 3 | 1 << 61
}

/// The finish of splitmix64: each bit of the input changes half of the output's.
fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_attempt_has_a_tag_of_its_own_that_stays_the_same() {
        let id: ProcessId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(tag(id, 1), tag(id, 1));
        let tags: HashSet<u64> = (0..1000)
            .flat_map(|_| {
                let id = ProcessId::generate();
                [tag(id, 1), tag(id, 2)]
            })
            .collect();
        assert_eq!(tags.len(), 2000);
        assert!(tags.iter().all(|tag| (1 << 61..1 << 62).contains(tag)));
    }
}
