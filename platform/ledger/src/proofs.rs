//! Proofs made of tiles: that an entry is in the signed tree, that one tree begins with another, and what is left of a position.
//!
//! Everything is checked against the signed root before it is handed out: a tile that was changed gives an error, never a bad proof.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use annals_log::BoxError;
use annals_verify::checkpoint::{NotACheckpoint, TreeHead, VerifierKey};
use annals_verify::extension::Extension;
use annals_verify::period::PeriodProof;
use annals_verify::proof::Proof;
use annals_verify::tree::{Frontier, extends, includes};
use tlog_tiles::{Error, Hash, HashReader, Tile};

use crate::entry::Entry;
use crate::objects::{Objects, checkpoint_path};
use crate::position::Position;
use crate::tree::tile_path;

const HEIGHT: u8 = 8;

/// Makes proofs for one signed tree.
pub struct Proofs<'a> {
    objects: &'a dyn Objects,
    head: TreeHead,
    checkpoint: Vec<u8>,
}

/// There is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The checkpoints' store gives no answer: ask again.
    #[error("the checkpoints' store gives no answer")]
    Objects {
        /// What it said.
        source: BoxError,
    },
    /// The tree does not reach so far: wait for the next checkpoint.
    #[error("{asked} entries are asked for, and {signed} are signed")]
    NotSigned {
        /// How many entries the tree would have to have.
        asked: u64,
        /// How many it has.
        signed: u64,
    },
    /// The checkpoint is not one that the key has signed.
    #[error("the checkpoint of size {size} {source}")]
    Checkpoint {
        /// Its size, as its name says.
        size: u64,
        /// What is wrong.
        source: NotACheckpoint,
    },
    /// Tiles and checkpoint, or ledger and checkpoint, do not agree: see `annals verify`.
    #[error("{0}")]
    Disagrees(String),
}

impl<'a> Proofs<'a> {
    /// Proofs for the tree of the newest checkpoint, or the newest of at most `until` entries; `None` where there is none.
    ///
    /// Cost: 2 objects.
    pub async fn newest(objects: &'a dyn Objects, key: &VerifierKey, until: Option<u64>) -> Result<Option<Self>, ProofError> {
        let size = match until {
            None => objects.newest_checkpoint().await,
            Some(until) => objects.checkpoints().await.map(|sizes| sizes.into_iter().rfind(|size| *size <= until)),
        };
        let Some(size) = size.map_err(unanswered)? else { return Ok(None) };
        let checkpoint = objects.read(&checkpoint_path(size)).await.map_err(unanswered)?.unwrap_or_default();
        let head = key.open(&checkpoint).map_err(|source| ProofError::Checkpoint { size, source })?;
        if head.size != size {
            return Err(ProofError::Disagrees(format!("the checkpoint of size {size} says {}", head.size)));
        }
        Ok(Some(Self { objects, head, checkpoint }))
    }

    /// The signed tree.
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// The checkpoint, as it is.
    pub fn checkpoint(&self) -> &[u8] {
        &self.checkpoint
    }

    /// The proof that `entry` is in the tree.
    ///
    /// Cost: an object for each level of tiles, and one more for each that is not full: about four for a million entries.
    pub async fn inclusion(&self, entry: &Entry) -> Result<Proof, ProofError> {
        let (index, TreeHead { size, root }) = (entry.position.get(), self.head);
        self.reaches(index.saturating_add(1))?;
        let hashes = self.read(|tiles| tlog_tiles::prove_record(size, index, tiles)).await?;
        if !includes(&hashes, size, root, index, entry.leaf_hash()) {
            return Err(ProofError::Disagrees(format!("position {index} of the ledger is not what was signed")));
        }
        Ok(Proof { leaf: Some(entry.leaf()), index, hashes, checkpoint: self.checkpoint.clone() })
    }

    /// The proof that the tree begins with that of `old`.
    ///
    /// Cost: as [`Proofs::inclusion`], twice.
    pub async fn extension(&self, old: TreeHead) -> Result<Extension, ProofError> {
        let TreeHead { size, root } = self.head;
        self.reaches(old.size)?;
        let hashes = self.consistency(old.size).await?;
        if !extends(&hashes, size, root, old.size, old.root) {
            return Err(ProofError::Disagrees(format!("the tree of size {size} does not begin with the one of size {}", old.size)));
        }
        Ok(Extension { old: old.size, hashes, checkpoint: self.checkpoint.clone() })
    }

    /// The same, of a tree of `old` entries whose root the reader has.
    ///
    /// Cost: as [`Proofs::inclusion`], twice.
    pub async fn extension_from(&self, old: u64) -> Result<Extension, ProofError> {
        self.reaches(old)?;
        Ok(Extension { old, hashes: self.consistency(old).await?, checkpoint: self.checkpoint.clone() })
    }

