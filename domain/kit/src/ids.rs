//! The names of things: streams, versions, commands, events, tenants, actors.
//!
//! Every type is parsed once, at the edge, and cannot hold text that would need escaping in a key.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::schema::text;

/// The text cannot be the id it was given for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not {expected}")]
pub struct InvalidId {
    shown: String,
    expected: &'static str,
}

impl InvalidId {
    fn new(text: &str, expected: &'static str) -> Self {
        // Shown shortened and without control characters: the message goes to terminals and logs.
        let mut shown: String = text.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        if text.chars().nth(40).is_some() {
            shown.push('…');
        }
        Self { shown, expected }
    }
}

/// Whether `text` is 1 to `max` of `A-Z a-z 0-9 _ -`: safe in keys, paths, headers and file names.
fn is_token(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $max:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_token(text, $max) { Ok(Self(text.to_owned())) } else { Err(InvalidId::new(text, $expected)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        text!($name, concat!("^[A-Za-z0-9_-]{1,", $max, "}$"));

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

token! {
    /// Who owns the data: an organisation. Every commit and row carries it.
    Tenant, 40, "a tenant: 1 to 40 of A-Z a-z 0-9 _ -"
}
token! {
    /// Who acts: a person, a key or a function of ours.
    Actor, 40, "an actor: 1 to 40 of A-Z a-z 0-9 _ -"
}
token! {
    /// Whom a tenant bills, by the tenant's own id.
    CustomerId, 40, "a customer id: 1 to 40 of A-Z a-z 0-9 _ -"
}
token! {
    /// Something's id at a payment provider, such as `in_1LtL2e`.
    ProviderId, 80, "a provider's id: 1 to 80 of A-Z a-z 0-9 _ -"
}

/// One stream: the history of one aggregate, written `<TYPE>#<id>`, such as `SUB#0190…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    stream_type: String,
    id: String,
}

impl StreamId {
    const EXPECTED: &'static str = "a stream: TYPE#id, with a type of 1 to 12 of A-Z and an id of 1 to 80 of A-Z a-z 0-9 _ -";

    /// The stream of this type and id.
    pub fn new(stream_type: &str, id: &str) -> Result<Self, InvalidId> {
        let type_fits = (1..=12).contains(&stream_type.len()) && stream_type.bytes().all(|b| b.is_ascii_uppercase());
        if type_fits && is_token(id, 80) {
            Ok(Self { stream_type: stream_type.to_owned(), id: id.to_owned() })
        } else {
            Err(InvalidId::new(&format!("{stream_type}#{id}"), Self::EXPECTED))
        }
    }

    /// The stream of this type whose id is a UUID.
    pub fn of(stream_type: &'static str, id: Uuid) -> Self {
        Self { stream_type: stream_type.to_owned(), id: id.to_string() }
    }

    /// The type before the `#`, such as `SUB`.
    pub fn stream_type(&self) -> &str {
        &self.stream_type
    }

    /// The id after the `#`.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.stream_type, self.id)
    }
}

impl FromStr for StreamId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (stream_type, id) = text.split_once('#').ok_or_else(|| InvalidId::new(text, Self::EXPECTED))?;
        Self::new(stream_type, id)
    }
}

/// The place of a commit in its stream, counted from 1 without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Version(NonZeroU64);

