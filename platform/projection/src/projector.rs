//! The stream-triggered function: gate, gap fill, fold, publish, then advance.
//!
//! The stream is a hint, the log is the truth. A record only says that its stream has come this far; what the row lacks is taken from the
//! batch or, over a gap, from the log. The row moves to version v only after the bus has accepted every event up to v, so a crash
//! anywhere leads to the same row and to no lost event.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use access_patterns::Matrix;
use annals_aws::DynamoDb;
use annals_bus::{Bus, Detail, Metadata, NotAccepted, Outgoing};
use annals_kit::{Clock, Ids, StreamId, Version};
use annals_lambda::{Host, Metric, Metrics, causes};
use annals_log::{BoxError, Commit, Log, LogConfig};
use annals_planted::{Bug, planted};
use annals_reads::{Item, Reads};
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures_util::StreamExt;
use lambda_runtime::{Error, LambdaEvent};
use lru::LruCache;

use crate::derived::{Derived, OfRows, OfTotals};
use crate::feed::{Fed, Known, Sight};
use crate::follower::Follower;
use crate::gap::lacking;
use crate::projection::{AnyProjection, Projection, Stamped, Stuck, Typed, parked};
use crate::records::{Delivered, Tampering, sort_out};
use crate::row::{Row, RowStore, Written};
use crate::rows::Rows;
use crate::totals::Totals;

/// Streams whose rows are read and written at the same time.
const CONCURRENCY: usize = 16;
/// How often a row that another instance moved is started from again.
const CONFLICTS: usize = 5;
/// Some 3 KB each in memory.
const CACHED_ROWS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// What a projector stands on.
#[derive(Clone)]
pub struct ProjectorDeps {
    /// The service whose log it reads.
    pub service: &'static str,
    /// The log.
    pub log: Log,
    /// The service's reads.
    pub reads: Reads,
    /// The way to the read models' table.
    pub dynamodb: DynamoDb,
    /// The way to the bus.
    pub bus: Bus,
    /// Counts.
    pub metrics: Arc<dyn Metrics>,
    /// The time, for parked rows and latencies.
    pub clock: Arc<dyn Clock>,
    /// Random bits, by which instances side by side keep out of each other's way.
    pub ids: Arc<dyn Ids>,
}

/// The projections of one service, fed by its log's stream.
pub struct Projector {
    pub(crate) deps: ProjectorDeps,
    pub(crate) rows: RowStore,
    pub(crate) projections: HashMap<&'static str, Box<dyn AnyProjection>>,
    pub(crate) cache: Mutex<LruCache<StreamId, Stamped>>,
    pub(crate) followers: Vec<Arc<Follower>>,
}

/// One stream's way through a batch.
struct Work<'d, 'p> {
    delivered: &'d Delivered,
    projection: &'p dyn AnyProjection,
    /// The stored row it starts from.
    before: Stamped,
    /// What the row lacks, in order, as far as it can be folded.
    commits: Cow<'d, [Commit]>,
    /// What cannot be folded and can be read, after them: it is published all the same.
    beyond: Vec<Commit>,
    /// The row after them.
    folded: Option<Item>,
    /// Where it cannot go on.
    stuck: Option<Stuck>,
}

/// What a stream's row needs.
enum Prepared<'d, 'p> {
    Lacking(Box<Work<'d, 'p>>),
    /// Nothing: this is its stamp.
    Whole(Stamped),
}

/// How one stream's pass ended.
enum Ended {
    /// Its row is as it should be; this is its stamp.
    Stands(Stamped),
    /// Another instance has moved the row: start from it again.
    Moved,
    Failed,
}

