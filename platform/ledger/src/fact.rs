//! What the ledger keeps of one record of the log's stream: a commit, or something that should not have happened to one.

use annals_kit::{Actor, StreamId, Tenant, Timestamp, Version};
use annals_log::{Commit, CommitHash};
use annals_reads::Item;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What is sequenced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A commit, inserted.
    Commit(CommitFact),
    /// Anything else that a log's stream may show: it is evidence, and has a position like a commit.
    Irregular(Irregular),
}

/// What the ledger keeps of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFact {
    /// The stream.
    pub stream: StreamId,
    /// The commit's place in it.
    pub version: Version,
    /// Whose it is.
    pub tenant: Tenant,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What it belongs to.
    pub correlation: Uuid,
    /// The types of its events, in order.
    pub events: Vec<String>,
    /// Its hash.
    pub hash: [u8; 32],
}

/// Something that does not happen to a log unless someone makes it happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Irregular {
    /// What happened.
    pub kind: Irregularity,
    /// The item's partition key.
    pub pk: String,
    /// The item's sort key.
    pub sk: String,
    /// The record's sequence number in the stream; empty where the item was found in the log itself.
    pub record: String,
    /// The hash of the item as it is now; zeros where it has none or is gone.
    pub hash: [u8; 32],
}

/// What happened to an item of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Irregularity {
    /// Inserted, and not a commit that this code can read.
    Unreadable,
    /// Changed.
    Changed,
    /// Deleted.
    Removed,
    /// Inserted again with other content, after it had been deleted.
    Replaced,
}

impl Irregularity {
    pub(crate) const ALL: [Self; 4] = [Self::Unreadable, Self::Changed, Self::Removed, Self::Replaced];

    /// The word for it in a leaf; final.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Replaced => "replaced",
        }
    }
}

/// Tells facts apart: the first 16 bytes of a SHA-256 of what names the fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Identity(pub(crate) [u8; 16]);

impl Identity {
    fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            // Lengths first, so that no two lists run together.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest = digest.finalize();
        Self(std::array::from_fn(|i| digest[i]))
    }
}

impl Fact {
    /// What an item that was inserted into a log is.
    pub fn of_insert(item: &Item, record: &str) -> Self {
        let hash = CommitHash::of(item).map_or([0; 32], |hash| hash.0);
        match Commit::from_item(item) {
            Ok(commit) if hash != [0; 32] => Self::Commit(CommitFact {
                stream: commit.stream,
                version: commit.version,
                tenant: commit.tenant,
                recorded_at: commit.recorded_at,
                actor: commit.actor,
                correlation: commit.correlation,
                events: commit.events.into_iter().map(|event| event.event_type).collect(),
                hash,
            }),
            _ => Self::irregular(Irregularity::Unreadable, item, record, hash),
        }
    }

    /// Something that happened to the item with these keys.
    pub(crate) fn irregular(kind: Irregularity, keys: &Item, record: &str, hash: [u8; 32]) -> Self {
        let key = |name: &str| keys.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        Self::Irregular(Irregular { kind, pk: key("PK"), sk: key("SK"), record: record.to_owned(), hash })
    }

    /// The keys of the item in the log.
    pub fn key(&self) -> (String, String) {
        match self {
            Self::Commit(commit) => (commit.stream.to_string(), format!("{:020}", commit.version.get())),
            Self::Irregular(irregular) => (irregular.pk.clone(), irregular.sk.clone()),
        }
    }

    /// The hash of the commit, or of the item as it is.
    pub fn hash(&self) -> [u8; 32] {
        match self {
            Self::Commit(commit) => commit.hash,
            Self::Irregular(irregular) => irregular.hash,
        }
    }

    /// Whether it is the insertion of an item, of which a key has one.
    pub fn is_insert(&self) -> bool {
        matches!(self, Self::Commit(_) | Self::Irregular(Irregular { kind: Irregularity::Unreadable, .. }))
    }

    /// An insertion is known by its key, anything else by its record.
    pub(crate) fn identity(&self) -> Identity {
        let (pk, sk) = self.key();
        match self {
            Self::Irregular(other) if !self.is_insert() => Identity::of(&[&pk, &sk, other.kind.word(), &other.record]),
            _ => Identity::of(&[&pk, &sk]),
        }
    }

    /// The same insertion, where the ledger has another one under its key.
    pub(crate) fn replaced(&self, record: &str) -> Self {
        let (pk, sk) = self.key();
        Self::Irregular(Irregular { kind: Irregularity::Replaced, pk, sk, record: record.to_owned(), hash: self.hash() })
    }
}
