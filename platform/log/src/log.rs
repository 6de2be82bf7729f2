//! One service's log table: inserts commits, and reads them back as they are stored.

use std::sync::Arc;

use annals_aws::DynamoDb;
use annals_kit::{Clock, Generation, Ids, StreamId, Timestamp, Version};
use annals_reads::{Item, ItemPage, Key, Params, ReadError, Reads};

use crate::commit::{Commit, sort_key, version_of};
use crate::insert::{Inserted, insert};

/// Any error, its source kept.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a log is bound to.
#[derive(Clone)]
pub struct LogConfig {
    /// The table, such as `subscriptions-log`.
    pub table: String,
    /// How often the table has been restored from a backup; goes into every commit.
    pub generation: Generation,
    /// A commit carries a snapshot that adds no write unit to it when at least this many commits, itself among them, lie behind the last one.
    /// A cold load reads so many commits first; more, once there was no snapshot among them.
    pub free_snapshot_every: usize,
    /// A commit carries a snapshot when more than this many commits lie behind it without one, and no fewer bytes than it will have.
    pub snapshot_after_commits: usize,
    /// A commit carries a snapshot when more than this many bytes lie behind it without one, and no fewer than it will have.
    pub snapshot_after_bytes: usize,
    /// How often an append tries before it gives up.
    pub attempts: u32,
}

impl LogConfig {
    /// The usual settings: a snapshot in every second commit where it costs nothing (a cold load reads two commits), otherwise after 32 commits
    /// or 16 KB, or as many bytes as the last one had (a cold load reads 33 commits, or the snapshot and as much again); ten attempts.
    pub fn new(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            generation: Generation::default(),
            free_snapshot_every: 2,
            snapshot_after_commits: 32,
            snapshot_after_bytes: 16 * 1024,
            attempts: 10,
        }
    }

    /// The same of a log that was restored so often.
    pub fn restored(self, generation: Generation) -> Self {
        Self { generation, ..self }
    }
}

/// The log table of one service.
///
/// The client must not retry by itself: [`crate::Streams`] has the policy, and must see every lost answer.
#[derive(Clone)]
pub struct Log {
    client: DynamoDb,
    reads: Reads,
    pub(crate) config: LogConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

/// How far a stream has come.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamHead {
    /// The stream.
    pub stream: StreamId,
    /// Its newest version, as far as it is known.
    pub version: Version,
    /// When that commit was recorded, where its item says so.
    pub recorded_at: Option<Timestamp>,
    /// Its commits that were read on the way, in version order; those that cannot be read are left out. A hint: the log has all.
    pub commits: Vec<Commit>,
}

/// One page of [`Log::heads`] or [`Log::histories`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadPage {
    /// The streams on it. The last one's history may go on, on the next page.
    pub heads: Vec<StreamHead>,
    /// How many commits they were taken from.
    pub commits: u64,
    /// How many streams begin on it.
    pub streams: u64,
    /// Where the next page starts; `None` after the last.
    pub next: Option<Key>,
}

impl HeadPage {
    /// Leaves the streams on the page that have been met whole, `held` of the page before among them; what may go on, on the next page, is
    /// returned, to be held meanwhile.
    pub fn part(&mut self, held: Option<StreamHead>) -> Option<StreamHead> {
        let mut ended = held;
        if let Some((held, first)) = ended.as_mut().zip(self.heads.first_mut()).filter(|(held, first)| held.stream == first.stream) {
            held.commits.append(&mut first.commits);
            first.commits = std::mem::take(&mut held.commits);
            ended = None;
        }
        let next = self.next.as_ref().and_then(|_| self.heads.pop());
        self.heads.extend(ended);
        next
    }

    /// The streams of some items as a scan shows them: the commits of one stream side by side, oldest first.
    fn of(items: Vec<Item>, next: Option<Key>, histories: bool) -> Self {
        let mut page = Self { heads: vec![], commits: items.len() as u64, streams: 0, next };
        for item in &items {
            let Some(mut head) = head_of(item) else { continue };
            page.streams += u64::from(head.version == Version::FIRST);
            if let Some(before) = page.heads.pop_if(|last| last.stream == head.stream && last.version < head.version) {
                head.commits = before.commits;
            }
            head.commits.extend(histories.then(|| Commit::from_item(item).ok()).flatten());
            page.heads.push(head);
        }
        page
    }
}

impl Log {
    /// The log in `config.table`, read through the patterns of its service's matrix.
    pub fn new(client: impl Into<DynamoDb>, reads: Reads, config: LogConfig, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { client: client.into(), reads, config, clock, ids }
    }

    pub(crate) fn client(&self) -> &DynamoDb {
        &self.client
    }

