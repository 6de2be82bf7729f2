//! Finds what a ledger lacks of its log and sequences it: what no record of the stream will tell any more.
//!
//! Records are gone after 24 hours or the last retry. A commit whose record was lost shows no gap anywhere: only a walk over the whole log
//! finds it. It gets the next position like any other, late.

use std::collections::{BTreeSet, HashMap};

use annals_kit::Timestamp;
use annals_log::Log;
use annals_reads::{Item, ReadError};
use sha2::{Digest, Sha256};

use crate::fact::Fact;
use crate::reader::Reader;
use crate::records::Delivered;
use crate::sequencer::{SequenceError, Sequencer};
use crate::table::LedgerError;

/// Commits sequenced at a time.
const BATCH: usize = 1000;

/// What a reconciliation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Commits of the log that were looked at.
    pub commits: u64,
    /// Those that the ledger lacked, and now has.
    pub sequenced: u64,
}

/// A reconciliation did not get to its end; doing it again is safe.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The ledger does not take what it lacks.
    #[error(transparent)]
    Sequence(#[from] SequenceError),
}

/// Which part of the streams one reconciliation looks at: memory grows with their number, about 60 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    number: u64,
    of: u64,
}

impl Share {
    /// Every stream.
    pub const ALL: Self = Self { number: 0, of: 1 };

    /// Part `number`, from 0, of `of` parts; `None` where there is no such part.
    pub fn new(number: u64, of: u64) -> Option<Self> {
        (number < of).then_some(Self { number, of })
    }

    fn has(&self, stream: &StreamKey) -> bool {
        u64::from_be_bytes(std::array::from_fn(|i| stream.0[i])) % self.of == self.number
    }
}

/// Sequences every commit of `log` in `share` that the ledger lacks.
///
/// Cost: reads the ledger and the log once, each ceil(bytes / 4 KB) RCU; writes what is lacking at the sequencer's cost. Safe beside any
/// number of sequencers: what they sequence meanwhile is dropped as a redelivery.
pub async fn reconcile(sequencer: &Sequencer, log: &Log, share: Share) -> Result<Reconciled, ReconcileError> {
    let (known, since) = known(sequencer, share).await?;
    let (mut reconciled, mut lacking, mut after) = (Reconciled::default(), vec![], None);
    loop {
        let page = log.scan(after).await?;
        for item in page.items.iter().filter(|item| share.has(&StreamKey::of_item(item))) {
            reconciled.commits += 1;
            let fact = Fact::of_insert(item, "");
            if !known.has(&fact) {
                lacking.push(Delivered { fact, record: String::new(), created_at: since });
            }
        }
        after = page.next;
        if lacking.len() >= BATCH || (after.is_none() && !lacking.is_empty()) {
            reconciled.sequenced += sequencer.sequence_since(&lacking, since).await?;
            lacking.clear();
        }
        if after.is_none() {
            return Ok(reconciled);
        }
    }
}

/// What the ledger has, and since when what it has got after that was sequenced.
async fn known(sequencer: &Sequencer, share: Share) -> Result<(Known, Timestamp), LedgerError> {
    let (mut walk, mut known) = (Reader::new(sequencer.table().clone()).all(), Known::default());
    while let Some(entries) = walk.next_entries().await? {
        for fact in entries.into_iter().map(|entry| entry.fact).filter(Fact::is_insert) {
            known.add(&fact, share);
        }
    }
    let since = walk.tail().sequenced_at.unwrap_or(Timestamp::new(chrono::DateTime::<chrono::Utc>::MIN_UTC));
    Ok((known, since))
}

/// A stream, in 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StreamKey([u8; 16]);

impl StreamKey {
    fn of(pk: &str) -> Self {
        let digest = Sha256::digest(pk);
        Self(std::array::from_fn(|i| digest[i]))
    }

    fn of_item(item: &Item) -> Self {
        Self::of(item.get("PK").and_then(|value| value.as_s().ok()).map_or("", String::as_str))
    }
}

/// The versions of each stream that are in the ledger.
#[derive(Default)]
struct Known(HashMap<StreamKey, Versions>);

/// Versions are almost always all from 1 on: a number says so.
#[derive(Default)]
struct Versions {
    all_until: u64,
    beyond: BTreeSet<String>,
}

impl Known {
    fn add(&mut self, fact: &Fact, share: Share) {
        let (pk, sk) = fact.key();
        let stream = StreamKey::of(&pk);
        if !share.has(&stream) {
            return;
        }
        let versions = self.0.entry(stream).or_default();
        versions.beyond.insert(sk);
        while versions.beyond.remove(&sort_key(versions.all_until + 1)) {
            versions.all_until += 1;
        }
    }

    fn has(&self, fact: &Fact) -> bool {
        let (pk, sk) = fact.key();
        let Some(versions) = self.0.get(&StreamKey::of(&pk)) else { return false };
        let counted = sk.parse::<u64>().is_ok_and(|version| (1..=versions.all_until).contains(&version) && sort_key(version) == sk);
        counted || versions.beyond.contains(&sk)
    }
}

fn sort_key(version: u64) -> String {
    format!("{version:020}")
}
