//! A commit in its canonical bytes (RFC 8785 JSON of the stored item): is it the one that a leaf names?

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use crate::finding::Finding;
use crate::leaf::{CommitLeaf, hex};
use crate::lines::array_from_base64;

/// What a verifier reads of a commit. Attribute names are final; `platform/log/src/commit.rs` explains them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<'a> {
    #[serde(rename = "PK", borrow)]
    stream: Cow<'a, str>,
    #[serde(rename = "SK", borrow)]
    version: Cow<'a, str>,
    #[serde(rename = "a", borrow)]
    actor: Cow<'a, str>,
    #[serde(rename = "c", borrow)]
    command: Cow<'a, str>,
    #[serde(rename = "e", borrow)]
    events: Vec<Event<'a>>,
    #[serde(rename = "g")]
    _generation: u64,
    #[serde(rename = "h", borrow, default)]
    previous: Option<Cow<'a, str>>,
    #[serde(rename = "k", borrow, default)]
    correlation: Option<Cow<'a, str>>,
    #[serde(rename = "o", borrow)]
    tenant: Cow<'a, str>,
    #[serde(rename = "r")]
    _request: IgnoredAny,
    #[serde(rename = "t", borrow)]
    recorded_at: Cow<'a, str>,
    #[serde(rename = "u", default)]
    _causation: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(rename = "t", borrow)]
    event_type: Cow<'a, str>,
}

/// The hash that a commit names as its predecessor's; `None` in version 1.
pub type Previous = Option<[u8; 32]>;

/// Whether `bytes` are the commit that `leaf` names; the hash of the commit before it, as it says.
pub fn matches(leaf: &CommitLeaf<'_>, bytes: &[u8]) -> Result<Previous, Finding> {
    let place = || format!("position {}, {} version {}", leaf.position, leaf.stream, leaf.version);
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    if hash != leaf.hash {
        let (is, was) = (hex(&hash), hex(&leaf.hash));
        return Err(Finding::new("commit-hash", format!("{}: the commit has hash {is}, sequenced was {was}", place())));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| Finding::new("commit-format", format!("{}: {error}", place())))?;
    let stored: Stored<'_> = serde_json::from_str(text).map_err(|error| Finding::new("commit-format", format!("{}: {error}", place())))?;
    if let Some(name) = stored.differs_in(leaf) {
        return Err(Finding::new("commit-fields", format!("{}: leaf and commit differ in {name}", place())));
    }
    let previous = stored.previous.as_deref().map(array_from_base64::<32>);
    match (previous, leaf.version) {
        (None, 1) => Ok(None),
        (Some(Some(hash)), 2..) => Ok(Some(hash)),
        _ => Err(Finding::new("commit-format", format!("{}: version 1, and no other, names no commit before it", place()))),
    }
}

impl Stored<'_> {
    /// The first thing that the leaf says otherwise.
    fn differs_in(&self, leaf: &CommitLeaf<'_>) -> Option<&'static str> {
        let version = self.version.len() == 20 && self.version.parse() == Ok(leaf.version);
        let correlation = self.correlation.as_deref().unwrap_or(&self.command);
        let events = self.events.iter().map(|event| &*event.event_type).eq(leaf.events.iter().map(|text| &*text.0));
        let equal = [
            ("stream", self.stream == leaf.stream),
            ("version", version),
            ("recorded_at", self.recorded_at == leaf.recorded_at),
            ("tenant", self.tenant == leaf.tenant),
            ("actor", self.actor == leaf.actor),
            ("correlation", is_uuid(correlation, leaf.correlation)),
            ("events", events),
        ];
        equal.into_iter().find(|(_, equal)| !equal).map(|(name, _)| name)
    }
}

/// Whether 16 bytes in base64 are the UUID of this text.
fn is_uuid(base64: &str, uuid: &str) -> bool {
    let Some(bytes) = array_from_base64::<16>(base64) else { return false };
    let (mut text, mut end) = ([b'-'; 36], 0);
    for (place, byte) in bytes.into_iter().enumerate() {
        // The hyphens of 8-4-4-4-12.
        end += usize::from(matches!(place, 4 | 6 | 8 | 10));
        for digit in [byte >> 4, byte & 15] {
            text[end] = b"0123456789abcdef"[usize::from(digit)];
            end += 1;
        }
    }
    text == *uuid.as_bytes()
}
