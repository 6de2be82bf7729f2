//! Runs one projection of several rows or of totals: gate, gap fill, fold, and one transaction for many streams.
//!
//! It stands beside the projector's own rows and neither waits for the bus nor holds it up: what cannot be folded parks the stream here,
//! and nowhere else.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use access_patterns::Params;
use annals_kit::{StreamId, Tenant, Version};
use annals_lambda::{Metric, causes};
use annals_log::{BoxError, StreamHead};
use annals_reads::Item;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use lru::LruCache;

use crate::change::{Change, Group, MOST_ACTIONS, Purpose, RowChange, SHARDS, STAMP, group, own, stamp_params};
use crate::consumer::{Consumer, Finding, Found, Mode, ON_ITS_WAY, is_young, lacking as versions_between};
use crate::derived::{Derived, Outcome, first_version};
use crate::gap::lacking;
use crate::keys::{Placed, place};
use crate::projection::{Stamped, Stuck, names, parked, stamp};
use crate::projector::{ProjectorDeps, some_at_a_time};
use crate::records::Delivered;
use crate::rows::NewRow;
use crate::totals::Contributions;

/// How often streams whose stamps were moved by someone else are started from again without any of them coming through.
const FRUITLESS: u32 = 5;
/// The pause before the next attempt after a transaction met another; doubles.
const PAUSE: Duration = Duration::from_millis(10);
/// Some 1 KB each in memory, and each follower has as many.
const CACHED_STAMPS: NonZeroUsize = NonZeroUsize::new(512).unwrap();
/// The stamp's own attributes beside those that every row has.
pub(crate) const STATE: &str = "state";
const KEYS: &str = "keys";

/// One projection of several rows or of totals.
pub struct Follower {
    deps: ProjectorDeps,
    projection: Box<dyn Derived>,
    /// Where this instance adds to totals.
    shard: u64,
    cache: Mutex<LruCache<StreamId, Stamped>>,
}

