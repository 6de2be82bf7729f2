//! A whole exported period: every entry between two positions with its commit, and the proof that they are what was signed.
//!
//! Two files. `entries.tsv` has a line an entry: its leaf, a tab, its commit in canonical bytes (nothing where the entry is no commit);
//! neither holds a raw tab or newline. `period.proof`:
//!
//! ```text
//! annals-period/1
//! first 120                the position of the first entry
//! end 4500                 the position after the last
//! left <base64>            the roots of the complete subtrees over the entries before, largest first: none where first is 0
//! extends <base64>         the consistency proof (RFC 6962) from the tree of `end` entries to that of the checkpoint
//!
//! <the checkpoint>
//! ```

use std::io::BufRead;

use tlog_tiles::Hash;

use crate::checkpoint::{TreeHead, VerifierKey};
use crate::commit;
use crate::finding::Finding;
use crate::leaf::Leaf;
use crate::lines::{bad, base64, halves, hashes, number};
use crate::links::Links;
use crate::tree::{Frontier, extends};

const HEADER: &str = "annals-period/1";

/// The proof of a period.
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodProof {
    /// The position of the first entry.
    pub first: u64,
    /// The position after the last.
    pub end: u64,
    /// The roots of the complete subtrees before `first`.
    pub left: Vec<Hash>,
    /// From the tree of `end` entries to that of the checkpoint.
    pub extends: Vec<Hash>,
    /// The checkpoint, as it is.
    pub checkpoint: Vec<u8>,
}

/// What holds of a period.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// The signed tree.
    pub head: TreeHead,
    /// The position of the first entry.
    pub first: u64,
    /// The position after the last.
    pub end: u64,
    /// Entries that are commits.
    pub commits: u64,
    /// Entries that are not: what was done to the log that should not have been.
    pub irregular: u64,
    /// Streams.
    pub streams: u64,
    /// Those of them that had commits before the period.
    pub begun_before: u64,
    /// Streams of which a version between two others was sequenced in another period.
    pub torn: u64,
    /// Bytes of commits.
    pub bytes: u64,
}

/// A period could not be read, or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum PeriodError {
    /// It does not hold.
    #[error("{0}")]
    Found(Finding),
    /// It cannot be read.
    #[error("the entries cannot be read")]
    Read(#[from] std::io::Error),
}

impl From<Finding> for PeriodError {
    fn from(finding: Finding) -> Self {
        Self::Found(finding)
    }
}

impl PeriodProof {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{HEADER}\nfirst {}\nend {}\n", self.first, self.end);
        self.left.iter().for_each(|hash| text += &format!("left {}\n", base64(&hash.0)));
        self.extends.iter().for_each(|hash| text += &format!("extends {}\n", base64(&hash.0)));
        [text.as_bytes(), b"\n", &self.checkpoint].concat()
    }

    /// What a file says; nothing of it is verified yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Finding> {
        let (text, checkpoint) = halves(bytes)?;
        let mut lines = text.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(bad(&format!("it does not begin with {HEADER}")));
        }
        let (first, end) = (number(lines.next(), "first")?, number(lines.next(), "end")?);
        let (mut left, mut extends) = (vec![], vec![]);
        for line in lines {
            match (line.strip_prefix("left "), line.strip_prefix("extends ")) {
                (Some(hash), _) if extends.is_empty() => left.push(hash),
                (_, Some(hash)) => extends.push(hash),
                _ => return Err(bad("a line is neither `left` nor `extends`")),
            }
        }
        let (left, extends) = (hashes(left.into_iter())?, hashes(extends.into_iter())?);
        Ok(Self { first, end, left, extends, checkpoint: checkpoint.to_vec() })
    }
}