impl Version {
    /// The first commit of a stream.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The version of this number; `None` for 0.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The number, 1 or more.
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// The version after this one. A stream does not reach the last of them: at a million commits a
    /// second it would take half a million years.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The version after `last`, or the first where there is none yet.
    pub fn after(last: Option<Self>) -> Self {
        last.map_or(Self::FIRST, Self::next)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one attempt of a caller to have something done; repeating it does nothing twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandId(pub Uuid);

impl CommandId {
    /// The id that `key` of `tenant` always gives: one per Idempotency-Key, or per delivery of a webhook.
    pub fn derived(tenant: &Tenant, key: &str) -> Self {
        Self(derived_uuid("command", tenant, key))
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A UUIDv5 of a purpose, a tenant and a key: the same for ever, unguessable only as far as the key is.
pub fn derived_uuid(purpose: &str, tenant: &Tenant, key: &str) -> Uuid {
    // Lengths first, so that no two triples run together into one name.
    let name = format!("annals:{}:{}:{}:{}:{}", purpose.len(), purpose, tenant.as_str().len(), tenant, key);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

/// How often the log has been restored from a backup; part of every event id, so that consumers do not
/// take a reused version for one that they have seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation(pub u32);

/// One event, written `<generation>/<stream>@<version>.<n>`, with n counted from 0 within its commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The generation in which the commit was written.
    pub generation: Generation,
    /// The stream.
    pub stream: StreamId,
    /// The commit within the stream.
    pub version: Version,
    /// The event within the commit, from 0.
    pub index: u32,
}

impl EventId {
    const EXPECTED: &'static str = "an event id: <generation>/<TYPE>#<id>@<version>.<n>";
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}.{}", self.generation.0, self.stream, self.version, self.index)
    }
}

impl FromStr for EventId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parse = || {
            let (generation, rest) = text.split_once('/')?;
            let (stream, place) = rest.split_once('@')?;
            let (version, index) = place.split_once('.')?;
            let id = Self {
                generation: Generation(generation.parse().ok()?),
                stream: stream.parse().ok()?,
                version: Version::new(version.parse().ok()?)?,
                index: index.parse().ok()?,
            };
            (id.to_string() == text).then_some(id)
        };
        parse().ok_or_else(|| InvalidId::new(text, Self::EXPECTED))
    }
}

text!(StreamId, "^[A-Z]{1,12}#[A-Za-z0-9_-]{1,80}$");
text!(EventId, "^[0-9]{1,10}/[A-Z]{1,12}#[A-Za-z0-9_-]{1,80}@[1-9][0-9]{0,19}\\.[0-9]{1,10}$");

impl Serialize for StreamId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where new ids and other random bits come from. Only a `main` asks the machine for them.
pub trait Ids: Send + Sync {
    /// A new UUIDv7, never given before.
    fn uuid(&self) -> Uuid;
    /// A number spread evenly over all of `u64`, for jitter.
    fn random(&self) -> u64;
}

/// Ids and random bits from a seed (SplitMix64): the same again for the same seed, for simulations and tests.
#[derive(Debug)]
pub struct SeededIds(AtomicU64);

impl SeededIds {
    /// The sequence that `seed` gives.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Ids for SeededIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u64_pair(self.random(), self.random())
    }

    fn random(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Law: a stream id or event id that parses prints back as it was, and no text makes it panic.
        #[test]
        fn parsing_is_total_and_exact(text in "\\PC{0,60}|[0-9]{1,3}/[A-Z]{1,4}#[a-z0-9-]{1,9}@[0-9]{1,3}\\.[0-9]{1,2}") {
            if let Ok(stream) = text.parse::<StreamId>() {
                prop_assert_eq!(stream.to_string(), text.clone());
            }
            if let Ok(event) = text.parse::<EventId>() {
                prop_assert_eq!(event.to_string(), text);
            }
        }

        /// Law: derived ids differ when any part of what they are derived from differs.
        #[test]
        fn derived_ids_do_not_run_together(tenant in "[a-z]{1,6}", key in "[a-z:]{0,6}", cut in 1usize..6) {
            let moved = tenant.len().min(cut);
            let (shorter, rest) = tenant.split_at(moved);
            prop_assume!(!rest.is_empty());
            let a = derived_uuid("x", &tenant.parse().unwrap(), &key);
            let b = derived_uuid("x", &shorter.parse().unwrap(), &format!("{rest}{key}"));
            prop_assert_ne!(a, b);
        }
    }

    #[test]
    fn hostile_ids_are_refused_with_a_short_printable_message() {
        for text in ["", "SUB", "SUB#", "SUB#a#b", "SUB#\u{0}", "sub#a", &format!("SUB#{}", "x".repeat(10_000))] {
            let message = text.parse::<StreamId>().unwrap_err().to_string();
            assert!(message.chars().count() < 200 && !message.chars().any(char::is_control), "{message}");
        }
    }
}
