//! Runs one projection of several rows or of totals: gate, gap fill, fold, and one transaction for many streams.
//!
//! It stands beside the projector's own rows and neither waits for the bus nor holds it up: what cannot be folded parks the stream here,
//! and nowhere else.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use access_patterns::Params;
use annals_kit::{StreamId, Tenant, Version};
use annals_lambda::{Metric, causes};
use annals_log::{BoxError, StreamHead};
use annals_reads::Item;
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsInput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use lru::LruCache;

use crate::change::{Change, Group, MOST_ACTIONS, Purpose, RowChange, SHARDS, STAMP, group, own, stamp_params};
use crate::consumer::{Consumer, Finding, Mode};
use crate::derived::{Derived, Outcome, first_version};
use crate::feed::{Bringing, Fed, Known, Looking, Sight, reconcile};
use crate::gap::lacking;
use crate::keys::{Placed, place};
use crate::projection::{Stamped, Stuck, names, parked, stamp};
use crate::projector::{ProjectorDeps, not_come, some_at_a_time};
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

/// How a stream's pass ended.
enum Ended {
    /// It is folded as far as it can be; this is its stamp.
    Stands(Stamped),
    /// Some of its commits are in; the others did not fit into the transaction.
    More,
    /// Another instance has moved its stamp, or the transaction met another.
    Again,
    /// It cannot be, whatever is tried: the stream parks at the first commit that is new in it.
    Refused(String),
    Failed,
}

