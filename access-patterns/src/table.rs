//! A table, its indexes, and what AWS is told about them.

use serde::{Deserialize, Serialize};

use crate::problem::At;

/// A table and what AWS is told about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) at: At,
    pub(crate) pk: String,
    pub(crate) sk: Option<String>,
    pub(crate) mode: Mode,
    pub(crate) stream: Option<String>,
    pub(crate) pitr_days: Option<u32>,
    pub(crate) deletion_protection: bool,
    pub(crate) append_only: bool,
    pub(crate) ttl: Option<String>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) capacity: Capacity,
}

/// How a table's capacity is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// By request.
    OnDemand,
    /// By the hour, as much as the peaks need.
    Provisioned,
}

/// Read and write units a second that the patterns' and writes' peaks need, utilisation included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// Read units a second.
    pub read: u64,
    /// Write units a second.
    pub write: u64,
}

impl Table {
    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The attribute of the partition key.
    pub fn pk(&self) -> &str {
        &self.pk
    }

    /// The attribute of the sort key.
    pub fn sk(&self) -> Option<&str> {
        self.sk.as_deref()
    }

    /// The key attributes, partition first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.pk.as_str()).chain(self.sk.as_deref())
    }

    /// How capacity is paid for.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What the stream carries, such as `NEW_AND_OLD_IMAGES`.
    pub fn stream(&self) -> Option<&str> {
        self.stream.as_deref()
    }

    /// The window of point-in-time recovery, in days.
    pub fn pitr_days(&self) -> Option<u32> {
        self.pitr_days
    }

    /// Whether DeleteTable is refused.
    pub fn deletion_protection(&self) -> bool {
        self.deletion_protection
    }

    /// Whether nothing may ever change or vanish here: resource policies and the local AWS enforce it.
    pub fn append_only(&self) -> bool {
        self.append_only
    }

    /// The attribute that time-to-live reads.
    pub fn ttl(&self) -> Option<&str> {
        self.ttl.as_deref()
    }

    /// The global secondary indexes.
    pub fn indexes(&self) -> &[Index] {
        &self.indexes
    }

    /// The index of this name.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// What the table's own peaks need.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }
}

/// A global secondary index.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Index {
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) at: At,
    pub(crate) pk: Vec<KeyPart>,
    pub(crate) sk: Vec<KeyPart>,
    pub(crate) moving: bool,
    pub(crate) projection: Projection,
    pub(crate) capacity: Capacity,
}

/// One key attribute of an index and its DynamoDB type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPart {
    /// The attribute.
    pub attribute: String,
    /// `true` for `N`, `false` for `S`.
    pub numeric: bool,
}

/// What an index holds beside its own and the table's keys: derived from the patterns that read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Projection {
    /// Nothing.
    KeysOnly,
    /// These attributes.
    Include(Vec<String>),
    /// The whole item.
    All,
}

impl Index {
    /// The index's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The attributes of the partition key; more than one where the index keys on attributes themselves.
    pub fn pk(&self) -> &[KeyPart] {
        &self.pk
    }

    /// The attributes of the sort key.
    pub fn sk(&self) -> &[KeyPart] {
        &self.sk
    }

    /// Whether items enter, move and leave it while they live: a list of work. Pages of such a list may show an item twice or, where it
    /// moved behind the page, not at all.
    pub fn moving(&self) -> bool {
        self.moving
    }

    /// The key attributes, partition first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.pk.iter().chain(&self.sk).map(|part| part.attribute.as_str())
    }

    /// Whether the index holds this attribute, as a key or beside them.
    pub(crate) fn holds(&self, attribute: &str) -> bool {
        match &self.projection {
            Projection::All => true,
            Projection::Include(names) => names.iter().any(|name| name == attribute) || self.keys().any(|key| key == attribute),
            Projection::KeysOnly => self.keys().any(|key| key == attribute),
        }
    }

    /// What the index holds beside keys.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// What the index's own peaks need.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }
}
