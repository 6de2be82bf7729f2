//! The scheduled function: re-drives failed batches, then goes on with the walk, or begins one where one is due.
//!
//! A Lambda has fifteen minutes and a walk may need more, so the function is woken every few minutes and keeps how far it has come. A
//! walk is due a day after the last one began, and when an alarm says that the stream has lost something.

use std::sync::Arc;

use access_patterns::Matrix;
use annals_kit::{Clock, Timestamp};
use annals_lambda::{Host, Metric, Metrics, causes};
use annals_log::{BoxError, Log, LogConfig};
use annals_reads::Reads;
use chrono::TimeDelta;
use lambda_runtime::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::consumer::{Consumer, Mode, Tally};
use crate::failures::{Failed, Failures};
use crate::kept::{Keeper, Kept};
use crate::reconciler::Reconciler;
use crate::walk::Walk;

/// A walk begins this long after the last one began.
const EVERY: TimeDelta = TimeDelta::hours(24);
/// How far the walk has come is kept this often, so that a function that dies repeats little.
const STEP: TimeDelta = TimeDelta::seconds(60);
/// Before the function's time is over it begins no further page.
const MARGIN: TimeDelta = TimeDelta::seconds(60);
/// Failed batches taken in one run.
const BATCHES: usize = 100;

/// The reconciler as a function.
pub struct Reconciliation {
    service: &'static str,
    /// By which its failed batches are known.
    log_table: &'static str,
    reconciler: Reconciler,
    keeper: Keeper,
    /// `None`: nobody reads them here, and a walk finds what they hold.
    failures: Option<Arc<dyn Failures>>,
    metrics: Arc<dyn Metrics>,
    clock: Arc<dyn Clock>,
}

/// Why the function was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// By its schedule: walk if a walk is due.
    Schedule,
    /// By an alarm, or a person: records are known to be lost. A walk that begins after this moment.
    Lost,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Failed batches that were re-driven.
    pub batches: u64,
    /// Failed batches that could not be, yet.
    pub batches_left: u64,
    /// What they lacked.
    pub redriven: Tally,
    /// What the walk has found so far; `None` where none was due.
    pub walk: Option<Walk>,
    /// Whether the walk has met every stream and mended what it could.
    pub finished: bool,
    /// Why it stopped early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

impl Wake {
    /// What an event means: a CloudWatch alarm that has gone off, `{"walk": "now"}` by hand, or any schedule's.
    pub fn of(event: &Value) -> Self {
        let by_hand = event["walk"] == "now";
        let alarm = event["detail-type"] == "CloudWatch Alarm State Change" && event["detail"]["state"]["value"] == "ALARM";
        if by_hand || alarm { Self::Lost } else { Self::Schedule }
    }
}

impl Reconciliation {
    /// The reconciler of `service`, whose log and rows `matrix` describes; it feeds no one yet.
    pub fn new(host: &Host, service: &'static str, log_table: &'static str, matrix: Arc<Matrix>) -> Self {
        let dynamodb = host.account.dynamodb();
        let reads = Reads::new(dynamodb.clone(), matrix);
        let log = Log::new(
            dynamodb.clone(),
            reads.clone(),
            LogConfig::new(log_table).restored(host.generation),
            host.clock.clone(),
            host.ids.clone(),
        );
        Self {
            service,
            log_table,
            reconciler: Reconciler::new(log, host.clock.clone()),
            keeper: Keeper::new(dynamodb, reads),
            failures: None,
            metrics: host.metrics.clone(),
            clock: host.clock.clone(),
        }
    }

    /// The same, re-driving the failed batches in `failures`. Without them, what a mapping has given up on is found by the walk that its
    /// alarm asks for.
    pub fn with_failures(self, failures: Arc<dyn Failures>) -> Self {
        Self { failures: Some(failures), ..self }
    }

    /// The same, with one consumer more.
    pub fn feeding(self, consumer: impl Consumer + 'static) -> Self {
        Self { reconciler: self.reconciler.feeding(consumer), ..self }
    }

    /// The same, with pages of so many commits: see [`Reconciler::with_pages_of`].
    pub fn with_pages_of(self, commits: usize) -> Self {
        Self { reconciler: self.reconciler.with_pages_of(commits), ..self }
    }

    /// The reconciler, for a walk from beginning to end that keeps nothing.
    pub fn reconciler(&self) -> &Reconciler {
        &self.reconciler
    }

    /// One run: failed batches, then as much of the walk as there is time for.
    ///
    /// Cost: where nothing is due, one list of failed batches and 1 RCU. A step of the walk: see [`Reconciler::go_on`], and 1 to 20 WCU
    /// to keep it.
    ///
    /// Errors: the state could not be read or kept; the next run goes on from what was kept.
    pub async fn run(&self, wake: Wake, until: Timestamp) -> Result<Report, BoxError> {
        let mut report = Report::default();
        let mut lost = wake == Wake::Lost;
        match self.redrive(&mut report).await {
            Ok(unknown) => lost |= unknown,
            // The walk finds the same streams.
            Err(error) => report.stopped = Some(format!("failed batches could not be read: {}", causes(&*error))),
        }
        let Some(mut kept) = self.due(lost).await? else {
            report.finished = true;
            return Ok(report);
        };
        let before = kept.walk.tally.clone();
        let walked = self.walk(&mut kept, until, &mut report).await;
        self.count(&before, &kept.walk, &report);
        report.finished = kept.walk.finished_at.is_some() && !kept.again;
        report.walk = Some(kept.walk);
        walked.map(|()| report)
    }