/// What a stream's stamp needs.
enum Prepared<'d> {
    Lacking(Box<Change<'d>>),
    /// Nothing: this is it.
    Whole(Stamped),
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
    pub(crate) async fn follow<'d>(&self, delivered: &'d [Delivered]) -> Vec<&'d str> {
        let mine: Vec<&Delivered> = delivered.iter().filter(|one| one.stream.stream_type() == self.projection.stream_type()).collect();
        let came = self.take_in(&mine, begun_in(&mine)).await;
        not_come(&mine, &came)
    }

    /// Brings these streams, all of its type, to what they name; where each has come to, in their order, and `None` of one that failed.
    ///
    /// Cost per stream: 1 RCU for a stamp that is not known or cached (a hundred in a call), a Query over a gap; two WCU per KB of the stamp, of
    /// each row or contribution that changes, and of each total once a transaction; a transaction carries up to a hundred of these.
    async fn take_in(&self, delivered: &[&Delivered], mut known: Known) -> Vec<Option<Stamped>> {
        let mut came = vec![None; delivered.len()];
        let mut refused: HashMap<usize, String> = HashMap::new();
        let mut open: Vec<usize> = (0..delivered.len()).collect();
        let mut fruitless = 0;
        while !open.is_empty() && fruitless < FRUITLESS {
            if fruitless > 0 {
                tokio::time::sleep(PAUSE * 2u32.pow(fruitless - 1)).await;
            }
            let some: Vec<(&Delivered, Option<String>)> = open.iter().map(|&i| (delivered[i], refused.get(&i).cloned())).collect();
            let ended = self.round(&some, std::mem::take(&mut known)).await;
            let came_through = |one: &Ended| matches!(one, Ended::Stands(_) | Ended::More);
            fruitless = if ended.iter().any(came_through) { 0 } else { fruitless + 1 };
            for (i, ended) in std::mem::take(&mut open).into_iter().zip(ended) {
                match ended {
                    Ended::Stands(stamp) => came[i] = Some(stamp),
                    Ended::More | Ended::Again => open.push(i),
                    Ended::Refused(reason) => {
                        open.push(i);
                        refused.insert(i, reason);
                    }
                    Ended::Failed => {}
                }
            }
        }
        came
    }

    /// One pass over these streams, some of them refused already: how each ended, in their order.
    async fn round(&self, open: &[(&Delivered, Option<String>)], known: Known) -> Vec<Ended> {
        let streams: Vec<&StreamId> = open.iter().map(|(one, _)| &one.stream).collect();
        let stamps = self.stamps(&streams, known).await;
        let mut preparing = vec![];
        for ((one, refused), before) in open.iter().zip(stamps) {
            preparing.push(async move {
                match before {
                    Ok(before) => self.prepare(one, before, refused.clone()).await,
                    Err(error) => Err(error),
                }
            });
        }
        let (mut ended, mut changes) = (Vec::with_capacity(open.len()), vec![]);
        for (place, prepared) in some_at_a_time(preparing).await.into_iter().enumerate() {
            ended.push(match prepared {
                Ok(Prepared::Lacking(change)) => {
                    changes.push((place, *change));
                    Ended::Failed
                }
                Ok(Prepared::Whole(stamp)) => Ended::Stands(stamp),
                Err(error) => self.fail(open[place].0, &*error),
            });
        }
        // One after the other: side by side they would meet at the totals.
        for group in group(changes) {
            let written = self.write(&group).await;
            for (number, (place, change)) in group.changes.iter().enumerate() {
                ended[*place] = match &written {
                    Ok(Outcomes::Written) if change.more => Ended::More,
                    Ok(Outcomes::Written) => Ended::Stands(Stamped::of(change.stamp.item.clone()).alone()),
                    Ok(Outcomes::Cancelled { taken }) if taken[number] => {
                        Ended::Refused("a row of its key belongs to another stream".into())
                    }
                    Ok(Outcomes::Cancelled { .. }) => Ended::Again,
                    Err(error) => self.fail(change.delivered, &**error),
                };
            }
        }
        ended
    }

    /// The known, the cached or the stored stamps: the guarded write finds out if one has moved.
    async fn stamps(&self, streams: &[&StreamId], mut known: Known) -> Vec<Result<Stamped, BoxError>> {
        let mut stamps: Vec<Option<Result<Stamped, BoxError>>> = {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            streams.iter().map(|stream| cache.get(*stream).cloned().or_else(|| known.remove(*stream)).map(Ok)).collect()
        };
        let unknown: Vec<usize> = (0..streams.len()).filter(|&place| stamps[place].is_none()).collect();
        let stored = self.look(unknown.iter().map(|&place| streams[place]).collect(), Sight::Strong).await;
        unknown.into_iter().zip(stored).for_each(|(place, stamp)| stamps[place] = Some(stamp));
        stamps.into_iter().flatten().collect()
    }

    /// Gate, gap fill and fold.
    async fn prepare<'d>(&self, one: &'d Delivered, before: Stamped, refused: Option<String>) -> Result<Prepared<'d>, BoxError> {
        let revision = self.projection.revision();
        if before.revision > revision {
            tracing::warn!(stream = %one.stream, projection = self.projection.name(), "the stamp is of a newer revision and is left alone");
            return Ok(Prepared::Whole(before.alone()));
        }
        let older = !before.item.is_empty() && before.revision < revision;
        if before.is_beyond(one.highest, older) {
            return Ok(Prepared::Whole(before.alone()));
        }
        let first = if older || before.item.is_empty() { Version::FIRST } else { before.next() };
        let (commits, unreadable) = lacking(&self.deps.log, one, first).await?;
        let mut commits = &*commits;
        if let Some(reason) = refused {
            return Ok(lacks(self.parking(one, before, Stuck { version: first_version(commits), reason })?));
        }
        let stored = before.item.get(STATE).filter(|_| !older).cloned();
        let mut more = false;
        loop {
            let outcome = self.projection.fold(&one.stream, stored.as_ref(), commits)?;
            let stuck = outcome.stuck.clone().or_else(|| unreadable.clone().filter(|_| !more));
            let last = outcome.folded.checked_sub(1).and_then(|last| commits.get(last));
            let Some(last) = last.filter(|last| last.version.get() > before.version || older && last.version.get() == before.version)
            else {
                // Nothing new can be folded, or at a new revision less than what readers see.
                let stuck = stuck.ok_or("there is nothing to fold")?;
                let known = before.parked == Some(stuck.version.get());
                return Ok(if known { Prepared::Whole(before.alone()) } else { lacks(self.parking(one, before, stuck)?) });
            };
            let (version, tenant) = (last.version.get(), last.tenant.clone());
            let change = self.change(one, &before, outcome, version, tenant, stuck)?;
            if change.actions_alone() <= MOST_ACTIONS {
                return Ok(lacks(Change { more: more && change.parked.is_none(), ..change }));
            }
            if commits.len() == 1 || older {
                let reason = format!("more than the {MOST_ACTIONS} items of a transaction change at once");
                return Ok(lacks(self.parking(one, before, Stuck { version: first_version(commits), reason })?));
            }
            // Fewer commits at a time; what is left comes in the next pass.
            commits = &commits[..commits.len() / 2];
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
            item.insert(names::PARKED.into(), parked(stuck.version, &stuck.reason, self.deps.clock.now(), None));
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
    async fn write(&self, group: &Group<'_>) -> Result<Outcomes, BoxError> {
        let (actions, purposes) = group.transaction(self.deps.reads.matrix(), &self.projection.slot(), self.shard)?;
        let write = TransactWriteItemsInput::builder().set_transact_items(Some(actions));
        match self.deps.dynamodb.send(write.return_consumed_capacity(ReturnConsumedCapacity::Total)).await {
            Ok(_) => {
                self.written(group);
                Ok(Outcomes::Written)
            }
            Err(error) => {
                let error = error.into_service_error();
                self.forget(group);
                let TransactWriteItemsError::TransactionCanceledException(cancelled) = &error else { return Err(error.into()) };
                let codes: Vec<&str> = cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
                cancelled_by(group, &purposes, &codes).ok_or_else(|| error.into())
            }
        }
    }

    fn written(&self, group: &Group<'_>) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (service, metrics) = (self.deps.service, &self.deps.metrics);
        for (_, change) in &group.changes {
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
        group.changes.iter().for_each(|(_, change)| drop(cache.pop(&change.delivered.stream)));
    }

    fn fail(&self, one: &Delivered, error: &(dyn std::error::Error + Send + Sync + 'static)) -> Ended {
        let projection = self.projection.name();
        tracing::warn!(stream = %one.stream, projection, error = causes(error), "the stream waits for the next delivery");
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).pop(&one.stream);
        Ended::Failed
    }

    pub(crate) fn stamp_key(&self, stream: &StreamId) -> Params {
        stamp_params(stream, &self.projection.slot())
    }
}

impl Fed for Follower {
    fn revision(&self, stream: &StreamId) -> Option<u32> {
        (stream.stream_type() == self.projection.stream_type()).then(|| self.projection.revision())
    }

    fn look<'a>(&'a self, streams: Vec<&'a StreamId>, sight: Sight) -> Looking<'a> {
        Box::pin(async move {
            let pattern = if sight == Sight::Glance { "glance_stamp" } else { "get_stamp" };
            let params: Vec<Params> = streams.into_iter().map(|stream| self.stamp_key(stream)).collect();
            let items = self.deps.reads.get_items(pattern, &params).await;
            items.into_iter().map(|item| item.map(|item| Stamped::of(item.unwrap_or_default())).map_err(BoxError::from)).collect()
        })
    }

    fn bring<'a>(&'a self, hints: &'a [Delivered], known: Known) -> Bringing<'a> {
        Box::pin(async move {
            // What is remembered of a stamp may be what kept it behind.
            hints.iter().for_each(|hint| drop(self.cache.lock().unwrap_or_else(PoisonError::into_inner).pop(&hint.stream)));
            self.take_in(&hints.iter().collect::<Vec<_>>(), known).await
        })
    }
}

impl Consumer for Follower {
    fn name(&self) -> &'static str {
        self.projection.name()
    }

    /// Cost a stream: half an RCU where its stamp is up to date, a hundred streams in a call; otherwise 1 RCU more to look strongly, and
    /// what taking in costs. A rebuild does not look twice for a stamp that is not there.
    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a> {
        Box::pin(async move { reconcile(self, &*self.deps.clock, heads, mode).await })
    }

    /// Readers see the totals of this revision from now on.
    fn walked(&self) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + '_>> {
        Box::pin(self.serve())
    }
}

