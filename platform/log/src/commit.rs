//! The commit: what one command appended, the item that holds it, and the bytes its hash covers.
//!
//! Attribute names are one letter and final: hashes make them permanent (ADR 0003).
//!
//! | name | type | holds |
//! |---|---|---|
//! | `PK` `SK` | S | `<TYPE>#<id>`, version in 20 digits |
//! | `g` | N | generation |
//! | `t` | S | recorded_at, 27 bytes |
//! | `o` | S | tenant |
//! | `a` | S | actor |
//! | `c` | B | command id, 16 bytes |
//! | `r` | B | request hash, 16 bytes |
//! | `k` | B | correlation id, 16 bytes; absent where it is the command id |
//! | `u` | S | causation: the event id that led to the command; absent for a caller from outside |
//! | `h` | B | SHA-256 of the previous commit, 32 bytes; absent in version 1 |
//! | `e` | L | events, each `{t: type, v: schema version, p: payload}` |
//! | `s` | B | snapshot, in some commits; not covered by the hash |

use std::fmt;

use annals_kit::{Actor, CommandId, EventId, Generation, StoredEvent, StreamId, Tenant, Timestamp, Version};
use annals_reads::Item;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::canonical;

/// The first 16 bytes of the SHA-256 of a request: tells a repetition from another request under the same command id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHash(pub [u8; 16]);

impl RequestHash {
    /// The hash of a request in its canonical bytes.
    pub fn of(request: &[u8]) -> Self {
        let digest = Sha256::digest(request);
        Self(std::array::from_fn(|i| digest[i]))
    }
}

/// SHA-256 over the canonical bytes of a commit ([`canonical::bytes`]).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CommitHash(pub [u8; 32]);

impl CommitHash {
    /// The hash of a stored commit, as it is stored: nothing is decoded, lifted or left out but the snapshot.
    pub fn of(item: &Item) -> Result<Self, canonical::NotCanonical> {
        Ok(Self(Sha256::digest(canonical::bytes(item)?).into()))
    }
}

impl fmt::Display for CommitHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CommitHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What one command appended to one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: Version,
    /// How often the log had been restored when it was written.
    pub generation: Generation,
    /// When it was recorded; never earlier than the commit before it.
    pub recorded_at: Timestamp,
    /// Whose it is.
    pub tenant: Tenant,
    /// Who did it.
    pub actor: Actor,
    /// Which attempt of the caller it answers.
    pub command: CommandId,
    /// What the caller asked.
    pub request: RequestHash,
    /// What it belongs to, across services.
    pub correlation: Uuid,
    /// The event that led to it, where one did.
    pub causation: Option<EventId>,
    /// The hash of the commit before it; `None` in version 1.
    pub previous: Option<CommitHash>,
    /// What happened, in order.
    pub events: Vec<StoredEvent>,
}

/// A commit cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A payload holds a number that not every reader of JSON reads alike.
    #[error("{event_type} has a number that is not an integer within 2^53 - 1 at `{path}`")]
    Number {
        /// The event type.
        event_type: String,
        /// Where in the payload.
        path: String,
    },
    /// A payload does not fit DynamoDB's types.
    #[error("{event_type} cannot be stored")]
    Payload {
        /// The event type.
        event_type: String,
        /// What serde_dynamo says.
        source: serde_dynamo::Error,
    },
}

/// A stored item is not a commit that this code can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} is not a readable commit: {reason}")]
pub struct DecodeError {
    /// `<PK> <SK>` as far as the item has them.
    pub key: String,
    /// What is wrong.
    pub reason: String,
}

impl Commit {
    /// The id of the event at `index`.
    pub fn event_id(&self, index: usize) -> EventId {
        EventId { generation: self.generation, stream: self.stream.clone(), version: self.version, index: index as u32 }
    }

    /// The item to insert, without a snapshot.
    pub fn to_item(&self) -> Result<Item, EncodeError> {
        let s = |text: String| AttributeValue::S(text);
        let b = |bytes: &[u8]| AttributeValue::B(Blob::new(bytes));
        let mut item = Item::from([
            ("PK".into(), s(self.stream.to_string())),
            ("SK".into(), s(sort_key(self.version))),
            ("g".into(), AttributeValue::N(self.generation.0.to_string())),
            ("t".into(), s(self.recorded_at.to_string())),
            ("o".into(), s(self.tenant.to_string())),
            ("a".into(), s(self.actor.to_string())),
            ("c".into(), b(self.command.0.as_bytes())),
            ("r".into(), b(&self.request.0)),
            ("e".into(), AttributeValue::L(self.events.iter().map(encode_event).collect::<Result<_, _>>()?)),
        ]);
        if self.correlation != self.command.0 {
            item.insert("k".into(), b(self.correlation.as_bytes()));
        }
        if let Some(cause) = &self.causation {
            item.insert("u".into(), s(cause.to_string()));
        }
        if let Some(previous) = &self.previous {
            item.insert("h".into(), b(&previous.0));
        }
        Ok(item)
    }

