//! The Merkle tree: RFC 6962 vectors made by others, and laws.

use std::path::{Path, PathBuf};

use annals_ledger::tree::{Edge, tile_of, tile_path};
use annals_verify::tree::{Frontier, extends, includes};
use proptest::prelude::*;
use serde::Deserialize;
use tlog_tiles::{Hash, record_hash};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    leaf_idx: u64,
    tree_size: u64,
    root: Option<String>,
    leaf_hash: Option<String>,
    proof: Option<Vec<Option<String>>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    size1: u64,
    size2: u64,
    root1: Option<String>,
    root2: Option<String>,
    proof: Option<Vec<Option<String>>>,
    want_err: bool,
}

/// A hash in base64; `None` where it is not 32 bytes, which no proof may hold.
fn hash(text: Option<&String>) -> Option<Hash> {
    Hash::parse_hash(text?).ok()
}

fn proof(texts: Option<Vec<Option<String>>>) -> Option<Vec<Hash>> {
    texts.unwrap_or_default().iter().map(|text| hash(text.as_ref())).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found)
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path)
        }
    }
}

#[test]
fn the_vectors_of_others_give_their_stated_results() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/merkle-vectors");
    if !folder.is_dir() {
        eprintln!("skipped: no ../shared/data");
        return;
    }
    let (mut inclusions, mut consistencies) = (vec![], vec![]);
    files(&folder.join("inclusion"), &mut inclusions);
    files(&folder.join("consistency"), &mut consistencies);
    for path in &inclusions {
        let vector: Inclusion = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let holds = hash(vector.root.as_ref()).zip(hash(vector.leaf_hash.as_ref())).zip(proof(vector.proof));
        let holds = holds.is_some_and(|((root, leaf), proof)| includes(&proof, vector.tree_size, root, vector.leaf_idx, leaf));
        assert_eq!(holds, !vector.want_err, "{}", path.display());
    }
    for path in &consistencies {
        let vector: Consistency = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let holds = hash(vector.root1.as_ref()).zip(hash(vector.root2.as_ref())).zip(proof(vector.proof));
        let holds = holds.is_some_and(|((before, root), proof)| extends(&proof, vector.size2, root, vector.size1, before));
        assert_eq!(holds, !vector.want_err, "{}", path.display());
    }
    assert_eq!(inclusions.len() + consistencies.len(), 170);
}

fn leaf(number: u64) -> Hash {
    record_hash(&number.to_be_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Law: a tree grown over tiles, stopped and taken up at any sizes, has the root that it has without tiles.
    #[test]
    fn a_tree_goes_on_from_its_tiles(mut sizes in prop::collection::btree_set(1u64..70_000, 1..5)) {
        sizes.insert(256);
        let (mut tiles, mut frontier, mut edge) = (std::collections::BTreeMap::new(), Frontier::default(), Edge::from_tiles(0, &[]).unwrap());
        for size in sizes {
            let before = edge.size();
            for number in before..size {
                edge.push(leaf(number)).unwrap();
                frontier.push(leaf(number));
            }
            prop_assert_eq!(edge.root().unwrap(), frontier.root());
            prop_assert_eq!(edge.last_leaf(), Some(leaf(size - 1)));
            for (tile, bytes) in edge.tiles_since(before).unwrap() {
                let path = tile_path(&tile);
                prop_assert_eq!(tile_of(&path), Some(tile));
                prop_assert!(tiles.insert(path, bytes).is_none(), "a tile is written once");
            }
            let read: Vec<_> = Edge::tiles(size).into_iter().map(|tile| (tile, tiles[&tile_path(&tile)].clone())).collect();
            edge = Edge::from_tiles(size, &read).unwrap();
            prop_assert_eq!(edge.root().unwrap(), frontier.root());
        }
    }
}

#[test]
fn paths_of_tiles_have_one_spelling_and_lead_nowhere_else() {
    for path in ["tile/0/000", "tile/0/x001/x234/067", "tile/1/000.p/17"] {
        assert_eq!(tile_of(path).map(|tile| tile_path(&tile)).as_deref(), Some(path));
    }
    for path in [
        "",
        "tile/",
        "tile/0/0",
        "tile/00/000",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/64/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/000.p/256",
        "tile/0/../../key",
        "tile/data/000",
        "checkpoint",
        "tile/8/0/000",
    ] {
        assert_eq!(tile_of(path), None, "{path}");
    }
}
