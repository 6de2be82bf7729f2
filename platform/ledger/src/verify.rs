//! Checks a ledger against itself, its log and its checkpoints. A finding names the check that found it.
//!
//! | check | what it found |
//! |---|---|
//! | `ledger-item` | an item is not what a ledger holds |
//! | `ledger-order` | positions, times or epochs do not follow each other: an item was changed, moved or deleted |
//! | `ledger-summary` | an item's summary is not that of its entries: searches would pass over them |
//! | `ledger-directory` | the directory does not name the epochs that the seals name |
//! | `checkpoint-signature` | a checkpoint is not signed by the ledger's key |
//! | `checkpoint-root` | a checkpoint's root is not that of the entries it covers: entries were rewritten, or the ledger was forked |
//! | `checkpoint-beyond-ledger` | entries were signed and are gone |
//! | `tile` | the tiles do not give the newest checkpoint's root |
//! | `sequenced-twice` | a commit has two positions |
//! | `commit-lost` | the ledger has a commit that the log has not |
//! | `commit-unsequenced` | the log has a commit that the ledger has not, though there was time |
//! | `commit-hash` | a commit is not what was sequenced |
//!
//! As every checkpoint's root is that of a prefix of one list of entries, every checkpoint is consistent with every earlier one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use annals_kit::{StreamId, Timestamp, Version};
use annals_log::{BoxError, CommitHash, Log};
use annals_reads::{Item, ReadError};
use annals_verify::checkpoint::{TreeHead, VerifierKey};
use annals_verify::tree::Frontier;
use chrono::TimeDelta;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::entry::hex;
use crate::fact::{Fact, Irregular};
use crate::item::{Content, LedgerItem, Opening};
use crate::objects::{Objects, checkpoint_path};
use crate::position::Position;
use crate::reader::Reader;
use crate::summary::Sought;
use crate::table::{LedgerError, LedgerTable};
use crate::tail::Tail;
use crate::tree::{Edge, tile_path};

/// How long a commit may wait for its position.
const MAY_WAIT: TimeDelta = TimeDelta::minutes(15);

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// What is wrong, and where.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.check, self.what)
    }
}

fn finding(check: &'static str, what: impl Into<String>) -> Finding {
    Finding { check, what: what.into() }
}

/// It could not be told.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database gives no answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The checkpoints' store gives no answer.
    #[error("the checkpoints' store gives no answer")]
    Objects {
        /// What it said.
        source: BoxError,
    },
}

/// What holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries.
    pub entries: u64,
    /// Checkpoints, all of them consistent.
    pub checkpoints: u64,
    /// How many of the entries the newest checkpoint covers.
    pub signed: u64,
    /// Entries that are not commits: what was done to the log, as the stream told it.
    pub irregular: Vec<(Position, Irregular)>,
    /// Commits that were recorded just now and have no position yet.
    pub waiting: u64,
}

/// A population of inserted items by stream, in about 100 bytes a stream however many there are: their number, and a sum of keyed hashes.
/// The key is drawn for each verification, so that no one can prepare items whose sums agree.
pub struct Population {
    key: [u8; 32],
    streams: BTreeMap<String, (u64, u128)>,
}

impl Population {
    /// Nobody yet.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, streams: BTreeMap::new() }
    }

    /// Adds an item of the log.
    pub fn add(&mut self, item: &Item) {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str);
        let hash = CommitHash::of(item).map_or([0; 32], |hash| hash.0);
        self.count(text("PK").to_owned(), text("SK"), hash);
    }

    fn count(&mut self, pk: String, sk: &str, hash: [u8; 32]) {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(&(sk.len() as u64).to_be_bytes());
        mac.update(sk.as_bytes());
        mac.update(&hash);
        let digest = mac.finalize().into_bytes();
        let term = u128::from_be_bytes(std::array::from_fn(|i| digest[i]));
        let stream = self.streams.entry(pk).or_default();
        *stream = (stream.0 + 1, stream.1.wrapping_add(term));
    }

    /// The streams that are not the same in both.
    fn differing(&self, other: &Self) -> BTreeSet<String> {
        let of = |population: &Self, stream: &String| population.streams.get(stream).copied();
        let all = self.streams.keys().chain(other.streams.keys());
        all.filter(|stream| of(self, stream) != of(other, stream)).cloned().collect()
    }
}

