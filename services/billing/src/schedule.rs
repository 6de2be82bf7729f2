//! Walks the work that waits for its day: one shard after the other, a page at a time, until nothing is due or the function's time is
//! nearly up. The next tick goes on: what is done leaves the index, what fails stays in it.

use std::pin::Pin;
use std::sync::Arc;

use annals_kit::{Clock, StreamId, Tenant, Timestamp};
use annals_lambda::{Metric, causes};
use annals_log::{ExecuteError, LoadError, Outcome};
use annals_reads::{Item, Params, ReadError};
use billing::rows::SHARDS;
use chrono::TimeDelta;
use futures_util::StreamExt;
use lambda_runtime::Context;
use serde::Serialize;
use uuid::Uuid;

use crate::deps::{Deps, SERVICE};

/// Items that are worked on at the same time: enough to hide the way to the database, and a handful of its units at most.
const CONCURRENCY: usize = 8;
/// No page is begun so shortly before the deadline: a page of 50 takes a second or two.
const SPARE: TimeDelta = TimeDelta::seconds(8);

/// What one tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Items that the index showed as due.
    pub found: u64,
    /// Of them, those that something was done about.
    pub done: u64,
    /// Those that it had been done about already: the index lags, or someone else was first.
    pub unchanged: u64,
    /// Those that the domain refused to work on.
    pub refused: u64,
    /// Those that could not be worked on; each is an alarm, and is tried again at the next tick.
    pub failed: u64,
    /// Whether everything that was due has been looked at; otherwise the next tick goes on.
    pub finished: bool,
}

/// What became of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    Done,
    Unchanged,
    Refused,
    Failed,
    /// The database is busy: leave it alone until the next tick.
    Busy,
}

/// A list of work: a pattern of the matrix that takes a shard and an end.
pub(crate) struct Work {
    pub(crate) function: &'static str,
    pub(crate) pattern: &'static str,
    pub(crate) shard: &'static str,
    pub(crate) until: Params,
}

/// One run of a scheduled function.
pub(crate) struct Tick {
    clock: Arc<dyn Clock>,
    began: Timestamp,
    /// Until when it may run, where the host says so.
    deadline: Option<Timestamp>,
}

/// One thing to do; its stream is the log's word on what is to be done.
pub(crate) struct Due {
    pub(crate) tenant: Tenant,
    pub(crate) id: Uuid,
    pub(crate) item: Item,
}

pub(crate) type Acting<'a> = Pin<Box<dyn Future<Output = Became> + Send + 'a>>;

impl Tick {
    pub(crate) fn new(context: &Context, clock: Arc<dyn Clock>) -> Self {
        let deadline = i64::try_from(context.deadline).ok().filter(|millis| *millis > 0);
        let deadline = deadline.and_then(|millis| Timestamp::from_micros(millis.checked_mul(1000)?));
        Self { began: clock.now(), clock, deadline }
    }

    /// When the run began: what falls due while it runs waits for the next.
    pub(crate) fn began(&self) -> Timestamp {
        self.began
    }

    /// Whether it is too late to begin anything more.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.clock.now().plus(SPARE) >= deadline)
    }

    /// Works on all that is due, [`CONCURRENCY`] at a time.
    ///
    /// Cost: one eventual Query a page of each shard (0.5 RCU where nothing is due), and what `act` costs for each item. The first shard
    /// is another one each minute, so that items that fail do not keep those behind them waiting.
    pub(crate) async fn walk<'a>(&self, deps: &Deps, work: &Work, act: impl Fn(Due) -> Acting<'a>) -> Result<Report, ReadError> {
        let mut report = Report::default();
        let first = u64::try_from(self.began.seconds() / 60).unwrap_or(0);
        for shard in (first..first + SHARDS).map(|shard| shard % SHARDS) {
            let (params, mut after) = (work.until.clone().number(work.shard, shard), None);
            loop {
                if self.is_late() {
                    return Ok(report);
                }
                let page = deps.reads.query_page(work.pattern, &params, None, after).await?;
                let acting: Vec<Acting<'a>> = page.items.into_iter().map(|item| Due::of(item, deps, work.function, &act)).collect();
                let became: Vec<Became> = futures_util::stream::iter(acting).buffered(CONCURRENCY).collect().await;
                became.iter().for_each(|became| report.count(*became));
                if became.contains(&Became::Busy) {
                    return Ok(report);
                }
                match page.next {
                    None => break,
                    next => after = next,
                }
            }
        }
        report.finished = true;
        Ok(report)
    }
}