    /// The walk to go on with; `None` where none is due.
    async fn due(&self, lost: bool) -> Result<Option<Kept>, BoxError> {
        let now = self.clock.now();
        let Some(mut kept) = self.keeper.load().await? else { return Ok(Some(Kept::first(Walk::new(now)))) };
        let old = now.since(kept.walk.started_at) >= EVERY;
        let through = kept.walk.is_through();
        if kept.walk.finished_at.is_some() && (lost || old) || through && old {
            kept.walk = Walk::new(now);
            return Ok(Some(kept));
        }
        if lost && !kept.again {
            // What was lost may lie behind where the walk is.
            kept.again = true;
        }
        Ok((kept.walk.finished_at.is_none()).then_some(kept))
    }

    async fn walk(&self, kept: &mut Kept, until: Timestamp, report: &mut Report) -> Result<(), BoxError> {
        loop {
            let step_ends = self.clock.now().plus(STEP).min(until);
            let stopped = self.reconciler.go_on(&mut kept.walk, Mode::Mend, Some(step_ends)).await.err();
            if kept.walk.finished_at.is_some() && std::mem::take(&mut kept.again) {
                self.count(&Tally::default(), &kept.walk, report);
                kept.walk = Walk::new(self.clock.now());
            }
            if !self.keeper.store(kept).await? {
                report.stopped = Some("another instance goes on with this walk".into());
                return Ok(());
            }
            if let Some(stopped) = stopped {
                report.stopped = Some(causes(&stopped));
                return Ok(());
            }
            if kept.walk.finished_at.is_some() || kept.walk.is_through() || self.clock.now() >= until {
                return Ok(());
            }
        }
    }

    /// Feeds the streams of failed batches, and marks as handled those whose streams lack nothing more; whether one does not tell its
    /// streams, so that only a walk finds them.
    ///
    /// Cost: one list, and a read and a mark a batch; what feeding a stream costs. At most a hundred batches.
    pub async fn redrive(&self, report: &mut Report) -> Result<bool, BoxError> {
        let mut unknown = false;
        let Some(failures) = &self.failures else { return Ok(false) };
        for key in failures.list(BATCHES).await? {
            let body = failures.read(&key).await?;
            let heads = match crate::failures::read(&body, self.log_table) {
                Failed::Foreign => continue,
                Failed::Heads(heads) => heads,
                Failed::Unknown => {
                    tracing::warn!(key, "a failed batch does not tell its streams: the log is walked");
                    unknown = true;
                    vec![]
                }
            };
            let (tally, open) = self.reconciler.feed(&heads).await;
            report.redriven.add(tally);
            if open.is_empty() {
                failures.handled(&key).await?;
                report.batches += 1;
            } else {
                report.batches_left += 1;
            }
        }
        Ok(unknown)
    }

    /// Counts what this run has found.
    fn count(&self, before: &Tally, walk: &Walk, report: &Report) {
        let count = |metric, value: u64, about: &str| {
            if value > 0 {
                self.metrics.count(self.service, metric, value, about);
            }
        };
        let (walked, before, redriven) = (walk.tally.all(), before.all(), report.redriven.all());
        let streams = walked.streams.saturating_sub(before.streams) + redriven.streams;
        count(Metric::StreamLacking, streams, &who_lacked(&walk.tally, &report.redriven));
        count(Metric::CommitLacking, walked.commits.saturating_sub(before.commits) + redriven.commits, "");
    }
}

/// `rows lacked 3 streams, ledger lacked 3 streams, the first INV#…`: for the alarm, of the walk so far and of failed batches.
fn who_lacked(walked: &Tally, redriven: &Tally) -> String {
    let mut both = walked.clone();
    both.add(redriven.clone());
    let lacked = both.consumers.iter().map(|(consumer, lacked)| format!("{consumer} lacked {} streams", lacked.streams));
    let first = both.named.first().map_or("", |named| &named.stream);
    format!("{}, the first {first}", lacked.collect::<Vec<_>>().join(", "))
}

/// One run, as long as the function may take less a margin for the page in hand.
pub async fn handle(event: LambdaEvent<Value>, reconciliation: &Reconciliation) -> Result<Report, Error> {
    let deadline = i64::try_from(event.context.deadline).ok().and_then(|millis| Timestamp::from_micros(millis.checked_mul(1000)?));
    let until = deadline.unwrap_or_else(|| reconciliation.clock.now()).plus(-MARGIN);
    let report = reconciliation.run(Wake::of(&event.payload), until).await?;
    tracing::info!(batches = report.batches, finished = report.finished, stopped = report.stopped, "reconciled");
    Ok(report)
}
