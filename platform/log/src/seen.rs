//! The commands a stream has carried out in the last 24 hours: five to seven bytes each in snapshots.
//!
//! Only a fingerprint is kept, and a time: each commit is one command's, so the place says the version, and the commit there holds the
//! whole command id, the request hash and the events from which the answer is made again. A busy stream's snapshot stays small that
//! way (ADR 0004, 0025).

use std::collections::VecDeque;

use annals_kit::{CommandId, Timestamp, Version};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

/// How long a repeated command is known: 24 hours, and half an hour for clocks that jump.
pub const REMEMBERED: TimeDelta = TimeDelta::minutes(24 * 60 + 30);

/// The commands of the last [`REMEMBERED`], oldest first: of consecutive versions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    entries: VecDeque<Entry>,
    /// The version of the newest one; 0 where there is none.
    newest: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    fingerprint: [u8; FINGERPRINT],
    /// Seconds since 1970, cut.
    at: i64,
}

/// Bytes of a fingerprint: of 10,000 commands a day, one in 430,000 is looked up in vain.
const FINGERPRINT: usize = 4;

impl Seen {
    /// Remembers that `command` made commit `version`, the next one, at time `at`, and forgets what is over 24 hours older.
    pub(crate) fn record(&mut self, command: CommandId, version: Version, at: Timestamp) {
        let oldest = at.plus(-REMEMBERED).seconds();
        while self.entries.front().is_some_and(|entry| entry.at < oldest) {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { fingerprint: fingerprint(command), at: at.seconds() });
        self.newest = version.get();
    }

    /// The commits that may be `command`'s, newest first; nearly always none or one.
    pub(crate) fn candidates(&self, command: CommandId) -> impl Iterator<Item = Version> + '_ {
        let wanted = fingerprint(command);
        let newest_first = self.entries.iter().rev().zip(0u64..);
        let found = newest_first.filter(move |(entry, _)| entry.fingerprint == wanted);
        found.filter_map(move |(_, back)| Version::new(self.newest.checked_sub(back)?))
    }

    /// How many bytes of memory it takes, about.
    pub(crate) fn weight(&self) -> usize {
        self.entries.len() * size_of::<Entry>()
    }

    /// Newest first: the fingerprint, and the seconds from it to the one after it, or to `at`, in as few groups of seven bits as they need.
    pub(crate) fn pack(&self, at: Timestamp) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * (FINGERPRINT + 2));
        let mut later = at.seconds();
        for entry in self.entries.iter().rev() {
            bytes.extend_from_slice(&entry.fingerprint);
            let mut back = u64::try_from(later - entry.at).unwrap_or(0);
            later = entry.at;
            while back >= 0x80 {
                bytes.push(back as u8 | 0x80);
                back >>= 7;
            }
            bytes.push(back as u8);
        }
        bytes
    }

    /// What [`Seen::pack`] packed with the same time, of the commits up to `version`; `None` when the bytes are not of that form.
    pub(crate) fn unpack(mut bytes: &[u8], version: Version, at: Timestamp) -> Option<Self> {
        let (mut seen, mut at) = (Self { newest: version.get(), ..Self::default() }, at.seconds());
        while let Some((fingerprint, rest)) = bytes.split_first_chunk() {
            let (back, rest) = read_groups(rest)?;
            at = at.checked_sub(back)?;
            seen.entries.push_front(Entry { fingerprint: *fingerprint, at });
            bytes = rest;
        }
        (bytes.is_empty() && seen.entries.len() as u64 <= seen.newest).then_some(seen)
    }
}

/// A number in groups of seven bits, the lowest first, and what comes after it.
fn read_groups(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let (groups, rest) = bytes.split_at(length);
    // Nine groups are 63 bits.
    let number = (length <= 9).then(|| groups.iter().rev().fold(0, |number, byte| number << 7 | i64::from(byte & 0x7f)));
    Some((number?, rest))
}

/// Some bytes of a hash, as the first bytes of a UUIDv7 are only its time.
fn fingerprint(command: CommandId) -> [u8; FINGERPRINT] {
    let digest = Sha256::digest(command.0.as_bytes());
    std::array::from_fn(|i| digest[i])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        /// Law: every command of the last 24 hours is found at its version, before and after packing; older ones are forgotten.
        #[test]
        fn commands_are_known_for_24_hours_and_a_half(gaps in prop::collection::vec(0i64..30_000, 1..60)) {
            let (mut seen, mut at, mut all) = (Seen::default(), 1_000_000_000i64, vec![]);
            for (i, gap) in gaps.iter().enumerate() {
                at += gap;
                let (command, version) = (CommandId(Uuid::from_u128(i as u128)), Version::new(i as u64 + 1).unwrap());
                seen.record(command, version, Timestamp::from_seconds(at).unwrap());
                all.push((command, version, at));
            }
            let last = all.last().unwrap().1;
            let now = Timestamp::from_seconds(at).unwrap();
            let unpacked = Seen::unpack(&seen.pack(now), last, now).unwrap();
            prop_assert_eq!(&unpacked, &seen);
            for (command, version, then) in all {
                let found = unpacked.candidates(command).next();
                prop_assert_eq!(found, (at - then <= REMEMBERED.num_seconds()).then_some(version));
            }
        }

        /// Law: bytes of any form are taken in or refused, never a panic.
        #[test]
        fn unpacking_is_total(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Seen::unpack(&bytes, Version::new(40).unwrap(), Timestamp::from_seconds(0).unwrap());
        }
    }
}