impl Due {
    /// Begins to act on an item; one that does not say what it is has failed.
    fn of<'a>(item: Item, deps: &Deps, function: &'static str, act: &impl Fn(Due) -> Acting<'a>) -> Acting<'a> {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        let tenant = text("tenant").and_then(|tenant| tenant.parse().ok());
        let id = text("id").and_then(|id| id.parse().ok());
        match (tenant, id) {
            (Some(tenant), Some(id)) => act(Due { tenant, id, item }),
            _ => Box::pin(std::future::ready(failed(
                deps,
                function,
                text("PK").map_or("a row", String::as_str),
                "it names no tenant and id",
            ))),
        }
    }
}

impl Report {
    fn count(&mut self, became: Became) {
        self.found += 1;
        match became {
            Became::Done => self.done += 1,
            Became::Unchanged => self.unchanged += 1,
            Became::Refused => self.refused += 1,
            Became::Failed | Became::Busy => self.failed += 1,
        }
    }
}

/// What a command came to, counted and logged for `function`.
pub(crate) fn became<E, R: std::fmt::Display>(
    deps: &Deps,
    function: &'static str,
    stream: &StreamId,
    outcome: Result<Outcome<E>, ExecuteError<R>>,
) -> Became {
    match outcome {
        Ok(Outcome::Committed { repeated: false, version, .. }) => {
            deps.metrics.count(SERVICE, Metric::CommandCommitted, 1, function);
            tracing::info!(function, %stream, %version, "done");
            Became::Done
        }
        Ok(Outcome::Committed { repeated: true, .. } | Outcome::Unchanged { .. }) => Became::Unchanged,
        Err(ExecuteError::Refused(refusal)) => {
            deps.metrics.count(SERVICE, Metric::CommandRefused, 1, function);
            tracing::warn!(function, %stream, %refusal, "refused");
            Became::Refused
        }
        Err(ExecuteError::Busy { source }) => {
            tracing::warn!(function, %stream, error = causes(&*source), "the log is busy");
            Became::Busy
        }
        Err(ExecuteError::NotFound) => failed(deps, function, stream, "the row is of another tenant than its stream"),
        Err(ExecuteError::IdReused { command }) => failed(deps, function, stream, &format!("{command} was used for another request")),
        Err(ExecuteError::TooLarge { size }) => failed(deps, function, stream, &format!("the commit would take {size} bytes")),
        Err(ExecuteError::Unknown { source, .. } | ExecuteError::Failed { source }) => failed(deps, function, stream, &causes(&*source)),
        Err(ExecuteError::Broken(error)) => failed(deps, function, stream, &causes(&error)),
        Err(ExecuteError::Encode(error)) => failed(deps, function, stream, &causes(&error)),
    }
}

/// A stream that does not load.
pub(crate) fn unread(deps: &Deps, function: &'static str, stream: &StreamId, error: LoadError) -> Became {
    match error {
        LoadError::Read(ReadError::Busy { source }) => {
            tracing::warn!(function, %stream, error = causes(&*source), "the log is busy");
            Became::Busy
        }
        error => failed(deps, function, stream, &causes(&error)),
    }
}

/// Something due that could not be worked on.
pub(crate) fn failed(deps: &Deps, function: &'static str, about: impl std::fmt::Display, why: &str) -> Became {
    tracing::error!(function, stream = %about, why, "could not be worked on; the next tick tries again");
    deps.metrics.count(SERVICE, Metric::WorkFailed, 1, &format!("{function}: {about}"));
    Became::Failed
}

#[cfg(test)]
mod tests {
    use access_patterns::Codec;

    #[test]
    fn there_are_as_many_shards_as_the_matrix_says() {
        for (entity, part) in [("Subscription", "due_shard"), ("Invoice", "dunning_shard")] {
            let matrix = access_patterns::billing();
            let codec = matrix.entity(entity).and_then(|entity| entity.attribute(part)?.codec()).cloned();
            assert_eq!(codec, Some(Codec::Shard { of: billing::rows::SHARDS }));
        }
    }
}