/// How a transaction ended.
enum Outcomes {
    Written,
    /// Nothing was written; of each change, whether one of its rows is another stream's.
    Cancelled {
        taken: Vec<bool>,
    },
}

/// What the reasons of a cancelled transaction say of each change; `None` where they are no one's.
fn cancelled_by(group: &Group<'_>, purposes: &[Purpose], codes: &[&str]) -> Option<Outcomes> {
    let mut taken = vec![false; group.changes.len()];
    for (purpose, code) in purposes.iter().zip(codes) {
        match (*code, purpose) {
            ("None", _) | ("ConditionalCheckFailed", Purpose::Stamp(_)) => {}
            ("ConditionalCheckFailed", Purpose::Row(number)) => taken[*number] = true,
            ("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded", _) => {}
            _ => return None,
        }
    }
    Some(Outcomes::Cancelled { taken })
}

/// Streams whose beginning is in the batch have no stamp yet, unless they come again: they are not asked for.
fn begun_in(delivered: &[&Delivered]) -> Known {
    let begins = |one: &&&Delivered| one.commits.first().is_some_and(|commit| commit.version == Version::FIRST);
    delivered.iter().filter(begins).map(|one| (one.stream.clone(), Stamped::default())).collect()
}

fn lacks(change: Change<'_>) -> Prepared<'_> {
    Prepared::Lacking(Box::new(change))
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
