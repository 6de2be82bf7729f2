//! An entry of the ledger, and its leaf: the canonical bytes that the Merkle tree covers, for ever.
//!
//! A leaf is RFC 8785 JSON, so that an auditor needs nothing of ours to check one: SHA-256 of a zero byte and this text is the leaf's hash.
//!
//! ```json
//! {"actor":"operator","correlation":"…","events":["INVOICE_ISSUED"],"hash":"<64 hex>","kind":"commit","position":12,
//!  "recorded_at":"…","sequenced_at":"…","stream":"INV#…","tenant":"demo","version":1}
//! {"hash":"<64 hex>","key":["INV#…","00000000000000000001"],"kind":"changed","position":13,"record":"…","sequenced_at":"…"}
//! ```

use annals_kit::Timestamp;
use serde::Serialize;
use tlog_tiles::Hash;

use crate::fact::{CommitFact, Fact, Irregular};
use crate::position::Position;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub position: Position,
    /// When it got it; never earlier than the entry before.
    pub sequenced_at: Timestamp,
    /// What it is about.
    pub fact: Fact,
}

#[derive(Serialize)]
struct CommitLeaf<'a> {
    actor: &'a str,
    correlation: uuid::Uuid,
    events: &'a [String],
    hash: String,
    kind: &'static str,
    position: u64,
    recorded_at: Timestamp,
    sequenced_at: Timestamp,
    stream: String,
    tenant: &'a str,
    version: u64,
}

#[derive(Serialize)]
struct IrregularLeaf<'a> {
    hash: String,
    key: [&'a str; 2],
    kind: &'static str,
    position: u64,
    record: &'a str,
    sequenced_at: Timestamp,
}

impl Entry {
    /// The bytes of the leaf.
    pub fn leaf(&self) -> Vec<u8> {
        let (position, sequenced_at) = (self.position.get(), self.sequenced_at);
        let hash = hex(&self.fact.hash());
        let json = match &self.fact {
            Fact::Commit(CommitFact { stream, version, tenant, recorded_at, actor, correlation, events, .. }) => {
                serde_json_canonicalizer::to_vec(&CommitLeaf {
                    actor: actor.as_str(),
                    correlation: *correlation,
                    events,
                    hash,
                    kind: "commit",
                    position,
                    recorded_at: *recorded_at,
                    sequenced_at,
                    stream: stream.to_string(),
                    tenant: tenant.as_str(),
                    version: version.get(),
                })
            }
            Fact::Irregular(Irregular { kind, pk, sk, record, .. }) => {
                serde_json_canonicalizer::to_vec(&IrregularLeaf { hash, key: [pk, sk], kind: kind.word(), position, record, sequenced_at })
            }
        };
        json.expect("text and whole numbers always have a JSON form")
    }

    /// The hash of the leaf, as in RFC 6962.
    pub fn leaf_hash(&self) -> Hash {
        tlog_tiles::record_hash(&self.leaf())
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
