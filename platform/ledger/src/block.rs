//! The entries of one ledger item as bytes: final (ADR 0014).
//!
//! ```text
//! u8 = 1         the format
//! varint n       entries
//! n x 32         hashes           as they are: nothing compresses them
//! n x 16         correlation ids  zeros for what is not a commit
//! DEFLATE        rows             RFC 1951, without zlib's header
//!
//! row     = u8 kind, then
//!   1 commit: stream, varint version, zigzag recorded_at (micros, less those of the commit before in this block), tenant, actor, varint k, k x event type
//!   2 unreadable, 3 changed, 4 removed, 5 replaced: pk, sk, record
//! text    = varint bytes, UTF-8
//! varint  = LEB128; zigzag = varint of (x << 1) ^ (x >> 63)
//! ```
//! Position and sequenced_at are the item's own; the hash of a leaf covers the facts, not these bytes.

use annals_kit::{Timestamp, Version};
use uuid::Uuid;

use crate::fact::{CommitFact, Fact, Irregular, Irregularity};

const FORMAT: u8 = 1;
const COMMIT: u8 = 1;
/// zlib's usual effort: more gains a percent at several times the work.
const EFFORT: u8 = 6;
/// No block of ours holds more than this when it is inflated.
const MOST_INFLATED: usize = 64 * 1024 * 1024;

/// The bytes are not a block that this code can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the entries cannot be read: {0}")]
pub struct NotABlock(&'static str);

/// The bytes of `facts`.
pub fn encode(facts: &[Fact]) -> Vec<u8> {
    let mut rows = Vec::new();
    let mut last = 0;
    for fact in facts {
        match fact {
            Fact::Commit(commit) => commit_row(&mut rows, commit, &mut last),
            Fact::Irregular(irregular) => irregular_row(&mut rows, irregular),
        }
    }
    let mut block = vec![FORMAT];
    varint(&mut block, facts.len() as u64);
    facts.iter().for_each(|fact| block.extend_from_slice(&fact.hash()));
    for fact in facts {
        let correlation = match fact {
            Fact::Commit(commit) => commit.correlation,
            Fact::Irregular(_) => Uuid::nil(),
        };
        block.extend_from_slice(correlation.as_bytes());
    }
    block.extend(miniz_oxide::deflate::compress_to_vec(&rows, EFFORT));
    block
}

fn commit_row(rows: &mut Vec<u8>, commit: &CommitFact, last: &mut i64) {
    rows.push(COMMIT);
    text(rows, &commit.stream.to_string());
    varint(rows, commit.version.get());
    let micros = commit.recorded_at.micros();
    let since = micros - *last;
    varint(rows, ((since << 1) ^ (since >> 63)) as u64);
    *last = micros;
    text(rows, commit.tenant.as_str());
    text(rows, commit.actor.as_str());
    varint(rows, commit.events.len() as u64);
    commit.events.iter().for_each(|event| text(rows, event));
}

fn irregular_row(rows: &mut Vec<u8>, irregular: &Irregular) {
    let place = Irregularity::ALL.iter().position(|kind| *kind == irregular.kind).expect("ALL has every kind");
    rows.push(COMMIT + 1 + place as u8);
    text(rows, &irregular.pk);
    text(rows, &irregular.sk);
    text(rows, &irregular.record);
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    varint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// The facts in `block`.
pub fn decode(block: &[u8]) -> Result<Vec<Fact>, NotABlock> {
    let mut head = Cursor(block);
    if head.byte()? != FORMAT {
        return Err(NotABlock("another format"));
    }
    let count = usize::try_from(head.varint()?).ok().filter(|count| *count <= block.len() / 48).ok_or(CUT_SHORT)?;
    let hashes: Vec<[u8; 32]> = (0..count).map(|_| head.array()).collect::<Result<_, _>>()?;
    let correlations: Vec<[u8; 16]> = (0..count).map(|_| head.array()).collect::<Result<_, _>>()?;
    let rows =
        miniz_oxide::inflate::decompress_to_vec_with_limit(head.0, MOST_INFLATED).map_err(|_| NotABlock("the rows do not inflate"))?;
    let (mut rows, mut last) = (Cursor(&rows), 0);
    let facts = hashes.into_iter().zip(correlations).map(|(hash, correlation)| match rows.byte()? {
        COMMIT => rows.commit(hash, Uuid::from_bytes(correlation), &mut last).map(Fact::Commit),
        kind => rows.irregular(kind, hash).map(Fact::Irregular),
    });
    let facts = facts.collect::<Result<Vec<_>, _>>()?;
    if rows.0.is_empty() { Ok(facts) } else { Err(NotABlock("there are more rows than hashes")) }
}

const CUT_SHORT: NotABlock = NotABlock("it is cut short");

/// What is left of the bytes.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn byte(&mut self) -> Result<u8, NotABlock> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], NotABlock> {
        let (first, rest) = self.0.split_first_chunk::<N>().ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Result<u64, NotABlock> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // The tenth byte has room for one bit.
                return if shift == 63 && byte > 1 { Err(NotABlock("a number is too large")) } else { Ok(number) };
            }
        }
        Err(NotABlock("a number is too large"))
    }

    fn text(&mut self) -> Result<&str, NotABlock> {
        let length = usize::try_from(self.varint()?).map_err(|_| CUT_SHORT)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(CUT_SHORT)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| NotABlock("a text is not UTF-8"))
    }

    fn parsed<T: std::str::FromStr>(&mut self) -> Result<T, NotABlock> {
        self.text()?.parse().map_err(|_| NotABlock("an id is not one"))
    }

    fn commit(&mut self, hash: [u8; 32], correlation: Uuid, last: &mut i64) -> Result<CommitFact, NotABlock> {
        let stream = self.parsed()?;
        let version = Version::new(self.varint()?).ok_or(NotABlock("a version is 0"))?;
        let zigzag = self.varint()?;
        *last = last.wrapping_add((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
        let recorded_at = Timestamp::from_micros(*last).ok_or(NotABlock("a time is out of range"))?;
        let (tenant, actor) = (self.parsed()?, self.parsed()?);
        let events = usize::try_from(self.varint()?).ok().filter(|count| *count <= self.0.len()).ok_or(CUT_SHORT)?;
        let events = (0..events).map(|_| self.text().map(str::to_owned)).collect::<Result<_, _>>()?;
        Ok(CommitFact { stream, version, tenant, recorded_at, actor, correlation, events, hash })
    }

    fn irregular(&mut self, kind: u8, hash: [u8; 32]) -> Result<Irregular, NotABlock> {
        let kind = usize::from(kind).checked_sub(usize::from(COMMIT) + 1).and_then(|place| Irregularity::ALL.get(place).copied());
        let kind = kind.ok_or(NotABlock("a kind of entry is unknown"))?;
        Ok(Irregular { kind, pk: self.text()?.to_owned(), sk: self.text()?.to_owned(), record: self.text()?.to_owned(), hash })
    }
}