/// Verifies one service's ledger.
pub struct Verifier<'a> {
    /// The ledger.
    pub table: LedgerTable,
    /// Tiles and checkpoints.
    pub objects: &'a dyn Objects,
    /// What checks their signatures; without one there must be no checkpoint.
    pub key: Option<VerifierKey>,
}

/// The ledger as it was walked.
pub struct Walked {
    /// What holds of it.
    pub verified: Verified,
    population: Population,
}

type Checked<T> = Result<Result<T, Finding>, VerifyError>;

impl Verifier<'_> {
    /// Walks the whole ledger: items, order, seals, directory, every checkpoint's root. `secret` is new random bytes.
    ///
    /// Cost: reads the ledger once, ceil(bytes / 4 KB) RCU; one object a checkpoint and four tiles.
    pub async fn walk(&self, secret: [u8; 32]) -> Checked<Walked> {
        let mut heads = match self.heads().await? {
            Ok(heads) => heads,
            Err(found) => return Ok(Err(found)),
        };
        let (mut verified, mut population) = (Verified::default(), Population::new(secret));
        verified.checkpoints = heads.len() as u64;
        verified.signed = heads.back().map_or(0, |head| head.size);
        let newest = heads.back().copied();
        let (mut tree, mut openings) = (Frontier::default(), vec![]);
        let mut walk = Reader::new(self.table.clone()).all();
        loop {
            let item = match told(walk.next().await)? {
                Ok(Some(item)) => item,
                Ok(None) => break,
                Err(found) => return Ok(Err(found)),
            };
            openings.extend(opening_after(&item));
            let entries = match item.entries() {
                Ok(entries) => entries,
                Err(bad) => return Ok(Err(finding("ledger-item", bad.to_string()))),
            };
            if !item.summarises(&entries) {
                let what = format!("{}: it is not what its entries come to, so searches may pass them over", item.key());
                return Ok(Err(finding("ledger-summary", what)));
            }
            for entry in entries {
                tree.push(entry.leaf_hash());
                match &entry.fact {
                    Fact::Irregular(irregular) => verified.irregular.push((entry.position, irregular.clone())),
                    Fact::Commit(_) => {}
                }
                if entry.fact.is_insert() {
                    let (pk, sk) = entry.fact.key();
                    population.count(pk, &sk, entry.fact.hash());
                }
                if let Some(head) = heads.pop_front_if(|head| head.size == tree.size())
                    && head.root != tree.root()
                {
                    return Ok(Err(self.rewritten(head, newest, &tree).await?));
                }
            }
        }
        verified.entries = tree.size();
        if let Some(head) = heads.front() {
            let what = format!("{} entries were signed, and the ledger ends after {}", head.size, tree.size());
            return Ok(Err(finding("checkpoint-beyond-ledger", what)));
        }
        if let Err(found) = self.directory(&openings, walk.tail()).await? {
            return Ok(Err(found));
        }
        if let Err(found) = self.tiles(newest).await? {
            return Ok(Err(found));
        }
        Ok(Ok(Walked { verified, population }))
    }

    /// Every checkpoint, opened, by size.
    async fn heads(&self) -> Checked<VecDeque<TreeHead>> {
        let mut heads = VecDeque::new();
        for size in self.objects.checkpoints().await.map_err(unanswered)? {
            let path = checkpoint_path(size);
            let bytes = self.objects.read(&path).await.map_err(unanswered)?.unwrap_or_default();
            let Some(key) = &self.key else {
                return Ok(Err(finding("checkpoint-signature", format!("{path} cannot be checked: there is no verifier key"))));
            };
            match key.open(&bytes) {
                Ok(head) if head.size == size && size > 0 => heads.push_back(head),
                Ok(head) => return Ok(Err(finding("checkpoint-signature", format!("{path} is of size {}", head.size)))),
                Err(error) => return Ok(Err(finding("checkpoint-signature", format!("{path} {error}")))),
            }
        }
        Ok(Ok(heads))
    }

    async fn rewritten(&self, head: TreeHead, newest: Option<TreeHead>, tree: &Frontier) -> Result<Finding, VerifyError> {
        let what = match self.tiles(newest).await? {
            Ok(()) => "the tiles agree with the checkpoints: entries of the ledger were rewritten, or it was forked",
            Err(_) => "the tiles do not agree with the checkpoints either",
        };
        let what = format!("the first {} entries have the root {}, signed was {}; {what}", head.size, tree.root(), head.root);
        Ok(finding("checkpoint-root", what))
    }

    /// Whether the edge of the tiles gives the newest checkpoint's root.
    async fn tiles(&self, newest: Option<TreeHead>) -> Checked<()> {
        let Some(head) = newest else { return Ok(Ok(())) };
        let mut tiles = vec![];
        for tile in Edge::tiles(head.size) {
            let bytes = self.objects.read(&tile_path(&tile)).await.map_err(unanswered)?;
            let Some(bytes) = bytes else { return Ok(Err(finding("tile", format!("{} is missing", tile_path(&tile))))) };
            tiles.push((tile, bytes));
        }
        let edge = Edge::from_tiles(head.size, &tiles);
        match edge.is_some_and(|edge| edge.root().is_ok_and(|root| root == head.root)) {
            true => Ok(Ok(())),
            false => Ok(Err(finding("tile", format!("the tiles do not give the root of the checkpoint of size {}", head.size)))),
        }
    }

    /// Whether the directory has the epochs that the seals name. The last of them may just be opening.
    async fn directory(&self, openings: &[Opening], end: Tail) -> Checked<()> {
        let directory = match told(self.table.epochs().await)? {
            Ok(directory) => directory,
            Err(found) => return Ok(Err(found)),
        };
        let mut known = directory.iter().filter(|opening| opening.epoch <= end.epoch);
        let opening_now = |opening: &Opening| opening.epoch == end.epoch && opening.first == end.next;
        let missing = openings.iter().find(|opening| !directory.contains(opening) && !opening_now(opening));
        let unknown = known.find(|opening| !openings.contains(opening));
        Ok(match (missing, unknown) {
            (Some(opening), _) => Err(finding("ledger-directory", format!("it does not have epoch {} as its seal says", opening.epoch))),
            (_, Some(opening)) => Err(finding("ledger-directory", format!("no seal names its epoch {}", opening.epoch))),
            (None, None) => Ok(()),
        })
    }

    /// Compares the ledger, as walked, with its log, as scanned after the walk: every commit once, with its hash.
    ///
    /// Cost: nothing where they agree; otherwise one more walk, and the log's streams that differ.
    pub async fn compare(&self, walked: Walked, scanned: &Population, log: &Log, now: Timestamp) -> Checked<Verified> {
        let Walked { mut verified, population } = walked;
        let differing = population.differing(scanned);
        if differing.is_empty() {
            return Ok(Ok(verified));
        }
        // Commits come while this goes on: what differs is looked at again, ledger first.
        let sequenced = match self.entries_of(&differing).await? {
            Ok(sequenced) => sequenced,
            Err(found) => return Ok(Err(found)),
        };
        for pk in differing {
            let entries = sequenced.get(&pk).map_or(&[][..], Vec::as_slice);
            match compare_stream(&pk, entries, &stored(log, &pk).await?, now) {
                Ok(waiting) => verified.waiting += waiting,
                Err(found) => return Ok(Err(found)),
            }
        }
        Ok(Ok(verified))
    }

    /// The insertions that the ledger has of these streams.
    async fn entries_of(&self, streams: &BTreeSet<String>) -> Checked<BTreeMap<String, Vec<(Position, Fact)>>> {
        let sought: Vec<_> = streams.iter().filter_map(|pk| pk.parse().ok()).map(Sought::Stream).collect();
        // A key that is no stream's is in no filter.
        let all = sought.len() < streams.len();
        let (mut walk, mut found) = (Reader::new(self.table.clone()).all(), BTreeMap::<_, Vec<_>>::new());
        loop {
            let item = match told(walk.next().await)? {
                Ok(Some(item)) => item,
                Ok(None) => return Ok(Ok(found)),
                Err(bad) => return Ok(Err(bad)),
            };
            let passed_over = |summary: &crate::summary::Summary| !all && !sought.iter().any(|one| summary.may_hold(one));
            if matches!(&item.content, Content::Batch { summary, .. } if passed_over(summary)) {
                continue;
            }
            let entries = match item.entries() {
                Ok(entries) => entries,
                Err(bad) => return Ok(Err(finding("ledger-item", bad.to_string()))),
            };
            for entry in entries.into_iter().filter(|entry| entry.fact.is_insert()) {
                let (pk, _) = entry.fact.key();
                if streams.contains(&pk) {
                    found.entry(pk).or_default().push((entry.position, entry.fact));
                }
            }
        }
    }
}