    /// The commit an item holds; a snapshot in it is passed over.
    pub fn from_item(item: &Item) -> Result<Self, DecodeError> {
        let fields = Fields { item };
        let unknown = item
            .keys()
            .find(|name| !matches!(name.as_str(), "PK" | "SK" | "g" | "t" | "o" | "a" | "c" | "r" | "k" | "u" | "h" | "e" | "s"));
        if let Some(name) = unknown {
            return Err(fields.wrong(&format!("attribute `{name}` is not one of a commit's")));
        }
        let command = CommandId(Uuid::from_bytes(fields.bytes("c")?));
        let commit = Self {
            stream: fields.parsed("PK")?,
            version: version_of(fields.text("SK")?).ok_or_else(|| fields.wrong("SK is not a version of 20 digits"))?,
            generation: Generation(fields.number("g")?),
            recorded_at: fields.parsed("t")?,
            tenant: fields.parsed("o")?,
            actor: fields.parsed("a")?,
            command,
            request: RequestHash(fields.bytes("r")?),
            correlation: if fields.has("k") { Uuid::from_bytes(fields.bytes("k")?) } else { command.0 },
            causation: if fields.has("u") { Some(fields.parsed("u")?) } else { None },
            previous: if fields.has("h") { Some(CommitHash(fields.bytes("h")?)) } else { None },
            events: fields.events()?,
        };
        if commit.previous.is_none() != (commit.version == Version::FIRST) {
            return Err(fields.wrong("version 1, and no other, has no hash of a previous commit"));
        }
        Ok(commit)
    }
}

/// The sort key of a version: 20 digits, so that text order is number order.
pub(crate) fn sort_key(version: Version) -> String {
    format!("{:020}", version.get())
}

pub(crate) fn version_of(sort_key: &str) -> Option<Version> {
    let digits = sort_key.len() == 20 && sort_key.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| sort_key.parse().ok().and_then(Version::new)).flatten()
}

fn encode_event(event: &StoredEvent) -> Result<AttributeValue, EncodeError> {
    let event_type = || event.event_type.clone();
    canonical::check_numbers(&event.payload).map_err(|path| EncodeError::Number { event_type: event_type(), path })?;
    serde_dynamo::to_attribute_value(event).map_err(|source| EncodeError::Payload { event_type: event_type(), source })
}

/// Reads the attributes of one item, each with its type.
struct Fields<'a> {
    item: &'a Item,
}

impl Fields<'_> {
    fn wrong(&self, reason: &str) -> DecodeError {
        let part = |name| self.item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
        DecodeError { key: format!("{} {}", part("PK"), part("SK")), reason: reason.to_owned() }
    }

    fn has(&self, name: &str) -> bool {
        self.item.contains_key(name)
    }

    fn text(&self, name: &str) -> Result<&str, DecodeError> {
        let value = self.item.get(name).and_then(|value| value.as_s().ok());
        value.map(String::as_str).ok_or_else(|| self.wrong(&format!("`{name}` is missing or not text")))
    }

    fn parsed<T: std::str::FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<T, DecodeError> {
        self.text(name)?.parse().map_err(|error| self.wrong(&format!("`{name}`: {error}")))
    }

    fn number(&self, name: &str) -> Result<u32, DecodeError> {
        let value = self.item.get(name).and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok());
        value.ok_or_else(|| self.wrong(&format!("`{name}` is missing or not a whole number")))
    }

    fn bytes<const N: usize>(&self, name: &str) -> Result<[u8; N], DecodeError> {
        let value = self.item.get(name).and_then(|value| value.as_b().ok());
        value.and_then(|blob| blob.as_ref().try_into().ok()).ok_or_else(|| self.wrong(&format!("`{name}` is missing or not {N} bytes")))
    }

    fn events(&self) -> Result<Vec<StoredEvent>, DecodeError> {
        let list = self.item.get("e").and_then(|value| value.as_l().ok()).ok_or_else(|| self.wrong("`e` is missing or no list"))?;
        let events: Vec<_> = list.iter().map(decode_event).collect::<Result<_, _>>().map_err(|why| self.wrong(&format!("`e`: {why}")))?;
        if events.is_empty() { Err(self.wrong("`e` holds no event")) } else { Ok(events) }
    }
}

/// The event as it is stored. Not by way of serde, which would make all of it twice: this is most of what reading a commit takes.
fn decode_event(value: &AttributeValue) -> Result<StoredEvent, String> {
    let event = value.as_m().map_err(|_| "an event is no map")?;
    let event_type = event.get("t").and_then(|value| value.as_s().ok()).ok_or("an event has no type `t`")?;
    let schema = event.get("v").and_then(|value| value.as_n().ok()?.parse().ok()).ok_or("an event has no schema version `v`")?;
    let payload = event.get("p").and_then(|value| value.as_m().ok()).ok_or("an event has no payload `p`")?;
    let payload = canonical::object(payload).map_err(|error| error.to_string())?;
    // What else there may be is not read, but has canonical bytes like all the rest.
    let others = event.iter().filter(|(name, _)| !["t", "v", "p"].contains(&name.as_str()));
    others.map(|(_, value)| canonical::json(value)).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    Ok(StoredEvent { event_type: event_type.clone(), schema, payload })
}
