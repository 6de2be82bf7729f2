//! How far each stream had come, by the entries seen so far: its longest prefix without a gap, and what lies beyond one.
//!
//! The ledger is ordered by arrival, so a version may come before the one it follows. State at a position is made of prefixes.

use std::collections::{BTreeSet, HashMap};

use annals_kit::{StreamId, Version};
use sha2::{Digest, Sha256};

use crate::fact::Fact;

/// The versions of streams that were seen: about 30 to 60 bytes a stream, and a little for each version beyond a gap.
#[derive(Default)]
pub struct Prefixes {
    /// Versions are almost always all from 1 on: a number says so.
    all_until: HashMap<StreamKey, u64>,
    /// Versions after one that is lacking.
    beyond: HashMap<StreamKey, BTreeSet<u64>>,
}

impl Prefixes {
    /// Adds what an entry is about, if it is the insertion of a commit.
    pub fn add(&mut self, fact: &Fact) {
        // Keys of another form are no commit's.
        let (pk, sk) = fact.key();
        let (true, Ok(stream), Ok(version)) = (fact.is_insert(), pk.parse::<StreamId>(), sk.parse::<u64>()) else { return };
        let stream = StreamKey::of(&stream);
        let all_until = self.all_until.entry(stream).or_default();
        if version != *all_until + 1 {
            if version > *all_until {
                self.beyond.entry(stream).or_default().insert(version);
            }
            return;
        }
        *all_until = version;
        let Some(beyond) = self.beyond.get_mut(&stream) else { return };
        while beyond.remove(&(*all_until + 1)) {
            *all_until += 1;
        }
        if beyond.is_empty() {
            self.beyond.remove(&stream);
        }
    }

    /// The last version of a stream's prefix; `None` where its first is lacking.
    pub fn of(&self, stream: &StreamId) -> Option<Version> {
        self.all_until.get(&StreamKey::of(stream)).copied().and_then(Version::new)
    }

    /// The versions of a stream behind a gap.
    pub fn beyond(&self, stream: &StreamId) -> BTreeSet<u64> {
        self.beyond.get(&StreamKey::of(stream)).cloned().unwrap_or_default()
    }

    /// How many streams there are, and how many of them have a gap.
    pub fn streams(&self) -> (u64, u64) {
        (self.all_until.len() as u64, self.beyond.len() as u64)
    }
}

/// A stream, in 16 bytes of its name's SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StreamKey([u8; 16]);

impl StreamKey {
    fn of(stream: &StreamId) -> Self {
        let digest = Sha256::digest(stream.to_string());
        Self(std::array::from_fn(|i| digest[i]))
    }
}