/// The epoch that a seal opens.
fn opening_after(item: &LedgerItem) -> Option<Opening> {
    match item.content {
        Content::Seal { next } => Some(Opening { epoch: next, first: item.position, opened_at: item.sequenced_at }),
        Content::Batch { .. } => None,
    }
}

/// A stream's items by strong Queries.
async fn stored(log: &Log, pk: &str) -> Result<Vec<Item>, ReadError> {
    let Ok(stream) = pk.parse::<StreamId>() else { return Ok(vec![]) };
    let (mut items, mut after) = (vec![], None);
    loop {
        let page = log.from_version(&stream, Version::FIRST, 200, after).await?;
        items.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(items),
        }
    }
}

/// Compares one stream commit by commit; how many wait for their position.
fn compare_stream(pk: &str, entries: &[(Position, Fact)], items: &[Item], now: Timestamp) -> Result<u64, Finding> {
    let mut sequenced: BTreeMap<String, (Position, &Fact)> = BTreeMap::new();
    for (position, fact) in entries {
        let (_, sk) = fact.key();
        if let Some((first, _)) = sequenced.insert(sk.clone(), (*position, fact)) {
            return Err(finding("sequenced-twice", format!("PK={pk} SK={sk} is at positions {first} and {position}")));
        }
    }
    let mut waiting = 0;
    for item in items {
        let fact = Fact::of_insert(item, "");
        let (_, sk) = fact.key();
        match sequenced.remove(&sk) {
            Some((position, known)) if known.hash() != fact.hash() => {
                let (is, was) = (hex(&fact.hash()), hex(&known.hash()));
                let what = format!("PK={pk} SK={sk} has hash {is}, sequenced at position {position} as {was}");
                return Err(finding("commit-hash", what));
            }
            Some(_) => {}
            None if matches!(&fact, Fact::Commit(commit) if now.since(commit.recorded_at) < MAY_WAIT) => waiting += 1,
            None => return Err(finding("commit-unsequenced", format!("PK={pk} SK={sk} has no position"))),
        }
    }
    match sequenced.into_iter().next() {
        Some((sk, (position, _))) => {
            Err(finding("commit-lost", format!("PK={pk} SK={sk} was sequenced at position {position}, and the log has it no more")))
        }
        None => Ok(waiting),
    }
}

/// Sorts what a read of the ledger came to into findings and what could not be told.
fn told<T>(read: Result<T, LedgerError>) -> Checked<T> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(LedgerError::Read(error)) => Err(error.into()),
        Err(LedgerError::BadItem(error)) => Ok(Err(finding("ledger-item", error.to_string()))),
        Err(error @ LedgerError::Broken { .. }) => Ok(Err(finding("ledger-order", error.to_string()))),
    }
}

fn unanswered(source: BoxError) -> VerifyError {
    VerifyError::Objects { source }
}
