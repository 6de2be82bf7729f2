//! What a witness does with a checkpoint that it is shown (C2SP tlog-witness): it remembers one tree a ledger, and takes only what extends it.
//!
//! No network and no clock: whoever runs a witness keeps the head, and signs what is taken.

use crate::checkpoint::{TreeHead, VerifierKey};
use crate::extension::Extension;
use crate::tree::extends;

/// What becomes of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum Judged {
    /// It extends what was seen: remember it, then cosign. Answer 200.
    Taken {
        /// The tree to remember.
        head: TreeHead,
        /// The checkpoint to cosign.
        checkpoint: Vec<u8>,
    },
    /// It was proven from another size than the one that was seen, or is another tree of that size. Answer 409 with the size.
    Conflict {
        /// The size that was seen.
        size: u64,
    },
    /// It is not of its form. Answer 400.
    Malformed,
    /// It is not signed by the ledger's key. Answer 403.
    Unsigned,
    /// It does not begin with what was seen: keep it, it is evidence. Answer 422.
    Forked,
}

/// What becomes of the checkpoint in the body of an `add-checkpoint`, where `seen` is the last one that was taken.
pub fn judge(key: &VerifierKey, seen: Option<TreeHead>, body: &[u8]) -> Judged {
    let Ok(shown) = Extension::from_bytes(body) else { return Judged::Malformed };
    let Ok(head) = key.open(&shown.checkpoint) else { return Judged::Unsigned };
    let (size, root) = seen.map_or((0, tlog_tiles::EMPTY_HASH), |seen| (seen.size, seen.root));
    if shown.old > head.size {
        return Judged::Malformed;
    }
    if shown.old != size || (head.size == size && head.root != root) {
        return Judged::Conflict { size };
    }
    match extends(&shown.hashes, head.size, head.root, size, root) {
        true => Judged::Taken { head, checkpoint: shown.checkpoint },
        false => Judged::Forked,
    }
}
