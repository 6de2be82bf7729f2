//! The right edge of a ledger's Merkle tree (RFC 6962), from tiles and on. What checks trees is in `annals-verify`.
//!
//! Tiles are of height 8, as C2SP tlog-tiles has them: `tile/<L>/<N>` with 256 hashes, `tile/<L>/<N>.p/<W>` with W of them.

use std::collections::HashMap;

use tlog_tiles::{Error, Hash, HashReader, Tile};

const HEIGHT: u8 = 8;
const HASH: usize = 32;

/// The path of a tile of height 8.
pub fn tile_path(tile: &Tile) -> String {
    // The library's paths name the height as well, as Go's do.
    tile.path().replacen("tile/8/", "tile/", 1)
}

/// The tile that a path names; `None` where it names none, in the one spelling there is.
pub fn tile_of(path: &str) -> Option<Tile> {
    let below = path.strip_prefix("tile/")?;
    // The library panics on levels and widths that no tile has.
    let level = below.split_once('/').filter(|(level, _)| level.len() == 1 && ("0"..="7").contains(level));
    let width = below.split_once(".p/").map_or("1", |(_, width)| width);
    if level.is_none() || width.starts_with('0') {
        return None;
    }
    let tile = Tile::from_path(&format!("tile/8/{below}")).ok()?;
    (!tile.is_data() && tile_path(&tile) == path).then_some(tile)
}

/// The hashes that a tree needs to grow.
#[derive(Debug)]
pub struct Edge {
    size: u64,
    hashes: HashMap<u64, Hash>,
}

impl HashReader for Edge {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        indexes.iter().map(|index| self.hashes.get(index).copied().ok_or(Error::IndexesNotInTree)).collect()
    }
}

impl Edge {
    /// The tiles from which the edge of a tree of this size is made.
    pub fn tiles(size: u64) -> Vec<Tile> {
        let levels = (0..).map_while(|level: u8| Some((level, size.checked_shr(u32::from(HEIGHT * level)).filter(|count| *count > 0)?)));
        let edge = levels.filter(|(_, count)| count % 256 > 0);
        edge.map(|(level, count)| Tile::new(HEIGHT, level, count / 256, (count % 256) as u32, false)).collect()
    }

    /// The edge of a tree of this size, from [`Edge::tiles`] and their contents; `None` where one has another length.
    pub fn from_tiles(size: u64, tiles: &[(Tile, Vec<u8>)]) -> Option<Self> {
        let mut hashes = HashMap::new();
        for (tile, bytes) in tiles {
            let (row, rest) = bytes.as_chunks::<HASH>();
            if row.len() != tile.width() as usize || !rest.is_empty() {
                return None;
            }
            let mut row: Vec<Hash> = row.iter().map(|bytes| Hash(*bytes)).collect();
            for up in 0..HEIGHT {
                let first = tile.level_index() << (HEIGHT - up);
                let places = (first..).zip(&row);
                hashes.extend(places.map(|(n, hash)| (tlog_tiles::stored_hash_index(HEIGHT * tile.level() + up, n), *hash)));
                row = row.chunks_exact(2).map(|pair| tlog_tiles::node_hash(pair[0], pair[1])).collect();
            }
        }
        Some(Self { size, hashes })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The last leaf of the tree, where its tile has it.
    pub fn last_leaf(&self) -> Option<Hash> {
        self.hashes.get(&tlog_tiles::stored_hash_index(0, self.size.checked_sub(1)?)).copied()
    }

    /// Adds the next leaf. An edge that lacks a hash was made of the wrong tiles.
    pub fn push(&mut self, leaf: Hash) -> Result<(), Error> {
        let hashes = tlog_tiles::stored_hashes_for_record_hash(self.size, leaf, self)?;
        let first = tlog_tiles::stored_hash_index(0, self.size);
        self.hashes.extend((first..).zip(hashes));
        self.size += 1;
        Ok(())
    }

    /// The root.
    pub fn root(&self) -> Result<Hash, Error> {
        tlog_tiles::tree_hash(self.size, self)
    }

    /// The tiles that a tree of this size has and one of `before` leaves has not, with their contents.
    pub fn tiles_since(&self, before: u64) -> Result<Vec<(Tile, Vec<u8>)>, Error> {
        Tile::new_tiles(HEIGHT, before, self.size).into_iter().map(|tile| Ok((tile, tile.read_data(self)?))).collect()
    }
}
