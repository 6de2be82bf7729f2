//! The file that proves that one tree begins with another: what C2SP tlog-witness has logs send to witnesses.

use tlog_tiles::Hash;

use crate::checkpoint::{TreeHead, VerifierKey};
use crate::finding::Finding;
use crate::lines::{base64, halves, hashes, number};
use crate::tree::extends;

/// A consistency proof with the checkpoint of the later tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    /// The size of the earlier tree.
    pub old: u64,
    /// The proof.
    pub hashes: Vec<Hash>,
    /// The later checkpoint, as it is.
    pub checkpoint: Vec<u8>,
}

impl Extension {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old);
        self.hashes.iter().for_each(|hash| text += &format!("{}\n", base64(&hash.0)));
        [text.as_bytes(), b"\n", &self.checkpoint].concat()
    }

    /// What a file says; nothing of it is verified yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Finding> {
        let (text, checkpoint) = halves(bytes)?;
        let mut lines = text.split('\n');
        let old = number(lines.next(), "old")?;
        Ok(Self { old, hashes: hashes(lines)?, checkpoint: checkpoint.to_vec() })
    }

    /// Whether the later tree begins with that of `old`, a checkpoint that was kept since then: both heads, or what does not hold.
    pub fn verify(&self, key: &VerifierKey, old: &[u8]) -> Result<(TreeHead, TreeHead), Finding> {
        let opened = |what: &str, bytes: &[u8]| {
            key.open(bytes).map_err(|error| Finding::new("checkpoint-signature", format!("the {what} checkpoint {error}")))
        };
        let (old, new) = (opened("earlier", old)?, opened("later", &self.checkpoint)?);
        if old.size != self.old {
            return Err(Finding::new(
                "extension",
                format!("the proof is from size {}, the earlier checkpoint of size {}", self.old, old.size),
            ));
        }
        if old.size > new.size {
            return Err(Finding::new("extension", format!("{} entries were signed, and later only {}", old.size, new.size)));
        }
        match extends(&self.hashes, new.size, new.root, old.size, old.root) {
            true => Ok((old, new)),
            false => Err(Finding::new(
                "extension",
                format!(
                    "the tree of size {} does not begin with the one of size {}: entries were rewritten, or the ledger was forked",
                    new.size, old.size
                ),
            )),
        }
    }
}
