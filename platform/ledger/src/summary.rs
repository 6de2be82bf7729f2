//! What one ledger item is about, in a few bytes a commit, so that a search can pass it over: final (ADR 0014).
//!
//! ```text
//! u8 = 1   the format
//! i64      the earliest recorded_at, microseconds, big-endian
//! i64      the latest; before the earliest where no entry is a commit
//! m bytes  a Bloom filter of 8 m bits, m = ceil(10 x keys / 8): 0.8 % of other keys seem to be in it
//! ```
//! A key is a letter and what it names: `a` actor, `c` correlation id (16 bytes), `e` event type, `s` stream, `t` tenant. Of its SHA-256,
//! let x be bytes 0 to 7 and y bytes 8 to 15 with the lowest bit set, big-endian; it sets the bits (x + i y mod 2^64) mod 8 m for i from 0
//! to 6. Bit b is the bit of value 2^(b mod 8) in byte b / 8.

use std::collections::BTreeSet;

use annals_kit::{Actor, StreamId, Tenant, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::fact::Fact;

const FORMAT: u8 = 1;
const HEAD: usize = 17;
const BITS_PER_KEY: usize = 10;
const HASHES: u64 = 7;

/// What a search looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Commits of an actor.
    Actor(Actor),
    /// Commits that belong together.
    Correlation(Uuid),
    /// Commits with an event of this type.
    Event(String),
    /// Commits of a stream, and irregular entries about it.
    Stream(StreamId),
    /// Commits of a tenant.
    Tenant(Tenant),
}

impl Sought {
    fn key(&self) -> Vec<u8> {
        let key = |letter: u8, name: &[u8]| [&[letter], name].concat();
        match self {
            Self::Actor(actor) => key(b'a', actor.as_str().as_bytes()),
            Self::Correlation(id) => key(b'c', id.as_bytes()),
            Self::Event(event_type) => key(b'e', event_type.as_bytes()),
            Self::Stream(stream) => key(b's', stream.to_string().as_bytes()),
            Self::Tenant(tenant) => key(b't', tenant.as_str().as_bytes()),
        }
    }

    /// Whether `fact` is one of those.
    pub fn is(&self, fact: &Fact) -> bool {
        let commit = match fact {
            Fact::Commit(commit) => commit,
            Fact::Irregular(irregular) => return matches!(self, Self::Stream(stream) if stream.to_string() == irregular.pk),
        };
        match self {
            Self::Actor(actor) => commit.actor == *actor,
            Self::Correlation(id) => commit.correlation == *id,
            Self::Event(event_type) => commit.events.contains(event_type),
            Self::Stream(stream) => commit.stream == *stream,
            Self::Tenant(tenant) => commit.tenant == *tenant,
        }
    }
}

/// The summary of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    earliest: i64,
    latest: i64,
    filter: Vec<u8>,
}

impl Summary {
    /// What `facts` are about.
    pub fn of<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let (mut earliest, mut latest, mut keys) = (i64::MAX, i64::MIN, BTreeSet::new());
        for fact in facts {
            let commit = match fact {
                Fact::Commit(commit) => commit,
                Fact::Irregular(irregular) => {
                    keys.insert([b"s", irregular.pk.as_bytes()].concat());
                    continue;
                }
            };
            let micros = commit.recorded_at.micros();
            (earliest, latest) = (earliest.min(micros), latest.max(micros));
            keys.insert(Sought::Actor(commit.actor.clone()).key());
            keys.insert(Sought::Correlation(commit.correlation).key());
            keys.insert(Sought::Stream(commit.stream.clone()).key());
            keys.insert(Sought::Tenant(commit.tenant.clone()).key());
            keys.extend(commit.events.iter().map(|event| Sought::Event(event.clone()).key()));
        }
        let mut filter = vec![0; (keys.len() * BITS_PER_KEY).div_ceil(8)];
        for key in keys {
            bits(&key, filter.len()).for_each(|bit| filter[bit / 8] |= 1 << (bit % 8));
        }
        Self { earliest, latest, filter }
    }

    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.earliest.to_be_bytes());
        bytes.extend_from_slice(&self.latest.to_be_bytes());
        bytes.extend_from_slice(&self.filter);
        bytes
    }

    /// The summary in `bytes`; `None` where they are not of this form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, filter) = bytes.split_at_checked(HEAD)?;
        let number = |from: usize| i64::from_be_bytes(std::array::from_fn(|i| head[from + i]));
        (head[0] == FORMAT).then(|| Self { earliest: number(1), latest: number(9), filter: filter.to_vec() })
    }

    /// Whether the item may hold what is sought; when not, it surely does not.
    pub fn may_hold(&self, sought: &Sought) -> bool {
        !self.filter.is_empty() && bits(&sought.key(), self.filter.len()).all(|bit| self.filter[bit / 8] & (1 << (bit % 8)) != 0)
    }

    /// Whether the item may hold a commit recorded between these times, both included.
    pub fn may_be_recorded(&self, from: Timestamp, until: Timestamp) -> bool {
        self.earliest <= until.micros() && from.micros() <= self.latest
    }
}

/// The bits that a key sets in a filter of this many bytes.
fn bits(key: &[u8], bytes: usize) -> impl Iterator<Item = usize> {
    let digest = Sha256::digest(key);
    let number = |from: usize| u64::from_be_bytes(std::array::from_fn(|i| digest[from + i]));
    let (x, y, bits) = (number(0), number(8) | 1, bytes as u64 * 8);
    (0..HASHES).map(move |i| (x.wrapping_add(i.wrapping_mul(y)) % bits) as usize)
}
