//! The folded state of one stream, how stored commits lead to it, and the snapshot that saves reading them all.

use annals_kit::{Aggregate, CommandId, Recorded, StreamId, Tenant, Timestamp, Version};
use annals_reads::Item;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::canonical::SNAPSHOT;
use crate::commit::{Commit, CommitHash, DecodeError};
use crate::seen::Seen;
use crate::size::item_size;

/// The newest commit of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Its version.
    pub version: Version,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Its hash, which the next commit carries.
    pub hash: CommitHash,
    /// Whose stream it is.
    pub tenant: Tenant,
}

/// A stream folded up to its head.
#[derive(Clone, Debug, Default)]
pub struct Folded<A> {
    /// The aggregate's state.
    pub state: A,
    /// The newest commit folded in; `None` before the first.
    pub head: Option<Head>,
    pub(crate) seen: Seen,
    /// Commits and bytes since the last snapshot.
    pub(crate) tail: Tail,
}

/// What a cold load must read: the commits since the last snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tail {
    pub(crate) commits: usize,
    pub(crate) bytes: usize,
}

/// A snapshot as it rides in a commit's item: the state after that commit.
#[derive(Serialize, Deserialize)]
struct Snapshot<A> {
    /// The revision of the fold that made it.
    #[serde(rename = "f")]
    revision: u32,
    #[serde(rename = "d")]
    state: A,
}

const SEEN: &str = "i";

/// A stream's commits do not fold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// An item is not a commit, or an event in it is of no readable form.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// A version is missing.
    #[error("{stream} has no commit {missing}, but a later one")]
    Gap {
        /// The stream.
        stream: StreamId,
        /// The first missing version.
        missing: Version,
    },
}

impl<A: Aggregate> Folded<A> {
    /// The version of the head, where there is one.
    pub fn version(&self) -> Option<Version> {
        self.head.as_ref().map(|head| head.version)
    }

    /// Folds the next commit in, as it is stored.
    pub fn apply(&mut self, item: &Item) -> Result<Commit, FoldError> {
        let commit = Commit::from_item(item)?;
        let expected = Version::after(self.version());
        if commit.version != expected {
            return Err(FoldError::Gap { stream: commit.stream, missing: expected });
        }
        let unreadable = |reason: String| DecodeError { key: format!("{} {}", commit.stream, commit.version), reason };
        let events: Vec<A::Event> =
            commit.events.iter().map(|event| event.decode()).collect::<Result<_, _>>().map_err(|error| unreadable(error.to_string()))?;
        let hash = CommitHash::of(item).map_err(|error| unreadable(error.to_string()))?;
        for event in &events {
            self.state.evolve(event, Recorded { version: commit.version, at: commit.recorded_at });
        }
        self.seen.record(commit.command, commit.version, commit.recorded_at);
        self.tail = match item.contains_key(SNAPSHOT) {
            true => Tail::default(),
            false => Tail { commits: self.tail.commits + 1, bytes: self.tail.bytes + item_size(item) },
        };
        self.head = Some(Head { version: commit.version, recorded_at: commit.recorded_at, hash, tenant: commit.tenant.clone() });
        Ok(commit)
    }

    /// The state that a snapshot in this item holds; `None` when it has none that this fold revision can use.
    pub(crate) fn from_snapshot(item: &Item) -> Option<Self> {
        let value = item.get(SNAPSHOT)?;
        let seen = value.as_m().ok()?.get(SEEN)?.as_b().ok()?;
        // Of another form means of another revision: the state is read only where the revision is ours.
        let revision: RevisionOnly = serde_dynamo::from_attribute_value(value.clone()).ok()?;
        if revision.revision != A::FOLD_REVISION {
            return None;
        }
        let snapshot: Snapshot<A> = serde_dynamo::from_attribute_value(value.clone()).ok()?;
        let commit = Commit::from_item(item).ok()?;
        let seen = Seen::unpack(seen.as_ref(), commit.version, commit.recorded_at)?;
        let head =
            Head { version: commit.version, recorded_at: commit.recorded_at, hash: CommitHash::of(item).ok()?, tenant: commit.tenant };
        Some(Self { state: snapshot.state, head: Some(head), seen, tail: Tail::default() })
    }

    /// The snapshot attribute of the head's commit: this state.
    pub(crate) fn to_snapshot(&self) -> Option<AttributeValue> {
        let head = self.head.as_ref()?;
        let snapshot = Snapshot { revision: A::FOLD_REVISION, state: &self.state };
        let mut value = serde_dynamo::to_attribute_value::<_, AttributeValue>(snapshot).ok()?;
        let AttributeValue::M(map) = &mut value else { return None };
        map.insert(SEEN.into(), AttributeValue::B(Blob::new(self.seen.pack(head.version, head.recorded_at))));
        Some(value)
    }

    /// Versions that may hold `command`, newest first.
    pub(crate) fn candidates(&self, command: CommandId) -> Vec<Version> {
        self.seen.candidates(command).collect()
    }
}

#[derive(Deserialize)]
struct RevisionOnly {
    #[serde(rename = "f")]
    revision: u32,
}
