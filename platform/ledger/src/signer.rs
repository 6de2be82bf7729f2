//! Signs how far a ledger has come: one a service, on a schedule, one at a time.
//!
//! It signs only what it has read by strongly consistent reads, on top of the last checkpoint, whose tree the tiles must still give. Where
//! the ledger and the last checkpoint do not agree it refuses, and that is an alarm: one of them was changed.

use std::sync::Arc;

use annals_kit::Timestamp;
use annals_log::BoxError;
use annals_verify::checkpoint::TreeHead;
use tlog_tiles::Hash;

use crate::checkpoint::LedgerKey;
use crate::objects::{Kept, Objects, VERIFIER_KEY, checkpoint_path};
use crate::position::Position;
use crate::reader::{Reader, Walk};
use crate::table::{LedgerError, LedgerTable};
use crate::tree::{Edge, tile_path};

/// Entries between two checkpoints at most: what is held in memory, 100 bytes each.
const MOST_AT_ONCE: u64 = 65_536;

/// The signer of one ledger.
pub struct Signer {
    reader: Reader,
    objects: Arc<dyn Objects>,
    key: LedgerKey,
}

/// What one run came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signed {
    /// The newest checkpoint; `None` for an empty ledger.
    pub head: Option<TreeHead>,
    /// Entries that were signed for the first time.
    pub entries: u64,
    /// When the first of those was sequenced: how long it has waited.
    pub oldest: Option<Timestamp>,
}

/// Nothing was signed, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The ledger cannot be read: try again.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The objects cannot be read or written: try again.
    #[error("the checkpoints' store gives no answer")]
    Objects {
        /// What it said.
        source: BoxError,
    },
    /// The ledger and what was signed do not agree: a person must look, and `annals verify` says more.
    #[error("refused [{check}]: {what}")]
    Refused {
        /// The check that failed.
        check: &'static str,
        /// What is wrong.
        what: String,
    },
}

impl From<LedgerError> for SignError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Read(_) => Self::Ledger(error),
            LedgerError::BadItem(_) | LedgerError::Broken { .. } => refused("ledger-item", error.to_string()),
        }
    }
}

impl Signer {
    /// Signs the ledger in `table` with `key`, into `objects`.
    pub fn new(table: LedgerTable, objects: Arc<dyn Objects>, key: LedgerKey) -> Self {
        Self { reader: Reader::new(table), objects, key }
    }

    /// Signs everything that the ledger holds and no checkpoint covers yet.
    ///
    /// Cost: strong reads of the new items and the last signed one, ceil(bytes / 4 KB) RCU, no write capacity; about four objects read
    /// and, where there is anything new, one object for each 256 entries and about four more written.
    pub async fn sign(&self) -> Result<Signed, SignError> {
        let verifier = self.key.verifier();
        self.keep(VERIFIER_KEY, "checkpoint-key", format!("{}\n", verifier.text()).as_bytes()).await?;
        let mut last = self.last().await?;
        let mut edge = self.edge(last).await?;
        let mut walk = match last {
            Some(last) => self.after_last_signed(last, &edge).await?,
            None => self.reader.all(),
        };
        let (mut entries, mut oldest) = (0, None);
        loop {
            let before = edge.size();
            while edge.size() - before < MOST_AT_ONCE {
                let Some(more) = walk.next_entries().await? else { break };
                // The first item may begin with entries that are signed.
                for entry in more.iter().filter(|entry| entry.position.get() >= before) {
                    oldest = oldest.or(Some(entry.sequenced_at));
                    edge.push(entry.leaf_hash()).map_err(|error| refused("tile", error.to_string()))?;
                }
            }
            if edge.size() == before {
                return Ok(Signed { head: last, entries, oldest });
            }
            entries += edge.size() - before;
            last = Some(self.publish(&edge, before).await?);
            edge = self.edge(last).await?;
        }
    }

    /// What the newest checkpoint says.
    async fn last(&self) -> Result<Option<TreeHead>, SignError> {
        let Some(size) = self.objects.newest_checkpoint().await.map_err(unanswered)? else { return Ok(None) };
        let path = checkpoint_path(size);
        let bytes = self.read(&path).await?;
        let head = self.key.verifier().open(&bytes).map_err(|error| refused("checkpoint-signature", format!("{path} {error}")))?;
        match head.size == size {
            true => Ok(Some(head)),
            false => Err(refused("checkpoint-signature", format!("{path} is of size {}", head.size))),
        }
    }

