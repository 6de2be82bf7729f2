//! The commands a stream has carried out in the last 24 hours: 16 bytes each, in memory and in snapshots.
//!
//! Only a fingerprint and a version are kept: the commit at that version holds the whole command id, the request hash and
//! the events from which the answer is made again. A busy stream's snapshot stays small that way (ADR 0004).

use std::collections::VecDeque;

use annals_kit::{CommandId, Timestamp, Version};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

/// How long a repeated command is known: 24 hours, and half an hour for clocks that jump.
pub const REMEMBERED: TimeDelta = TimeDelta::minutes(24 * 60 + 30);

/// The commands of the last [`REMEMBERED`], oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    entries: VecDeque<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    fingerprint: [u8; 8],
    version: u64,
    /// Seconds since 1970, cut.
    at: i64,
}

impl Seen {
    /// Remembers that `command` made commit `version` at time `at`, and forgets what is over 24 hours older.
    pub(crate) fn record(&mut self, command: CommandId, version: Version, at: Timestamp) {
        let oldest = at.plus(-REMEMBERED).seconds();
        while self.entries.front().is_some_and(|entry| entry.at < oldest) {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { fingerprint: fingerprint(command), version: version.get(), at: at.seconds() });
    }

    /// The commits that may be `command`'s, newest first; nearly always none or one.
    pub(crate) fn candidates(&self, command: CommandId) -> impl Iterator<Item = Version> + '_ {
        let wanted = fingerprint(command);
        self.entries.iter().rev().filter(move |entry| entry.fingerprint == wanted).filter_map(|entry| Version::new(entry.version))
    }

    /// How many bytes of memory it takes, about.
    pub(crate) fn weight(&self) -> usize {
        self.entries.len() * size_of::<Entry>()
    }

    /// 16 bytes a command: fingerprint, versions back from `version`, seconds back from `at`.
    pub(crate) fn pack(&self, version: Version, at: Timestamp) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * 16);
        for entry in &self.entries {
            let back = |from: u64| u32::try_from(from).unwrap_or(u32::MAX).to_be_bytes();
            bytes.extend_from_slice(&entry.fingerprint);
            bytes.extend_from_slice(&back(version.get().saturating_sub(entry.version)));
            bytes.extend_from_slice(&back(u64::try_from(at.seconds() - entry.at).unwrap_or(0)));
        }
        bytes
    }

    /// What [`Seen::pack`] packed with the same version and time; `None` when the bytes are not of that form.
    pub(crate) fn unpack(bytes: &[u8], version: Version, at: Timestamp) -> Option<Self> {
        let (chunks, rest) = bytes.as_chunks::<16>();
        let entries = chunks.iter().map(|chunk| {
            let number = |from: usize| u32::from_be_bytes(std::array::from_fn(|i| chunk[from + i]));
            Some(Entry {
                fingerprint: std::array::from_fn(|i| chunk[i]),
                version: version.get().checked_sub(u64::from(number(8))).filter(|version| *version > 0)?,
                at: at.seconds() - i64::from(number(12)),
            })
        });
        rest.is_empty().then(|| entries.collect::<Option<_>>()).flatten().map(|entries| Self { entries })
    }
}

/// Eight bytes of a hash, as the first bytes of a UUIDv7 are only its time.
fn fingerprint(command: CommandId) -> [u8; 8] {
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
            let unpacked = Seen::unpack(&seen.pack(last, now), last, now).unwrap();
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
