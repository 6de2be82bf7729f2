//! Whether a commit is in a ledger: its proof, a public key, the commit.

use crate::checkpoint::{TreeHead, VerifierKey};
use crate::commit;
use crate::finding::Finding;
use crate::leaf::Leaf;
use crate::proof::Proof;
use crate::tree::includes;

/// What was proven.
#[derive(Clone, Debug, PartialEq)]
pub struct Included {
    /// The signed tree.
    pub head: TreeHead,
    /// Where the commit is.
    pub position: u64,
    /// The leaf, as it was signed.
    pub leaf: String,
}

/// Whether the tree that `key` has signed has the commit in these bytes.
pub fn verify(key: &VerifierKey, proof: &[u8], commit: &[u8]) -> Result<Included, Finding> {
    let proof = Proof::from_bytes(proof)?;
    let head = key.open(&proof.checkpoint).map_err(|error| Finding::new("checkpoint-signature", format!("the checkpoint {error}")))?;
    let bytes = proof.leaf.ok_or_else(|| Finding::new("proof-format", "it has no extra data, where the leaf should be"))?;
    if proof.index >= head.size || !includes(&proof.hashes, head.size, head.root, proof.index, tlog_tiles::record_hash(&bytes)) {
        let what = format!("the tree of size {} and root {} does not have this leaf at position {}", head.size, head.root, proof.index);
        return Err(Finding::new("inclusion", what));
    }
    let leaf = Leaf::from_bytes(&bytes)?;
    if leaf.position != proof.index {
        return Err(Finding::new("order", format!("the leaf at position {} says {}", proof.index, leaf.position)));
    }
    let of_commit = leaf.commit()?.ok_or_else(|| Finding::new("leaf-format", format!("the leaf is no commit's: {}", leaf.kind)))?;
    // Editors and `echo` end a file with a newline, which is no part of the commit.
    let commit = commit.strip_suffix(b"\n").unwrap_or(commit);
    commit::matches(&of_commit, commit)?;
    Ok(Included { head, position: proof.index, leaf: String::from_utf8_lossy(&bytes).into_owned() })
}
