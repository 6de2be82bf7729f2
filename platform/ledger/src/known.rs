//! Which commits the ledger has, in little memory: read once, then followed.

use std::collections::BTreeSet;

use annals_kit::{Timestamp, Version};
use annals_log::StreamHead;

use crate::prefixes::Prefixes;
use crate::reader::{Reader, Walk};
use crate::table::{LedgerError, LedgerTable};

/// Every insertion that the ledger has a position for, up to where it was read. Entries stay, so it is never wrong, only late.
///
/// Memory: about 30 to 60 bytes a stream, and a little for each version beyond one that is lacking.
pub(crate) struct Known {
    walk: Walk,
    seen: Prefixes,
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
        Self { walk: Reader::new(table).all(), seen: Prefixes::default() }
    }

    /// Reads on to the ledger's end.
    ///
    /// Cost: 1 call for 50 items or 1 MB that are new, one more at the end; ceil(bytes read / 4 KB) RCU.
    ///
    /// Errors: what was read is kept; the next call goes on behind it.
    pub(crate) async fn follow(&mut self) -> Result<(), LedgerError> {
        while let Some(entries) = self.walk.next_entries().await? {
            entries.iter().for_each(|entry| self.seen.add(&entry.fact));
        }
        Ok(())
    }

    /// What is not known by now was sequenced at this time or later; `None` while the ledger is empty.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.walk.tail().sequenced_at
    }

    /// What it lacks of a stream up to its head, if anything.
    pub(crate) fn lacking(&self, head: &StreamHead) -> Option<Lacking> {
        let first = Version::after(self.seen.of(&head.stream));
        (first <= head.version).then(|| Lacking { first, beyond: self.seen.beyond(&head.stream) })
    }
}