/// How a stream's change ended.
enum Ended<'d> {
    Done,
    /// Some of its commits are in; the others did not fit into the transaction.
    More(&'d Delivered),
    Again(&'d Delivered),
    /// It cannot be, whatever is tried: the stream parks at the first commit that is new in it.
    Refused(&'d Delivered, String),
}

impl Follower {
    pub(crate) fn new(deps: ProjectorDeps, projection: Box<dyn Derived>, random: u64) -> Self {
        Self { deps, projection, shard: random % SHARDS, cache: Mutex::new(LruCache::new(CACHED_STAMPS)) }
    }

    /// Whether it makes totals, which can be listed and explained.
    pub fn has_totals(&self) -> bool {
        self.projection.has_totals()
    }

    pub(crate) fn projection(&self) -> &dyn Derived {
        &*self.projection
    }

    pub(crate) fn deps(&self) -> &ProjectorDeps {
        &self.deps
    }

    /// The version up to which a stream is folded; `None` where nothing of it is.
    pub(crate) async fn folded(&self, stream: &StreamId) -> Result<Option<Version>, BoxError> {
        let item = self.deps.reads.get_item("get_stamp", &self.stamp_key(stream)).await?;
        Ok(Version::new(Stamped::of(item.unwrap_or_default()).version))
    }

    /// Brings the projection to what these streams' records name; the sequence numbers of those that failed.
    ///
    /// Cost per stream: 1 RCU for a stamp that is not cached and not new (a hundred in a call), a Query over a gap; two WCU per KB of the stamp, of
    /// each row or contribution that changes, and of each total once a transaction; a transaction carries up to a hundred of these.
    pub(crate) async fn take_in<'d>(&self, delivered: &[&'d Delivered]) -> Vec<&'d str> {
        let mut open: Vec<_> = delivered.iter().copied().filter(|one| one.stream.stream_type() == self.projection.stream_type()).collect();
        let mut failed = vec![];
        let mut refused: Vec<(&StreamId, String)> = vec![];
        let (mut fruitless, mut first) = (0, true);
        while !open.is_empty() && fruitless < FRUITLESS {
            if fruitless > 0 {
                tokio::time::sleep(PAUSE * 2u32.pow(fruitless - 1)).await;
            }
            let (ended, failures) = self.round(&open, &refused, first).await;
            first = false;
            failed.extend(failures);
            open.clear();
            let came_through = |one: &Ended<'_>| matches!(one, Ended::Done | Ended::More(_));
            fruitless = if ended.iter().any(came_through) { 0 } else { fruitless + 1 };
            for one in ended {
                match one {
                    Ended::Done => {}
                    Ended::More(one) | Ended::Again(one) => open.push(one),
                    Ended::Refused(one, reason) => {
                        open.push(one);
                        refused.push((&one.stream, reason));
                    }
                }
            }
        }
        failed.extend(open.iter().map(|one| one.first_sequence.as_str()));
        failed
    }

    /// One pass: how each stream's change ended, and the sequence numbers of those that failed.
    async fn round<'d>(&self, open: &[&'d Delivered], refused: &[(&StreamId, String)], first: bool) -> (Vec<Ended<'d>>, Vec<&'d str>) {
        let (mut ended, mut failed, mut changes) = (vec![], vec![], vec![]);
        let stamps = self.stamps(open, first).await;
        let mut preparing = vec![];
        for (one, before) in open.iter().copied().zip(stamps) {
            let refused = refused.iter().find(|(stream, _)| **stream == one.stream).map(|(_, reason)| reason.clone());
            preparing.push(async move {
                match before {
                    Ok(before) => (one, self.prepare(one, before, refused).await),
                    Err(error) => (one, Err(error)),
                }
            });
        }
        for (one, prepared) in some_at_a_time(preparing).await {
            match prepared {
                Ok(Some(change)) => changes.push(change),
                Ok(None) => {}
                Err(error) => failed.push(self.fail(one, &error)),
            }
        }
        // One after the other: side by side they would meet at the totals.
        for group in group(changes) {
            match self.write(&group).await {
                Ok(some) => ended.extend(some),
                Err(error) => failed.extend(group.changes.iter().map(|change| self.fail(change.delivered, &error))),
            }
        }
        (ended, failed)
    }

    /// The stored stamps, or the cached ones: the guarded write finds out if one has moved. At the first attempt a stream whose beginning
    /// is in the batch has none yet, and is not asked for.
    async fn stamps(&self, open: &[&Delivered], first: bool) -> Vec<Result<Stamped, BoxError>> {
        let begins = |one: &Delivered| first && one.commits.first().is_some_and(|commit| commit.version == Version::FIRST);
        let cached: Vec<Option<Stamped>> = {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            open.iter().map(|one| cache.get(&one.stream).cloned().or_else(|| begins(one).then(Stamped::default))).collect()
        };
        let unknown: Vec<Params> =
            open.iter().zip(&cached).filter(|(_, cached)| cached.is_none()).map(|(one, _)| self.stamp_key(&one.stream)).collect();
        let mut read = self.deps.reads.get_items("get_stamp", &unknown).await.into_iter();
        let stamped = |item: Option<Item>| Stamped::of(item.unwrap_or_default());
        let of = |cached: Option<Stamped>| match cached {
            Some(stamp) => Ok(stamp),
            None => read.next().unwrap_or(Ok(None)).map(stamped).map_err(BoxError::from),
        };
        cached.into_iter().map(of).collect()
    }

    /// Gate, gap fill and fold; `None` where nothing is lacking.
    async fn prepare<'d>(&self, one: &'d Delivered, before: Stamped, refused: Option<String>) -> Result<Option<Change<'d>>, BoxError> {
        let revision = self.projection.revision();
        if before.revision > revision {
            tracing::warn!(stream = %one.stream, projection = self.projection.name(), "the stamp is of a newer revision and is left alone");
            return Ok(None);
        }
        let older = !before.item.is_empty() && before.revision < revision;
        if before.version > one.highest || before.version == one.highest && !older {
            return Ok(None);
        }
        let first = if older || before.item.is_empty() { Version::FIRST } else { before.next() };
        let (mut commits, unreadable) = lacking(&self.deps.log, one, first).await?;
        if let Some(reason) = refused {
            return Ok(Some(self.parking(one, before, Stuck { version: first_version(&commits), reason })?));
        }
        let stored = before.item.get(STATE).filter(|_| !older).cloned();
        let mut more = false;
        loop {
            let outcome = self.projection.fold(&one.stream, stored.as_ref(), &commits)?;
            let stuck = outcome.stuck.clone().or_else(|| unreadable.clone().filter(|_| !more));
            let last = outcome.folded.checked_sub(1).and_then(|last| commits.get(last));
            let Some(last) = last.filter(|last| last.version.get() > before.version || older && last.version.get() == before.version)
            else {
                // Nothing new can be folded, or at a new revision less than what readers see.
                let stuck = stuck.ok_or("there is nothing to fold")?;
                let known = before.parked == Some(stuck.version.get());
                return if known { Ok(None) } else { Ok(Some(self.parking(one, before, stuck)?)) };
            };
            let (version, tenant) = (last.version.get(), last.tenant.clone());
            let change = self.change(one, &before, outcome, version, tenant, stuck)?;
            if change.actions_alone() <= MOST_ACTIONS {
                return Ok(Some(Change { more: more && change.parked.is_none(), ..change }));
            }
            if commits.len() == 1 || older {
                let reason = format!("more than the {MOST_ACTIONS} items of a transaction change at once");
                return Ok(Some(self.parking(one, before, Stuck { version: first_version(&commits), reason })?));
            }
            // Fewer commits at a time; what is left comes in the next pass.
            commits.truncate(commits.len() / 2);
            more = true;
        }
    }

    /// Says on the stamp why the stream waits, and leaves it otherwise as it is.
    fn parking<'d>(&self, one: &'d Delivered, before: Stamped, stuck: Stuck) -> Result<Change<'d>, BoxError> {
        let mut item = before.item.clone();
        if item.is_empty() {
            item.insert(names::REVISION.into(), AttributeValue::N(self.projection.revision().to_string()));
            item.insert(names::VERSION.into(), AttributeValue::N("0".into()));
        }
        self.stamped(one, before, item, Some(stuck))
    }

    /// A change of nothing but the stamp.
    fn stamped<'d>(&self, one: &'d Delivered, before: Stamped, mut item: Item, stuck: Option<Stuck>) -> Result<Change<'d>, BoxError> {
        item.remove(names::PARKED);
        if let Some(stuck) = &stuck {
            item.insert(names::PARKED.into(), parked(stuck.version, &stuck.reason, self.deps.clock.now()));
        }
        let stamp = place(self.deps.reads.matrix(), STAMP, item, &self.stamp_key(&one.stream))?;
        let (rows, totals) = (vec![], Contributions::default());
        Ok(Change { delivered: one, before, stamp, rows, totals, tenant: None, more: false, parked: stuck })
    }

    fn change<'d>(
        &self,
        one: &'d Delivered,
        before: &Stamped,
        outcome: Outcome,
        version: u64,
        tenant: Tenant,
        stuck: Option<Stuck>,
    ) -> Result<Change<'d>, BoxError> {
        let revision = self.projection.revision();
        let (old, new) = outcome.rows;
        let (old, new) = (self.placed(&one.stream, version, &tenant, old)?, self.placed(&one.stream, version, &tenant, new)?);
        let mut rows: Vec<RowChange> = vec![];
        for row in &new {
            let same = |old: &Placed| old.key == row.key && old.table == row.table && without_stamp(&old.item) == without_stamp(&row.item);
            // A row that stays as it is keeps the version at which it became so; after another revision all are put.
            if before.revision != revision || !old.iter().any(same) {
                rows.push(RowChange::Put(row.clone()));
            }
        }
        let gone = keys_of(before).into_iter().filter(|(table, key)| !new.iter().any(|row| row.table == *table && row.key == *key));
        rows.extend(gone.map(|(table, key)| RowChange::Delete { table, key }));
        let mut item = Item::from([(STATE.to_owned(), outcome.state)]);
        if !new.is_empty() {
            item.insert(KEYS.into(), listed_keys(&new));
        }
        stamp(&mut item, revision, version, &tenant);
        let change = self.stamped(one, before.clone(), item, stuck)?;
        Ok(Change { rows, totals: outcome.totals, tenant: Some(tenant), ..change })
    }

    pub(crate) fn placed(&self, stream: &StreamId, version: u64, tenant: &Tenant, rows: Vec<NewRow>) -> Result<Vec<Placed>, BoxError> {
        let mut placed: Vec<Placed> = vec![];
        for row in rows {
            let mut item = row.content?;
            stamp(&mut item, self.projection.revision(), version, tenant);
            own(&mut item, self.projection.name(), stream);
            let holes = Params::new().text("id", stream.id());
            placed.push(place(self.deps.reads.matrix(), row.entity, item, &holes)?);
        }
        Ok(placed)
    }

    /// Writes a group in one transaction, or nothing of it.
    async fn write<'d>(&self, group: &Group<'d>) -> Result<Vec<Ended<'d>>, BoxError> {
        let (actions, purposes) = group.transaction(self.deps.reads.matrix(), &self.projection.slot(), self.shard)?;
        let sent = self.deps.dynamodb.transact_write_items().set_transact_items(Some(actions));
        match sent.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
            Ok(_) => {
                self.written(group);
                let ended = |change: &Change<'d>| if change.more { Ended::More(change.delivered) } else { Ended::Done };
                Ok(group.changes.iter().map(ended).collect())
            }
            Err(error) => {
                let error = error.into_service_error();
                self.forget(group);
                let TransactWriteItemsError::TransactionCanceledException(cancelled) = &error else { return Err(error.into()) };
                let codes: Vec<&str> = cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
                ended(group, &purposes, &codes).ok_or_else(|| error.into())
            }
        }
    }

    fn written(&self, group: &Group<'_>) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (service, metrics) = (self.deps.service, &self.deps.metrics);
        for change in &group.changes {
            cache.put(change.delivered.stream.clone(), Stamped::of(change.stamp.item.clone()));
            if !change.rows.is_empty() {
                metrics.count(service, Metric::RowWritten, change.rows.len() as u64, "");
            }
            let about = || format!("{} in {}", change.delivered.stream, self.projection.name());
            if let Some(Stuck { version, reason }) = &change.parked {
                tracing::error!(stream = %change.delivered.stream, projection = self.projection.name(), %version, reason, "parked");
                metrics.count(service, Metric::StreamParked, 1, &about());
            } else if change.before.parked.is_some() {
                metrics.count(service, Metric::StreamUnparked, 1, &about());
            }
        }
    }

    fn forget(&self, group: &Group<'_>) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        group.changes.iter().for_each(|change| drop(cache.pop(&change.delivered.stream)));
    }

    fn fail<'d>(&self, one: &'d Delivered, error: &BoxError) -> &'d str {
        let projection = self.projection.name();
        tracing::warn!(stream = %one.stream, projection, error = causes(&**error), "the stream waits for the next delivery");
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).pop(&one.stream);
        &one.first_sequence
    }

    pub(crate) fn stamp_key(&self, stream: &StreamId) -> Params {
        stamp_params(stream, &self.projection.slot())
    }

    /// How the stamps of these streams stand, as `pattern` reads them.
    async fn look(&self, pattern: &'static str, heads: &[StreamHead]) -> Vec<Found> {
        let params: Vec<_> = heads.iter().map(|head| self.stamp_key(&head.stream)).collect();
        let items = self.deps.reads.get_items(pattern, &params).await;
        heads
            .iter()
            .zip(items)
            .map(|(head, item)| match item {
                Ok(item) => self.standing(head, &Stamped::of(item.unwrap_or_default())),
                Err(error) => Found::Failed { reason: causes(&error) },
            })
            .collect()
    }

    fn standing(&self, head: &StreamHead, stamp: &Stamped) -> Found {
        let revision = self.projection.revision();
        match stamp.parked {
            _ if stamp.revision > revision || stamp.revision == revision && stamp.version >= head.version.get() => Found::Complete,
            Some(version) => Found::Parked { version },
            None if stamp.revision < revision && stamp.version >= head.version.get() => Found::Lacks { commits: 0 },
            None => Found::Lacks { commits: versions_between(stamp.version, head.version) },
        }
    }
}