    /// The edge of the signed tree, from tiles that give its root.
    async fn edge(&self, last: Option<TreeHead>) -> Result<Edge, SignError> {
        let TreeHead { size, root } = last.unwrap_or(TreeHead { size: 0, root: tlog_tiles::EMPTY_HASH });
        let mut tiles = vec![];
        for tile in Edge::tiles(size) {
            tiles.push((tile, self.read(&tile_path(&tile)).await?));
        }
        let edge = Edge::from_tiles(size, &tiles).filter(|edge| edge.root().is_ok_and(|of_tiles| of_tiles == root));
        edge.ok_or_else(|| refused("tile", format!("the tiles do not give the root of the checkpoint of size {size}")))
    }

    /// From the last signed entry on, which must still be what was signed.
    async fn after_last_signed(&self, last: TreeHead, edge: &Edge) -> Result<Walk, SignError> {
        let position = Position::new(last.size - 1);
        let mut walk = self.reader.from(position).await?;
        let entries = walk.next_entries().await?.unwrap_or_default();
        let Some(entry) = entries.iter().find(|entry| entry.position == position) else {
            return Err(refused("checkpoint-beyond-ledger", format!("position {position} was signed and is not in the ledger")));
        };
        let signed = self.last_leaf(last, edge).await?;
        if signed != entry.leaf_hash() {
            return Err(refused("leaf", format!("position {position} is not what was signed")));
        }
        // The item may hold entries that were not signed yet: read it again, as a whole.
        Ok(self.reader.from(position).await?)
    }

    /// The last signed leaf: in the edge or, where the last tile is full, in that tile.
    async fn last_leaf(&self, last: TreeHead, edge: &Edge) -> Result<Hash, SignError> {
        if let Some(leaf) = edge.last_leaf() {
            return Ok(leaf);
        }
        let tile = tlog_tiles::Tile::new(8, 0, (last.size - 1) / 256, 256, false);
        let bytes = self.read(&tile_path(&tile)).await?;
        let leaf = bytes.last_chunk::<32>().filter(|_| tlog_tiles::Tile::subtree_hash(&bytes) == tile_root(edge, &tile));
        leaf.map(|leaf| Hash(*leaf)).ok_or_else(|| refused("tile", format!("{} is not what was signed", tile_path(&tile))))
    }

    async fn publish(&self, edge: &Edge, before: u64) -> Result<TreeHead, SignError> {
        let failed = |error: tlog_tiles::Error| refused("tile", error.to_string());
        for (tile, bytes) in edge.tiles_since(before).map_err(failed)? {
            self.keep(&tile_path(&tile), "tile", &bytes).await?;
        }
        let head = TreeHead { size: edge.size(), root: edge.root().map_err(failed)? };
        let checkpoint = self.key.sign(head).map_err(|error| refused("checkpoint-signature", error.to_string()))?;
        // Last: whoever sees a checkpoint finds its tiles.
        self.keep(&checkpoint_path(head.size), "checkpoint", &checkpoint).await?;
        Ok(head)
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, SignError> {
        let bytes = self.objects.read(path).await.map_err(unanswered)?;
        bytes.ok_or_else(|| refused("tile", format!("{path} is missing")))
    }

    async fn keep(&self, path: &str, check: &'static str, bytes: &[u8]) -> Result<(), SignError> {
        match self.objects.insert(path, bytes).await.map_err(unanswered)? {
            Kept::Same => Ok(()),
            Kept::Other => Err(refused(check, format!("{path} is there with other content"))),
        }
    }
}

/// The root of a full tile, as the edge above it has it.
fn tile_root(edge: &Edge, tile: &tlog_tiles::Tile) -> Hash {
    let above = tlog_tiles::stored_hash_index(8 * (tile.level() + 1), tile.level_index());
    tlog_tiles::HashReader::read_hashes(edge, &[above]).map_or(tlog_tiles::EMPTY_HASH, |hashes| hashes[0])
}

fn refused(check: &'static str, what: String) -> SignError {
    SignError::Refused { check, what }
}

fn unanswered(source: BoxError) -> SignError {
    SignError::Objects { source }
}