/// Whether the entries are all that `key` has signed between the proof's positions, in their order, each with its commit, and the commits
/// chain.
///
/// Memory: some 150 bytes a stream, and one line.
pub fn verify(key: &VerifierKey, proof: &PeriodProof, mut entries: impl BufRead) -> Result<Period, PeriodError> {
    let head = key.open(&proof.checkpoint).map_err(|error| Finding::new("checkpoint-signature", format!("the checkpoint {error}")))?;
    if proof.first > proof.end || proof.end > head.size {
        let what = format!("positions {} to {} are not of a tree of size {}", proof.first, proof.end, head.size);
        return Err(Finding::new("population", what).into());
    }
    let left = Frontier::from_subtrees(proof.first, proof.left.clone()).ok_or_else(|| bad("it has another number of subtrees"))?;
    let mut walk =
        Walk { tree: left, last: proof.end, sequenced_at: String::new(), links: Links::default(), commits: 0, irregular: 0, bytes: 0 };
    // What a buffer ended within.
    let mut begun = vec![];
    loop {
        let buffer = entries.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let taken = match memchr::memchr(b'\n', buffer) {
            Some(end) if begun.is_empty() => {
                walk.entry(&buffer[..end])?;
                end + 1
            }
            Some(end) => {
                begun.extend_from_slice(&buffer[..end]);
                walk.entry(&begun)?;
                begun.clear();
                end + 1
            }
            None => {
                begun.extend_from_slice(buffer);
                buffer.len()
            }
        };
        entries.consume(taken);
    }
    if !begun.is_empty() {
        walk.entry(&begun)?;
    }
    walk.end(proof, head).map_err(PeriodError::from)
}

/// What has been read of a period.
struct Walk {
    tree: Frontier,
    /// The position after the last entry that there may be.
    last: u64,
    sequenced_at: String,
    links: Links,
    commits: u64,
    irregular: u64,
    bytes: u64,
}

impl Walk {
    fn entry(&mut self, line: &[u8]) -> Result<(), Finding> {
        let position = self.tree.size();
        if position == self.last {
            return Err(Finding::new("population", format!("there are entries after position {position}")));
        }
        // A leaf holds no raw tab.
        let tab = memchr::memchr(b'\t', line)
            .ok_or_else(|| Finding::new("leaf-format", format!("position {position}: the line has no tab between leaf and commit")))?;
        let (bytes, commit) = (&line[..tab], &line[tab + 1..]);
        let leaf =
            Leaf::from_bytes(bytes).map_err(|finding| Finding::new(finding.check, format!("position {position}: {}", finding.what)))?;
        if leaf.position != position {
            let what = format!("position {position} is expected, and the next entry is of position {}", leaf.position);
            return Err(Finding::new("order", what));
        }
        if *leaf.sequenced_at < *self.sequenced_at {
            return Err(Finding::new("order", format!("position {position} was sequenced before the entry that precedes it")));
        }
        self.tree.push(tlog_tiles::record_hash(bytes));
        match leaf.commit()? {
            Some(of_commit) => {
                let previous = commit::matches(&of_commit, commit)?;
                self.links.add(&of_commit, previous)?;
                self.commits += 1;
                self.bytes += commit.len() as u64;
            }
            None if commit.is_empty() => self.irregular += 1,
            None => return Err(Finding::new("leaf-format", format!("position {position} is no commit's, and has one"))),
        }
        self.sequenced_at.clear();
        self.sequenced_at.push_str(&leaf.sequenced_at);
        Ok(())
    }

    fn end(self, proof: &PeriodProof, head: TreeHead) -> Result<Period, Finding> {
        let (first, end) = (proof.first, proof.end);
        if self.tree.size() != end {
            let what = format!("the entries end after position {}, and should go on to {end}", self.tree.size());
            return Err(Finding::new("population", what));
        }
        if !extends(&proof.extends, head.size, head.root, end, self.tree.root()) {
            let what =
                format!("positions {first} to {end} are not what the checkpoint of size {} has there: an entry was changed", head.size);
            return Err(Finding::new("root", what));
        }
        let (streams, begun_before) = self.links.streams();
        let torn = self.links.torn().count() as u64;
        let Self { commits, irregular, bytes, .. } = self;
        Ok(Period { head, first, end, commits, irregular, streams, begun_before, torn, bytes })
    }
}