impl Consumer for Follower {
    fn name(&self) -> &'static str {
        self.projection.name()
    }

    /// Cost a stream: half an RCU where its stamp is up to date, a hundred streams in a call; otherwise 2 RCU more to look strongly before
    /// and after, and what taking in costs.
    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a> {
        Box::pin(async move {
            let mine: Vec<usize> = (0..heads.len()).filter(|&i| heads[i].stream.stream_type() == self.projection.stream_type()).collect();
            let mut found = vec![Found::NotRead; heads.len()];
            let some = |places: &[usize]| places.iter().map(|&i| heads[i].clone()).collect::<Vec<_>>();
            for (&i, one) in mine.iter().zip(self.look("glance_stamp", &some(&mine)).await) {
                found[i] = one;
            }
            let behind: Vec<usize> = mine.into_iter().filter(|&i| found[i] != Found::Complete).collect();
            // A stale stamp only looks older than it is.
            for (&i, one) in behind.iter().zip(self.look("get_stamp", &some(&behind)).await) {
                found[i] = one;
            }
            let now = self.deps.clock.now();
            let young: Vec<usize> =
                behind.iter().copied().filter(|&i| matches!(found[i], Found::Lacks { .. }) && is_young(&heads[i], now)).collect();
            if !young.is_empty() {
                tokio::time::sleep(ON_ITS_WAY).await;
                for (&i, one) in young.iter().zip(self.look("get_stamp", &some(&young)).await) {
                    found[i] = one;
                }
            }
            if mode == Mode::Look {
                return found;
            }
            let open: Vec<usize> = behind.into_iter().filter(|&i| matches!(found[i], Found::Lacks { .. } | Found::Parked { .. })).collect();
            let hints: Vec<Delivered> = open.iter().map(|&i| Delivered::hint(&heads[i])).collect();
            hints.iter().for_each(|hint| drop(self.cache.lock().unwrap_or_else(PoisonError::into_inner).pop(&hint.stream)));
            self.take_in(&hints.iter().collect::<Vec<_>>()).await;
            for (&i, now) in open.iter().zip(self.look("get_stamp", &some(&open)).await) {
                let before = std::mem::replace(&mut found[i], Found::NotRead);
                found[i] = mended(before, now, &heads[i]);
            }
            found
        })
    }

    /// Readers see the totals of this revision from now on.
    fn walked(&self) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + '_>> {
        Box::pin(self.serve())
    }
}

