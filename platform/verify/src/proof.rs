//! The file that proves one entry: C2SP tlog-proof, with the leaf as its extra data.

use tlog_tiles::Hash;

use crate::finding::Finding;
use crate::lines::{bad, base64, from_base64, halves, hashes, number};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// An inclusion proof with the checkpoint whose tree it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// The leaf, so that a verifier needs no other file. It is not authenticated: the hashes tell whether it is the one that was signed.
    pub leaf: Option<Vec<u8>>,
    /// Where the entry is.
    pub index: u64,
    /// From the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The checkpoint, as it is.
    pub checkpoint: Vec<u8>,
}

impl Proof {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{HEADER}\n");
        if let Some(leaf) = &self.leaf {
            text += &format!("extra {}\n", base64(leaf));
        }
        text += &format!("index {}\n", self.index);
        self.hashes.iter().for_each(|hash| text += &format!("{}\n", base64(&hash.0)));
        [text.as_bytes(), b"\n", &self.checkpoint].concat()
    }

    /// What a file says; nothing of it is verified yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Finding> {
        let (text, checkpoint) = halves(bytes)?;
        let mut lines = text.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(bad(&format!("it does not begin with {HEADER}")));
        }
        let mut line = lines.next();
        let mut leaf = None;
        if let Some(extra) = line.and_then(|line| line.strip_prefix("extra ")) {
            leaf = Some(from_base64(extra).ok_or_else(|| bad("the extra data is not base64"))?);
            line = lines.next();
        }
        let index = number(line, "index")?;
        Ok(Self { leaf, index, hashes: hashes(lines)?, checkpoint: checkpoint.to_vec() })
    }
}