impl ProjectorDeps {
    /// What the projector of `service` stands on: its log, the reads of its matrix, and the bus of this name.
    pub fn new(host: &Host, service: &'static str, log: &'static str, matrix: Arc<Matrix>, bus: &str) -> Self {
        let dynamodb = host.account.dynamodb();
        let reads = Reads::new(dynamodb.clone(), matrix);
        let log =
            Log::new(dynamodb.clone(), reads.clone(), LogConfig::new(log).restored(host.generation), host.clock.clone(), host.ids.clone());
        let bus = Bus::new(host.account.events(), bus, service, host.ids.clone());
        Self { service, log, reads, dynamodb, bus, metrics: host.metrics.clone(), clock: host.clock.clone(), ids: host.ids.clone() }
    }
}

/// The function on a log's stream: takes in one batch.
pub async fn handle(event: LambdaEvent<Event>, projector: &Projector) -> Result<DynamoDbEventResponse, Error> {
    Ok(projector.handle(event.payload).await)
}

impl Projector {
    /// A projector without projections yet.
    pub fn new(deps: ProjectorDeps) -> Self {
        let rows = RowStore::new(deps.dynamodb.clone(), deps.reads.clone());
        Self { deps, rows, projections: HashMap::new(), cache: Mutex::new(LruCache::new(CACHED_ROWS)), followers: vec![] }
    }

    /// The same with `P`, for the streams of its type.
    pub fn with<P: Projection>(mut self) -> Self {
        self.projections.insert(P::STREAM_TYPE, Box::new(Typed::<P>(PhantomData)));
        self
    }

    /// The same with `P`, which keeps several rows of a stream, or rows that move.
    pub fn with_rows<P: Rows>(self) -> Self {
        self.followed_by(Box::new(OfRows::<P>(PhantomData)))
    }

    /// The same with `P`, which sums, counts or collects over many streams.
    pub fn with_totals<P: Totals>(self) -> Self {
        self.followed_by(Box::new(OfTotals::<P>(PhantomData)))
    }

    fn followed_by(mut self, projection: Box<dyn Derived>) -> Self {
        self.followers.push(Arc::new(Follower::new(self.deps.clone(), projection, self.deps.ids.random())));
        self
    }

    /// The projections of several rows and of totals, each a consumer of its own.
    pub fn followers(&self) -> &[Arc<Follower>] {
        &self.followers
    }

    /// The projection of a stream's type, if it has one.
    pub(crate) fn projection_of(&self, stream: &StreamId) -> Option<&dyn AnyProjection> {
        self.projections.get(stream.stream_type()).map(|projection| &**projection)
    }

