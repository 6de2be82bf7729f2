//! Checks proofs and exported periods of a ledger, with a public key and nothing else: no AWS, no network, nothing of a running Annals.
//!
//! - [`checkpoint`]: a signed tree head, and the key that checks it
//! - [`tree`]: the Merkle tree of RFC 6962, as far as a verifier needs it
//! - [`proof`]: one entry is in the tree (C2SP tlog-proof); [`extension`]: one tree begins with another (the body of C2SP tlog-witness)
//! - [`leaf`], [`commit`]: what a leaf says of a commit, and whether a commit is that one; `plain`: leaves read fast
//! - [`inclusion`]: a commit, its proof, a key: yes or no
//! - [`period`]: a whole exported period: order, population, chains, root; `links`: the chains of its streams
//! - [`witness`]: what whoever remembers a tree does with a later checkpoint
//! - [`finding`]: what does not hold, and which check found it
//!
//! The formats are described in `docs/audit.md`, so that others can write a verifier of their own.

pub mod checkpoint;
pub mod commit;
pub mod extension;
pub mod finding;
pub mod inclusion;
pub mod leaf;
mod lines;
mod links;
pub mod period;
mod plain;
pub mod proof;
pub mod tree;
pub mod witness;