    /// The root of the first `entries`.
    ///
    /// Cost: as [`Proofs::inclusion`], twice.
    pub async fn root(&self, entries: u64) -> Result<Hash, ProofError> {
        self.reaches(entries)?;
        let (left, hashes) = (self.subtrees(entries).await?, self.consistency(entries).await?);
        let tree = Frontier::from_subtrees(entries, left).ok_or_else(|| ProofError::Disagrees("tiles of another tree".into()))?;
        match extends(&hashes, self.head.size, self.head.root, entries, tree.root()) {
            true => Ok(tree.root()),
            false => Err(ProofError::Disagrees(format!("the tiles do not give the root of the checkpoint of size {}", self.head.size))),
        }
    }

    /// The proof of the entries from `first` to before `end`, without them.
    ///
    /// Cost: as [`Proofs::inclusion`], three times.
    pub async fn period(&self, first: Position, end: Position) -> Result<PeriodProof, ProofError> {
        self.root(end.get()).await?;
        let left = self.subtrees(first.get()).await?;
        let extends = self.consistency(end.get()).await?;
        Ok(PeriodProof { first: first.get(), end: end.get(), left, extends, checkpoint: self.checkpoint.clone() })
    }

    fn reaches(&self, entries: u64) -> Result<(), ProofError> {
        match entries <= self.head.size {
            true => Ok(()),
            false => Err(ProofError::NotSigned { asked: entries, signed: self.head.size }),
        }
    }

    /// The consistency proof from the tree of `old` entries; from none there is none.
    async fn consistency(&self, old: u64) -> Result<Vec<Hash>, ProofError> {
        match old {
            0 => Ok(vec![]),
            _ => self.read(|tiles| tlog_tiles::prove_tree(self.head.size, old, tiles)).await,
        }
    }

    /// The roots of the complete subtrees over the first `entries`, largest first.
    async fn subtrees(&self, entries: u64) -> Result<Vec<Hash>, ProofError> {
        let (mut indexes, mut before) = (vec![], 0u64);
        for level in (0..64u8).rev().filter(|level| entries >> level & 1 == 1) {
            indexes.push(tlog_tiles::stored_hash_index(level, before >> level));
            before += 1 << level;
        }
        self.read(|tiles| tiles.read_hashes(&indexes)).await
    }

    /// What `ask` makes of hashes: the tiles that it lacks are read, and it is asked again.
    async fn read<T>(&self, ask: impl Fn(&Tiles) -> Result<T, Error>) -> Result<T, ProofError> {
        let mut tiles = Tiles { size: self.head.size, read: BTreeMap::new(), lacking: RefCell::default() };
        loop {
            let failed = match ask(&tiles) {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            let lacking = std::mem::take(tiles.lacking.get_mut());
            if lacking.is_empty() {
                return Err(ProofError::Disagrees(failed.to_string()));
            }
            for path in lacking {
                let bytes = self.objects.read(&path).await.map_err(unanswered)?;
                let bytes = bytes.ok_or_else(|| ProofError::Disagrees(format!("{path} is missing")))?;
                tiles.read.insert(path, bytes);
            }
        }
    }
}

/// The tiles of a tree that have been read, and those that were asked for and have not.
struct Tiles {
    size: u64,
    read: BTreeMap<String, Vec<u8>>,
    lacking: RefCell<BTreeSet<String>>,
}

impl Tiles {
    /// The tile with this hash, as wide as the tree has it.
    fn tile(&self, index: u64) -> Option<Tile> {
        let tile = Tile::from_index(HEIGHT, index);
        let hashes = self.size.checked_shr(u32::from(HEIGHT) * u32::from(tile.level()))?;
        let width = hashes.checked_sub(tile.level_index() << HEIGHT)?.min(1 << HEIGHT);
        (width >= u64::from(tile.width())).then(|| Tile::new(HEIGHT, tile.level(), tile.level_index(), width as u32, false))
    }
}

impl HashReader for Tiles {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let mut hashes = vec![];
        for index in indexes {
            let tile = self.tile(*index).ok_or(Error::IndexesNotInTree)?;
            let path = tile_path(&tile);
            match self.read.get(&path) {
                Some(bytes) => hashes.push(tile.hash_at_index(bytes, *index)?),
                None => _ = self.lacking.borrow_mut().insert(path),
            }
        }
        if self.lacking.borrow().is_empty() { Ok(hashes) } else { Err(Error::IndexesNotInTree) }
    }
}

fn unanswered(source: BoxError) -> ProofError {
    ProofError::Objects { source }
}