    /// Inserts an item if its key is free.
    ///
    /// Cost: 1 call, ceil(bytes / 1 KB) WCU, also when the key is taken.
    pub(crate) async fn insert(&self, item: Item) -> Inserted {
        insert(&self.client, &self.config.table, item).await
    }

    /// A stream's commits from the newest back, at most `limit`, strongly consistent.
    ///
    /// Cost: 1 call, ceil(bytes read / 4 KB) RCU.
    pub async fn newest_first(&self, stream: &StreamId, limit: usize, after: Option<Key>) -> Result<ItemPage, ReadError> {
        self.reads.query_page("load_stream_newest_first", &params(stream), Some(as_limit(limit)), after).await
    }

    /// A stream's commits from `first` on, oldest first, at most `limit`, strongly consistent.
    ///
    /// Cost: 1 call, ceil(bytes read / 4 KB) RCU.
    pub async fn from_version(&self, stream: &StreamId, first: Version, limit: usize, after: Option<Key>) -> Result<ItemPage, ReadError> {
        let params = params(stream).number("version", first.get());
        self.reads.query_page("load_stream_from_version", &params, Some(as_limit(limit)), after).await
    }

    /// A stream's commits from `first` to `last`, oldest first, all of them, strongly consistent.
    ///
    /// Cost: ceil(bytes read / 4 KB) RCU; one call a page of the pattern's size, at most 1 MB.
    pub async fn between(&self, stream: &StreamId, first: Version, last: Version) -> Result<Vec<Item>, ReadError> {
        let params = params(stream).between("version", first.get(), last.get());
        self.reads.query_all("load_stream_between", &params).await
    }

    /// One commit, strongly consistent.
    ///
    /// Cost: 1 call, ceil(bytes / 4 KB) RCU.
    pub async fn commit(&self, stream: &StreamId, version: Version) -> Result<Option<Item>, ReadError> {
        self.reads.get_item("get_commit", &params(stream).number("version", version.get())).await
    }

    /// Several commits by stream and version, in the order of `places`, strongly consistent.
    ///
    /// Cost: 1 call for 100 of them; ceil(bytes / 4 KB) RCU each.
    pub async fn commits(&self, places: &[(StreamId, Version)]) -> Vec<Result<Option<Item>, ReadError>> {
        let params: Vec<_> = places.iter().map(|(stream, version)| params(stream).number("version", version.get())).collect();
        self.reads.get_items("get_commit", &params).await
    }

    /// One page of the whole table, in no order of streams: a declared maintenance scan, for `annals verify` only.
    ///
    /// Cost: ceil(bytes read / 4 KB) RCU a page of at most 1 MB, as it is strongly consistent; the whole table in all.
    pub async fn scan(&self, after: Option<Key>) -> Result<ItemPage, ReadError> {
        self.reads.scan_page("verify_log", None, after, None).await
    }

    /// One page, at most `limit` commits, of one `segment` (number, of how many) of the whole table: which streams have come how far. A declared maintenance scan,
    /// for the reconciler only. Items that are no commit's are left out: `annals verify` names them.
    ///
    /// Cost: as [`Log::scan`]; a million commits of 700 B are 171,000 RCU.
    pub async fn heads(&self, after: Option<Key>, segment: (i32, i32), limit: usize) -> Result<HeadPage, ReadError> {
        let page = self.reads.scan_page("walk_log", Some(as_limit(limit)), after, Some(segment)).await?;
        Ok(HeadPage::of(page.items, page.next, false))
    }

    /// The same with the commits of each stream, for rebuilding what is derived from all of them: no stream is asked for again.
    ///
    /// Cost: as [`Log::heads`], which reads as much and is sent less.
    pub async fn histories(&self, after: Option<Key>, segment: (i32, i32), limit: usize) -> Result<HeadPage, ReadError> {
        let page = self.reads.scan_page("verify_log", Some(as_limit(limit)), after, Some(segment)).await?;
        Ok(HeadPage::of(page.items, page.next, true))
    }
}

fn head_of(item: &Item) -> Option<StreamHead> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let recorded_at = text("t").and_then(|at| at.parse().ok());
    Some(StreamHead { stream: text("PK")?.parse().ok()?, version: version_of(text("SK")?)?, recorded_at, commits: vec![] })
}

fn params(stream: &StreamId) -> Params {
    Params::new().text("stream_type", stream.stream_type()).text("stream_id", stream.id())
}

fn as_limit(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}

/// The key of a commit, as `PK SK`, for messages.
pub fn key_text(stream: &StreamId, version: Version) -> String {
    format!("PK={stream} SK={}", sort_key(version))
}