    /// The event types that it publishes: those of its projections that are marked so.
    pub fn publishes(&self) -> BTreeSet<&'static str> {
        self.projections.values().flat_map(|projection| projection.published()).collect()
    }

    /// Takes in one batch. The answer names the lowest sequence number that must come again, if any must.
    ///
    /// Cost per stream in the batch: one conditional PutItem of the row (1 WCU per KB, and per index entry that changes); one strong read
    /// of the row where it is not cached (1 RCU per 4 KB, a hundred in a call); one strong Query over a gap; PutEvents in tens over all
    /// streams together.
    pub async fn handle(&self, event: Event) -> DynamoDbEventResponse {
        let (delivered, tampering) = sort_out(event);
        tampering.iter().for_each(|one| self.report(one));
        let mine: Vec<&Delivered> = delivered.iter().filter(|one| self.projections.contains_key(one.stream.stream_type())).collect();
        let mut failed = not_come(&mine, &self.take_in(mine.clone(), Known::new()).await);
        let following = self.followers.iter().map(|follower| follower.follow(&delivered));
        failed.extend(futures_util::future::join_all(following).await.into_iter().flatten());
        self.count(Metric::BatchFailed, usize::from(!failed.is_empty()));
        let mut response = DynamoDbEventResponse::default();
        // Longer is larger: sequence numbers have no leading zeros.
        let mut lowest = failed.iter().min_by_key(|sequence| (sequence.len(), **sequence));
        if planted(Bug::HighestFailedNumber) {
            lowest = failed.iter().max_by_key(|sequence| (sequence.len(), **sequence));
        }
        if let Some(lowest) = lowest.filter(|_| !planted(Bug::PartialFailureIgnored)) {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some((*lowest).to_owned());
            response.batch_item_failures.push(failure);
        }
        response
    }

    /// Brings the rows of these streams, each of a projection's type, to what they name; where each has come to, in their order, and `None`
    /// of one that has to come again.
    pub(crate) async fn take_in(&self, delivered: Vec<&Delivered>, mut known: Known) -> Vec<Option<Stamped>> {
        let mut came = vec![None; delivered.len()];
        let mut open: Vec<usize> = (0..delivered.len()).collect();
        for _ in 0..CONFLICTS {
            let some: Vec<&Delivered> = open.iter().map(|&place| delivered[place]).collect();
            let ended = self.round(&some, std::mem::take(&mut known)).await;
            let mut again = vec![];
            for (place, ended) in open.into_iter().zip(ended) {
                match ended {
                    Ended::Stands(row) => came[place] = Some(row),
                    Ended::Moved => again.push(place),
                    Ended::Failed => {}
                }
            }
            open = again;
            if open.is_empty() {
                break;
            }
        }
        came
    }

    /// One pass over these streams: how each ended, in their order.
    async fn round(&self, open: &[&Delivered], known: Known) -> Vec<Ended> {
        let mut preparing = vec![];
        for (one, before) in open.iter().copied().zip(self.rows(open, known).await) {
            preparing.push(async move {
                match before {
                    Ok(before) => self.prepare(one, before).await,
                    Err(error) => Err(error),
                }
            });
        }
        let (mut ended, mut works) = (Vec::with_capacity(open.len()), vec![]);
        for (place, prepared) in some_at_a_time(preparing).await.into_iter().enumerate() {
            ended.push(match prepared {
                Ok(Prepared::Lacking(work)) => {
                    works.push((place, *work));
                    Ended::Failed
                }
                Ok(Prepared::Whole(row)) => Ended::Stands(row),
                Err(error) => self.fail(open[place], error),
            });
        }
        if planted(Bug::AdvanceBeforeBus) {
            for (_, work) in &works {
                let _ = self.advance(work).await;
            }
        }
        let accepted = self.publish(&works).await;
        let mut writing = vec![];
        for ((place, work), accepted) in works.iter().zip(accepted) {
            writing.push(async move {
                match accepted {
                    Ok(()) => (place, self.advance(work).await),
                    Err(error) => (place, Err(error)),
                }
            });
        }
        for (place, written) in some_at_a_time(writing).await {
            ended[*place] = match written {
                Ok((Written::Done, row)) => Ended::Stands(row.alone()),
                Ok((Written::Moved, _)) => Ended::Moved,
                Err(error) => self.fail(open[*place], error),
            };
        }
        ended
    }

    /// Gate, gap fill and fold.
    async fn prepare<'d>(&self, delivered: &'d Delivered, before: Stamped) -> Result<Prepared<'d, '_>, BoxError> {
        let projection = self.projection(delivered);
        if before.revision > projection.revision() {
            tracing::warn!(stream = %delivered.stream, revision = before.revision, "the row is of a newer revision and is left alone");
            return Ok(Prepared::Whole(before.alone()));
        }
        let older = before.revision < projection.revision();
        // A row of an older revision that is folded again publishes nothing.
        if before.is_beyond(delivered.highest, older) {
            return Ok(Prepared::Whole(before.alone()));
        }
        let first = if older { Version::FIRST } else { before.next() };
        let (commits, unreadable) = lacking(&self.deps.log, delivered, first).await?;
        let start = if older { None } else { self.rows.content(projection.entity(), &before) };
        let (folded, stuck) = projection.fold(start, &commits)?;
        let stuck = stuck.or(unreadable);
        let readable = stuck.as_ref().map_or(commits.len(), |stuck| commits.partition_point(|commit| commit.version < stuck.version));
        let beyond = commits[readable..].iter().take_while(|commit| projection.can_read(commit)).cloned().collect();
        let commits = match commits {
            Cow::Borrowed(commits) => Cow::Borrowed(&commits[..readable]),
            Cow::Owned(mut commits) => {
                commits.truncate(readable);
                Cow::Owned(commits)
            }
        };
        Ok(Prepared::Lacking(Box::new(Work { delivered, projection, before, commits, beyond, folded, stuck })))
    }

    /// The rows that are known, cached or stored, in this order: a row only ever moves forward, and the guarded write finds out if it has.
    async fn rows(&self, open: &[&Delivered], mut known: Known) -> Vec<Result<Stamped, BoxError>> {
        let mut rows: Vec<Option<Result<Stamped, BoxError>>> = {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            open.iter().map(|one| known.remove(&one.stream).or_else(|| cache.get(&one.stream).cloned()).map(Ok)).collect()
        };
        let unknown: Vec<usize> = (0..open.len()).filter(|&place| rows[place].is_none()).collect();
        let stored = self.look(unknown.iter().map(|&place| &open[place].stream).collect(), Sight::Strong).await;
        unknown.into_iter().zip(stored).for_each(|(place, row)| rows[place] = Some(row));
        rows.into_iter().flatten().collect()
    }

    fn projection(&self, delivered: &Delivered) -> &dyn AnyProjection {
        self.projections[delivered.stream.stream_type()].as_ref()
    }

    /// Publishes what each work adds beyond its stored row, all together in tens; whether the bus has accepted all of each.
    async fn publish(&self, works: &[(usize, Work<'_, '_>)]) -> Vec<Result<(), BoxError>> {
        let mut events = vec![];
        let mut counts = vec![];
        for (_, work) in works {
            let before = events.len();
            // Up to the stored version everything is published: a fold at a new revision publishes nothing again.
            for commit in work.commits.iter().chain(&work.beyond).filter(|commit| commit.version.get() > work.before.published) {
                if planted(Bug::PublishOnlyDelivered) && !work.delivered.commits.contains(commit) {
                    continue;
                }
                events.extend(outgoing(work.projection, commit));
            }
            counts.push(events.len() - before);
        }
        let results = self.deps.bus.publish(&events).await;
        self.count_published(&events, &results);
        let mut results = results.into_iter();
        let all = |count| results.by_ref().take(count).collect::<Vec<_>>().into_iter().collect::<Result<(), _>>();
        counts.into_iter().map(all).map(|all| all.map_err(BoxError::from)).collect()
    }

    /// Counts what the bus has taken and refused, and how long after the commit.
    fn count_published(&self, events: &[Outgoing], results: &[Result<(), NotAccepted>]) {
        let now = self.deps.clock.now();
        let mut accepted = 0;
        for (event, _) in events.iter().zip(results).filter(|(_, result)| result.is_ok()) {
            accepted += 1;
            self.deps.metrics.time(self.deps.service, Metric::AppendToBus, now.since(event.detail.metadata.recorded_at), "");
        }
        self.count(Metric::EventPublished, accepted);
        self.count(Metric::EventRejected, results.len() - accepted);
    }

    /// Writes the row if it still stands where it was read; also how it stands now.
    async fn advance(&self, work: &Work<'_, '_>) -> Result<(Written, Stamped), BoxError> {
        let version = work.commits.last().map_or(work.before.version, |commit| commit.version.get());
        let published = work.beyond.last().map_or(version, |commit| commit.version.get()).max(work.before.published);
        let is_known = |stuck: &Stuck| work.before.parked == Some(stuck.version.get()) && version <= work.before.version;
        if let Some(stuck) = &work.stuck {
            if !is_known(stuck) {
                tracing::error!(stream = %work.delivered.stream, version = %stuck.version, reason = %stuck.reason, "parked");
                self.deps.metrics.count(self.deps.service, Metric::StreamParked, 1, &work.delivered.stream.to_string());
            } else if published == work.before.published {
                return Ok((Written::Done, work.before.clone()));
            }
        }
        let why = |stuck: &Stuck| parked(stuck.version, &stuck.reason, self.deps.clock.now(), Some(published));
        if let Some(stuck) = work.stuck.as_ref().filter(|_| version < work.before.version) {
            // A fold at a new revision stops below the older row: that row stays what readers see.
            let (written, stored) = self.rows.park(work.projection.entity(), &work.before, why(stuck)).await?;
            self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(work.delivered.stream.clone(), stored.clone());
            return Ok((written, stored));
        }
        let row = Row {
            entity: work.projection.entity(),
            stream: &work.delivered.stream,
            revision: work.projection.revision(),
            version,
            tenant: work.commits.last().map(|commit| &commit.tenant),
            content: work.folded.clone(),
            parked: work.stuck.as_ref().map(why),
            before: &work.before,
        };
        let (written, stored) = self.rows.put(row).await?;
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(work.delivered.stream.clone(), stored.clone());
        if written == Written::Done {
            self.count_written(work);
        }
        Ok((written, stored))
    }

    /// Counts a row that was written, and how long after the commits that are new in it.
    fn count_written(&self, work: &Work<'_, '_>) {
        let now = self.deps.clock.now();
        self.count(Metric::RowWritten, 1);
        for commit in work.commits.iter().filter(|commit| commit.version.get() > work.before.published) {
            self.deps.metrics.time(self.deps.service, Metric::AppendToRow, now.since(commit.recorded_at), "");
        }
        if work.before.parked.is_some() && work.stuck.is_none() {
            self.deps.metrics.count(self.deps.service, Metric::StreamUnparked, 1, &work.delivered.stream.to_string());
        }
    }

    fn count(&self, metric: Metric, value: usize) {
        if value > 0 {
            self.deps.metrics.count(self.deps.service, metric, value as u64, "");
        }
    }

    fn fail(&self, one: &Delivered, error: BoxError) -> Ended {
        tracing::warn!(stream = %one.stream, sequence = %one.first_sequence, error = causes(&*error), "the stream waits for the next delivery");
        // What was cached may be what misled it.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).pop(&one.stream);
        Ended::Failed
    }

    fn report(&self, tampering: &Tampering) {
        tracing::error!(kind = tampering.kind, item = tampering.key, "an item of the log was changed or deleted");
        self.deps.metrics.count(self.deps.service, Metric::LogTampered, 1, &format!("{} of {}", tampering.kind, tampering.key));
    }
}

