//! The folded state of one stream, how stored commits lead to it, and the snapshot that saves reading them all.

use annals_kit::{Aggregate, CommandId, Recorded, StreamId, Tenant, Timestamp, Version};
use annals_planted::{Bug, planted};
use annals_reads::Item;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::canonical::SNAPSHOT;
use crate::commit::{Commit, CommitHash, DecodeError};
use crate::seen::Seen;
use crate::size::{item_size, value_size};

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

/// What a cold load must read: the last snapshot, and the commits since.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tail {
    pub(crate) commits: usize,
    pub(crate) bytes: usize,
    /// Bytes of the last snapshot; 0 where there is none.
    pub(crate) snapshot: usize,
}

/// A snapshot as it rides in a commit's item, the state after that commit. One attribute without parts: what an item has of those is most
/// of what reading it takes. Earlier snapshots were maps: they are not used, as those of another revision.
struct Snapshot<'a> {
    /// The revision of the fold that made it; four bytes, the first one first.
    revision: u32,
    /// The packed commands; before them how many bytes they are, in four.
    seen: &'a [u8],
    /// The state as JSON, up to the end.
    state: &'a [u8],
}

impl<'a> Snapshot<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (revision, bytes) = bytes.split_first_chunk()?;
        let (length, bytes) = bytes.split_first_chunk()?;
        let (seen, state) = bytes.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        Some(Self { revision: u32::from_be_bytes(*revision), seen, state })
    }

    fn write(&self) -> Option<Vec<u8>> {
        let length = u32::try_from(self.seen.len()).ok()?;
        Some([&self.revision.to_be_bytes(), &length.to_be_bytes(), self.seen, self.state].concat())
    }
}

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

impl Head {
    fn of(item: &Item, commit: &Commit) -> Result<Self, FoldError> {
        let hash = CommitHash::of(item).map_err(|error| unreadable(commit, error.to_string()))?;
        Ok(Self { version: commit.version, recorded_at: commit.recorded_at, hash, tenant: commit.tenant.clone() })
    }
}

impl Tail {
    /// Nothing yet, since this snapshot.
    pub(crate) fn after(snapshot: &AttributeValue) -> Self {
        Self { snapshot: SNAPSHOT.len() + value_size(snapshot), ..Self::default() }
    }
}

/// The commit that an item holds, which must be the next after version `after`, and its events.
fn read<A: Aggregate>(item: &Item, after: Option<Version>) -> Result<(Commit, Vec<A::Event>), FoldError> {
    let commit = Commit::from_item(item)?;
    let expected = Version::after(after);
    if commit.version != expected {
        return Err(FoldError::Gap { stream: commit.stream, missing: expected });
    }
    let events = commit.events.iter().map(|event| event.decode()).collect::<Result<_, _>>();
    let events = events.map_err(|error| unreadable(&commit, error.to_string()))?;
    Ok((commit, events))
}

fn unreadable(commit: &Commit, reason: String) -> DecodeError {
    DecodeError { key: format!("{} {}", commit.stream, commit.version), reason }
}

impl<A: Aggregate> Folded<A> {
    /// The version of the head, where there is one.
    pub fn version(&self) -> Option<Version> {
        self.head.as_ref().map(|head| head.version)
    }

    /// Folds the next commit in, as it is stored.
    pub fn apply(&mut self, item: &Item) -> Result<Commit, FoldError> {
        let (commit, events) = read::<A>(item, self.version())?;
        let head = Head::of(item, &commit)?;
        self.take(item, &commit, &events);
        self.head = Some(head);
        Ok(commit)
    }

    /// Folds commits in, oldest first, as they are stored. Only the hash of the last is ever asked for, and making one costs as much as
    /// folding several. After an error the state is of no use.
    pub(crate) fn apply_all<'i>(&mut self, items: impl IntoIterator<Item = &'i Item>) -> Result<(), FoldError> {
        let (mut version, mut newest) = (self.version(), None);
        for item in items {
            let (commit, events) = read::<A>(item, version)?;
            self.take(item, &commit, &events);
            version = Some(commit.version);
            newest = Some((item, commit));
        }
        if let Some((item, commit)) = newest {
            self.head = Some(Head::of(item, &commit)?);
        }
        Ok(())
    }

    fn take(&mut self, item: &Item, commit: &Commit, events: &[A::Event]) {
        for event in events {
            self.state.evolve(event, Recorded { version: commit.version, at: commit.recorded_at });
        }
        self.seen.record(commit.command, commit.version, commit.recorded_at);
        self.tail = match item.get(SNAPSHOT) {
            Some(snapshot) => Tail::after(snapshot),
            None => Tail { commits: self.tail.commits + 1, bytes: self.tail.bytes + item_size(item), ..self.tail },
        };
    }

    /// The state that a snapshot in this item holds; `None` when it has none that this fold revision can use.
    pub(crate) fn from_snapshot(item: &Item) -> Option<Self> {
        let value = item.get(SNAPSHOT)?;
        let snapshot = Snapshot::read(value.as_b().ok()?.as_ref())?;
        if snapshot.revision != A::FOLD_REVISION && !planted(Bug::SnapshotAcrossRevisions) {
            return None;
        }
        let state: A = serde_json::from_slice(snapshot.state).ok()?;
        let commit = Commit::from_item(item).ok()?;
        let seen = Seen::unpack(snapshot.seen, commit.version, commit.recorded_at)?;
        let head = Head::of(item, &commit).ok()?;
        Some(Self { state, head: Some(head), seen, tail: Tail::after(value) })
    }

    /// The snapshot attribute of the head's commit: this state.
    pub(crate) fn to_snapshot(&self) -> Option<AttributeValue> {
        let head = self.head.as_ref()?;
        let (state, seen) = (serde_json::to_vec(&self.state).ok()?, self.seen.pack(head.recorded_at));
        let snapshot = Snapshot { revision: A::FOLD_REVISION, seen: &seen, state: &state };
        Some(AttributeValue::B(Blob::new(snapshot.write()?)))
    }

    /// Versions that may hold `command`, newest first.
    pub(crate) fn candidates(&self, command: CommandId) -> Vec<Version> {
        self.seen.candidates(command).collect()
    }
}
