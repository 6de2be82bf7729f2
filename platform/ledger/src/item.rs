//! The items of a ledger table: batches of entries, seals, and the directory of epochs. Attribute names are final (ADR 0014).
//!
//! | item | `PK` | `SK` | holds |
//! |---|---|---|---|
//! | batch | epoch | first position, 20 digits | `t` sequenced_at, `n` entries, `f` summary, `e` the entries |
//! | seal | epoch | the epoch's next position | `t` sealed at, `x` the epoch that follows; it takes no position |
//! | opening | `EPOCHS` | epoch | `t` as its predecessor's seal, `p` its first position |
//!
//! A seal and a batch contend for one key, so an epoch that is sealed gets no further entry; and the seal names the next epoch, so there is
//! one chain of epochs.

use annals_kit::Timestamp;
use annals_log::size::item_size;
use annals_reads::Item;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::block;
use crate::entry::Entry;
use crate::fact::Fact;
use crate::position::{Epoch, Position};
use crate::summary::Summary;

/// The partition of the directory.
const EPOCHS: &str = "EPOCHS";
/// What the matrix promises of `e`; an item with it and the rest stays below 400 KB.
const MOST_ENTRY_BYTES: usize = 340_000;
/// What the matrix promises of `f`.
const MOST_SUMMARY_BYTES: usize = 60_000;

/// One item of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerItem {
    /// The epoch that holds it.
    pub epoch: Epoch,
    /// The position of its first entry; of a seal, where the next epoch begins.
    pub position: Position,
    /// When it was written, by the clock of its writer, and never earlier than the item before.
    pub sequenced_at: Timestamp,
    /// What it holds.
    pub content: Content,
}

/// What an item holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Entries, at consecutive positions.
    Batch {
        /// How many.
        count: u64,
        /// What they are about.
        summary: Summary,
        /// The entries as stored; see [`crate::block`].
        block: Vec<u8>,
    },
    /// The end of the epoch.
    Seal {
        /// The epoch that follows.
        next: Epoch,
    },
}

/// An epoch's item in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The epoch.
    pub epoch: Epoch,
    /// The position of its first entry.
    pub first: Position,
    /// When its predecessor was sealed: no entry of it is earlier.
    pub opened_at: Timestamp,
}

/// An item is not one of a ledger's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ledger item {key}: {reason}")]
pub struct BadItem {
    /// `PK SK`, as far as the item has them.
    pub key: String,
    /// What is wrong.
    pub reason: String,
}

impl LedgerItem {
    /// A batch of as many of `facts` as fit into one item, and how many those are.
    pub(crate) fn batch(epoch: Epoch, position: Position, sequenced_at: Timestamp, facts: &[Fact]) -> (Self, usize) {
        let mut taken = facts.len();
        loop {
            let part = &facts[..taken];
            let (summary, block) = (Summary::of(part), block::encode(part));
            // A single fact always fits: its keys are at most 3 KB.
            if taken == 1 || (block.len() <= MOST_ENTRY_BYTES && summary.to_bytes().len() <= MOST_SUMMARY_BYTES) {
                let content = Content::Batch { count: taken as u64, summary, block };
                return (Self { epoch, position, sequenced_at, content }, taken);
            }
            taken /= 2;
        }
    }

    pub(crate) fn seal(epoch: Epoch, position: Position, sequenced_at: Timestamp, next: Epoch) -> Self {
        Self { epoch, position, sequenced_at, content: Content::Seal { next } }
    }

    /// The position after its last entry.
    pub fn end(&self) -> Position {
        match &self.content {
            Content::Batch { count, .. } => self.position.plus(*count),
            Content::Seal { .. } => self.position,
        }
    }

    /// Its entries; a seal has none.
    pub fn entries(&self) -> Result<Vec<Entry>, BadItem> {
        let Content::Batch { count, block, .. } = &self.content else { return Ok(vec![]) };
        let facts = block::decode(block).map_err(|error| self.bad(error.to_string()))?;
        if facts.len() as u64 != *count {
            return Err(self.bad(format!("it says {count} entries and holds {}", facts.len())));
        }
        let numbered = facts.into_iter().zip(0..);
        let entry = |(fact, i)| Entry { position: self.position.plus(i), sequenced_at: self.sequenced_at, fact };
        Ok(numbered.map(entry).collect())
    }

