//! The Merkle tree of RFC 6962, as far as a verifier needs it: a root that grows leaf by leaf, and whether proofs hold.

use tlog_tiles::Hash;

/// The root of a growing tree, in at most 64 hashes: the roots of its complete subtrees, largest first.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// A tree of `size` leaves of which only the roots of its complete subtrees are known; `None` where there is another number of them.
    pub fn from_subtrees(size: u64, subtrees: Vec<Hash>) -> Option<Self> {
        (subtrees.len() == size.count_ones() as usize).then_some(Self { size, subtrees })
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.subtrees.pop().expect("there is a subtree for each one in the size");
            hash = tlog_tiles::node_hash(left, hash);
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let joined = self.subtrees.iter().rev().copied().reduce(|right, left| tlog_tiles::node_hash(left, right));
        joined.unwrap_or(tlog_tiles::EMPTY_HASH)
    }
}

/// Whether `proof` shows that the tree of `size` leaves and this root has `leaf` at `index`.
pub fn includes(proof: &[Hash], size: u64, root: Hash, index: u64, leaf: Hash) -> bool {
    tlog_tiles::check_record(&proof.to_vec(), size, root, index, leaf).is_ok()
}

/// Whether `proof` shows that the tree of `size` leaves begins with the one of `before` leaves.
pub fn extends(proof: &[Hash], size: u64, root: Hash, before: u64, before_root: Hash) -> bool {
    match before {
        // Every tree begins with the empty one, whose root is no question: RFC 6962 leaves it out, and there is nothing to prove.
        0 => proof.is_empty(),
        _ => tlog_tiles::check_tree(&proof.to_vec(), size, root, before, before_root).is_ok(),
    }
}