/// What a stream that lacked something has come to.
fn mended(before: Found, now: Found, head: &StreamHead) -> Found {
    match (now, before) {
        (Found::Complete, Found::Lacks { commits }) => Found::Mended { commits },
        (Found::Complete, Found::Parked { version }) => Found::Mended { commits: versions_between(version - 1, head.version) },
        (Found::Lacks { .. }, _) => Found::Failed { reason: "the stamp did not move: the function's log says why".into() },
        (now, _) => now,
    }
}

/// What the reasons of a cancelled transaction say of each change; `None` where they are no one's.
fn ended<'d>(group: &Group<'d>, purposes: &[Purpose], codes: &[&str]) -> Option<Vec<Ended<'d>>> {
    let mut taken = vec![false; group.changes.len()];
    for (purpose, code) in purposes.iter().zip(codes) {
        match (*code, purpose) {
            ("None", _) | ("ConditionalCheckFailed", Purpose::Stamp(_)) => {}
            ("ConditionalCheckFailed", Purpose::Row(number)) => taken[*number] = true,
            ("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded", _) => {}
            _ => return None,
        }
    }
    let change = |(change, taken): (&Change<'d>, bool)| match taken {
        true => Ended::Refused(change.delivered, "a row of its key belongs to another stream".into()),
        false => Ended::Again(change.delivered),
    };
    Some(group.changes.iter().zip(taken).map(change).collect())
}

/// A row's own attributes.
pub(crate) fn without_stamp(item: &Item) -> Item {
    let mut item = item.clone();
    [names::REVISION, names::VERSION].iter().for_each(|name| drop(item.remove(*name)));
    item
}

/// The keys of rows, as a stamp lists them.
fn listed_keys(rows: &[Placed]) -> AttributeValue {
    let listed = |row: &Placed| {
        let mut key = row.key.clone();
        key.insert("table".into(), AttributeValue::S(row.table.clone()));
        AttributeValue::M(key)
    };
    AttributeValue::L(rows.iter().map(listed).collect())
}

/// The rows that a stamp lists: tables and keys.
fn keys_of(stamp: &Stamped) -> Vec<(String, Item)> {
    let listed = stamp.item.get(KEYS).and_then(|keys| keys.as_l().ok()).into_iter().flatten();
    let key = |value: &AttributeValue| {
        let mut key = value.as_m().ok()?.clone();
        let AttributeValue::S(table) = key.remove("table")? else { return None };
        Some((table, key))
    };
    listed.filter_map(key).collect()
}