/// The sequence numbers of those that have to come again.
pub(crate) fn not_come<'d>(delivered: &[&'d Delivered], came: &[Option<Stamped>]) -> Vec<&'d str> {
    delivered.iter().zip(came).filter(|(_, came)| came.is_none()).map(|(one, _)| one.first_sequence.as_str()).collect()
}

/// The results of `futures`, in their order, [`CONCURRENCY`] of them under way at a time.
pub(crate) async fn some_at_a_time<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    futures_util::stream::iter(futures).buffered(CONCURRENCY).collect().await
}

/// The published events of a commit, as the bus carries them.
fn outgoing(projection: &dyn AnyProjection, commit: &Commit) -> Vec<Outgoing> {
    let types = projection.published();
    let published = commit.events.iter().enumerate().filter(|(_, event)| types.contains(&event.event_type.as_str()));
    published
        .map(|(index, event)| Outgoing {
            event_type: event.event_type.clone(),
            detail: Detail {
                metadata: Metadata {
                    event_id: commit.event_id(index),
                    schema_version: event.schema,
                    tenant: commit.tenant.clone(),
                    stream: commit.stream.clone(),
                    version: commit.version.get(),
                    recorded_at: commit.recorded_at,
                    actor: commit.actor.clone(),
                    correlation_id: commit.correlation,
                    causation_id: commit.causation.clone(),
                    by_reference: false,
                },
                data: event.payload.clone(),
            },
        })
        .collect()
}