    /// Whether its summary is the one of these entries, its own: a search passes over what a summary rules out.
    pub fn summarises(&self, entries: &[Entry]) -> bool {
        match &self.content {
            Content::Batch { summary, .. } => *summary == Summary::of(entries.iter().map(|entry| &entry.fact)),
            Content::Seal { .. } => true,
        }
    }

    /// The key, as `PK SK`.
    pub fn key(&self) -> String {
        format!("{} {}", self.epoch, self.position.sort_key())
    }

    fn bad(&self, reason: String) -> BadItem {
        BadItem { key: self.key(), reason }
    }

    /// The item to insert.
    pub fn to_item(&self) -> Item {
        let mut item = Item::from([
            ("PK".into(), AttributeValue::S(self.epoch.to_string())),
            ("SK".into(), AttributeValue::S(self.position.sort_key())),
            ("t".into(), AttributeValue::S(self.sequenced_at.to_string())),
        ]);
        match &self.content {
            Content::Batch { count, summary, block } => item.extend([
                ("n".into(), AttributeValue::N(count.to_string())),
                ("f".into(), AttributeValue::B(Blob::new(summary.to_bytes()))),
                ("e".into(), AttributeValue::B(Blob::new(block.clone()))),
            ]),
            Content::Seal { next } => item.extend([("x".into(), AttributeValue::S(next.to_string()))]),
        }
        debug_assert!(item_size(&item) <= annals_log::size::ITEM_LIMIT, "the bounds on e and f keep an item below 400 KB");
        item
    }

    /// What a stored item is.
    pub fn from_item(item: &Item) -> Result<Self, BadItem> {
        let fields = Fields(item);
        fields.only(&["PK", "SK", "t", "n", "f", "e", "x"])?;
        let content = match item.contains_key("x") {
            true => Content::Seal { next: fields.parsed("x")? },
            false => Content::Batch {
                count: fields.number("n")?,
                summary: Summary::from_bytes(fields.bytes("f")?).ok_or_else(|| fields.bad("`f` is not a summary"))?,
                block: fields.bytes("e")?.to_vec(),
            },
        };
        let position = Position::from_sort_key(fields.text("SK")?).ok_or_else(|| fields.bad("SK is not a position of 20 digits"))?;
        Ok(Self { epoch: fields.parsed("PK")?, position, sequenced_at: fields.parsed("t")?, content })
    }
}

impl Opening {
    pub(crate) fn to_item(self) -> Item {
        Item::from([
            ("PK".into(), AttributeValue::S(EPOCHS.into())),
            ("SK".into(), AttributeValue::S(self.epoch.to_string())),
            ("t".into(), AttributeValue::S(self.opened_at.to_string())),
            ("p".into(), AttributeValue::N(self.first.to_string())),
        ])
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, BadItem> {
        let fields = Fields(item);
        fields.only(&["PK", "SK", "t", "p"])?;
        Ok(Self { epoch: fields.parsed("SK")?, first: Position::new(fields.number("p")?), opened_at: fields.parsed("t")? })
    }
}

/// Reads the attributes of one item, each with its type.
struct Fields<'a>(&'a Item);

impl Fields<'_> {
    fn bad(&self, reason: &str) -> BadItem {
        let part = |name| self.0.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
        BadItem { key: format!("{} {}", part("PK"), part("SK")), reason: reason.to_owned() }
    }

    fn only(&self, names: &[&str]) -> Result<(), BadItem> {
        match self.0.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(self.bad(&format!("attribute `{name}` is not one of its kind"))),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<&str, BadItem> {
        let value = self.0.get(name).and_then(|value| value.as_s().ok());
        value.map(String::as_str).ok_or_else(|| self.bad(&format!("`{name}` is missing or not text")))
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, BadItem> {
        self.text(name)?.parse().map_err(|error| self.bad(&format!("`{name}` {error}")))
    }

    fn number(&self, name: &str) -> Result<u64, BadItem> {
        let value = self.0.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok());
        value.ok_or_else(|| self.bad(&format!("`{name}` is missing or not a whole number")))
    }

    fn bytes(&self, name: &str) -> Result<&[u8], BadItem> {
        let value = self.0.get(name).and_then(|value| value.as_b().ok());
        value.map(|blob| blob.as_ref()).ok_or_else(|| self.bad(&format!("`{name}` is missing or not binary")))
    }
}
