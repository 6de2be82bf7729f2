//! Which commits the ledger has, in little memory: read once, then followed.

use std::collections::{BTreeSet, HashMap};

use annals_kit::{StreamId, Timestamp, Version};
use annals_log::StreamHead;
use sha2::{Digest, Sha256};

use crate::fact::Fact;
use crate::reader::{Reader, Walk};
use crate::table::{LedgerError, LedgerTable};

/// Every insertion that the ledger has a position for, up to where it was read. Entries stay, so it is never wrong, only late.
///
/// Memory: about 30 to 60 bytes a stream, and a little for each version beyond one that is lacking.
pub(crate) struct Known {
    walk: Walk,
    /// Versions are almost always all from 1 on: a number says so.
    all_until: HashMap<StreamKey, u64>,
    /// Versions after one that is lacking.
    beyond: HashMap<StreamKey, BTreeSet<u64>>,
}

/// Where a stream goes on that the ledger does not have whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lacking {
    /// The first version it lacks.
    pub(crate) first: Version,
    /// Later ones that it has.
    pub(crate) beyond: BTreeSet<u64>,
}

impl Lacking {
    /// Whether this is one of the versions that it lacks.
    pub(crate) fn has(&self, version: u64) -> bool {
        version >= self.first.get() && !self.beyond.contains(&version)
    }
}

impl Known {
    /// Nothing yet of the ledger in `table`.
    pub(crate) fn new(table: LedgerTable) -> Self {
        Self { walk: Reader::new(table).all(), all_until: HashMap::new(), beyond: HashMap::new() }
    }

    /// Reads on to the ledger's end.
    ///
    /// Cost: 1 call for 50 items or 1 MB that are new, one more at the end; ceil(bytes read / 4 KB) RCU.
    ///
    /// Errors: what was read is kept; the next call goes on behind it.
    pub(crate) async fn follow(&mut self) -> Result<(), LedgerError> {
        while let Some(entries) = self.walk.next_entries().await? {
            for entry in entries.iter().filter(|entry| entry.fact.is_insert()) {
                self.add(&entry.fact);
            }
        }
        Ok(())
    }

    /// What is not known by now was sequenced at this time or later; `None` while the ledger is empty.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.walk.tail().sequenced_at
    }

    /// What it lacks of a stream up to its head, if anything.
    pub(crate) fn lacking(&self, head: &StreamHead) -> Option<Lacking> {
        let stream = StreamKey::of(&head.stream);
        let all_until = self.all_until.get(&stream).copied().unwrap_or(0);
        let first = Version::new(all_until.checked_add(1)?)?;
        (first <= head.version).then(|| Lacking { first, beyond: self.beyond.get(&stream).cloned().unwrap_or_default() })
    }

    fn add(&mut self, fact: &Fact) {
        // Keys of another form are no commit's: no walk meets them.
        let (pk, sk) = fact.key();
        let (Ok(stream), Ok(version)) = (pk.parse::<StreamId>(), sk.parse::<u64>()) else { return };
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
