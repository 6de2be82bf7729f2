//! A leaf: what the ledger says of one entry, in the very bytes that the tree covers.

use std::borrow::Cow;

use serde::Deserialize;

use crate::finding::Finding;
use crate::plain;

/// A leaf, as it is read; borrowed from its line.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf<'a> {
    /// `commit`, or what happened to an item of the log that should not have.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// Its place.
    pub position: u64,
    /// When it got it.
    #[serde(borrow)]
    pub sequenced_at: Cow<'a, str>,
    /// SHA-256 of the commit, in hexadecimal.
    #[serde(borrow)]
    pub hash: Cow<'a, str>,
    /// The stream of a commit.
    #[serde(borrow, default)]
    pub stream: Option<Cow<'a, str>>,
    /// Its version.
    #[serde(default)]
    pub version: Option<u64>,
    /// When it was recorded.
    #[serde(borrow, default)]
    pub recorded_at: Option<Cow<'a, str>>,
    /// Whose it is.
    #[serde(borrow, default)]
    pub tenant: Option<Cow<'a, str>>,
    /// Who did it.
    #[serde(borrow, default)]
    pub actor: Option<Cow<'a, str>>,
    /// What it belongs to.
    #[serde(borrow, default)]
    pub correlation: Option<Cow<'a, str>>,
    /// The types of its events.
    #[serde(borrow, default)]
    pub events: Option<Vec<Text<'a>>>,
    /// The item's key, of what is no commit.
    #[serde(borrow, default)]
    pub key: Option<[Text<'a>; 2]>,
    /// The record that told of it.
    #[serde(borrow, default)]
    pub record: Option<Cow<'a, str>>,
}

/// A text, borrowed where it has no escapes.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// What a leaf says of a commit.
#[derive(Clone, Copy, Debug)]
pub struct CommitLeaf<'a> {
    /// Its place in the ledger.
    pub position: u64,
    /// The stream.
    pub stream: &'a str,
    /// The commit's place in it.
    pub version: u64,
    /// When it was recorded.
    pub recorded_at: &'a str,
    /// Whose it is.
    pub tenant: &'a str,
    /// Who did it.
    pub actor: &'a str,
    /// What it belongs to.
    pub correlation: &'a str,
    /// The types of its events.
    pub events: &'a [Text<'a>],
    /// Its SHA-256.
    pub hash: [u8; 32],
}

impl<'a> Leaf<'a> {
    /// The leaf in these bytes.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, Finding> {
        let text = std::str::from_utf8(bytes).map_err(|error| Finding::new("leaf-format", error.to_string()))?;
        match plain::commit_leaf(text) {
            Some(leaf) => Ok(leaf),
            None => serde_json::from_str(text).map_err(|error| Finding::new("leaf-format", error.to_string())),
        }
    }

    /// What it says of a commit; `None` where it is about something else.
    pub fn commit(&self) -> Result<Option<CommitLeaf<'_>>, Finding> {
        if self.kind != "commit" {
            return Ok(None);
        }
        let missing = |name: &str| Finding::new("leaf-format", format!("position {}: `{name}` is missing", self.position));
        Ok(Some(CommitLeaf {
            position: self.position,
            stream: self.stream.as_deref().ok_or_else(|| missing("stream"))?,
            version: self.version.ok_or_else(|| missing("version"))?,
            recorded_at: self.recorded_at.as_deref().ok_or_else(|| missing("recorded_at"))?,
            tenant: self.tenant.as_deref().ok_or_else(|| missing("tenant"))?,
            actor: self.actor.as_deref().ok_or_else(|| missing("actor"))?,
            correlation: self.correlation.as_deref().ok_or_else(|| missing("correlation"))?,
            events: self.events.as_deref().ok_or_else(|| missing("events"))?,
            hash: from_hex(&self.hash).ok_or_else(|| missing("hash"))?,
        }))
    }
}

/// The bytes in hexadecimal of lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes of a SHA-256 in hexadecimal of lower case.
pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let pairs = <&[u8; 64]>::try_from(text.as_bytes()).ok()?;
    let mut bytes = [0; 32];
    // What is no digit has high bits, which are looked at once.
    let mut wrong = 0;
    for (byte, pair) in bytes.iter_mut().zip(pairs.chunks_exact(2)) {
        let (high, low) = (DIGITS[usize::from(pair[0])], DIGITS[usize::from(pair[1])]);
        wrong |= high | low;
        *byte = high << 4 | low & 15;
    }
    (wrong < 16).then_some(bytes)
}

/// The value of each character that is a hexadecimal digit of lower case; 255 for others.
const DIGITS: [u8; 256] = {
    let (mut values, mut value) = ([255; 256], 0);
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    values
};
