//! Hands one batch of stream records to a function until each is handled or discarded, as Lambda's event source mapping does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::account::Account;
use crate::alarms;
use crate::checkpoints::{Checkpoint, Discarded};
use crate::config::StreamMapping;
use crate::failures::{self, Failure};
use crate::faults::{Batch, BatchFault};
use crate::functions::FunctionError;
use crate::streams::{Record, Stream, place};

/// What an invocation's request may hold, so that a batch of large records is cut shorter.
pub(crate) const PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// How long a batch is tried that no function took: as long as AWS keeps stream records.
const RECORDS_LIVE: Duration = Duration::from_secs(24 * 3600);
/// Kinds of [`FunctionError`] that say that the function did not run. Such tries use up no retries.
const NOT_INVOKED: [&str; 2] = ["ResourceNotFoundException", "TooManyRequestsException"];

/// One batch of a lane on its way.
pub(crate) struct Delivery {
    pub account: Arc<Account>,
    pub mapping: Arc<StreamMapping>,
    pub stream: Arc<Stream>,
    pub shard: String,
    pub checkpoint: Arc<Checkpoint>,
    pub lane: usize,
    pub stop: watch::Receiver<bool>,
}

/// Records on their way, and how often they were tried.
struct Part {
    records: Vec<Record>,
    /// Tries that used up a retry.
    retries: u32,
    /// Tries that found no function to take them.
    not_invoked: u32,
    /// What the last try said.
    error: Option<FunctionError>,
}

/// How a try ended.
enum Outcome {
    Done,
    /// The records from this one on were not handled.
    From(usize),
    Failed(Option<FunctionError>),
    NotInvoked(FunctionError),
}

impl Delivery {
    /// Hands records over until each is handled or discarded, or it is told to stop.
    pub async fn deliver(self, records: Vec<Record>) {
        let mut parts = VecDeque::from([Part { records, retries: 0, not_invoked: 0, error: None }]);
        while let Some(part) = parts.pop_front() {
            if *self.stop.borrow() {
                return;
            }
            let part = self.discard_old(part).await;
            let Some(last) = part.records.last().map(|record| record.place) else { continue };
            match self.invoke(&part).await {
                Outcome::Done => self.checkpoint.advance(self.lane, last),
                Outcome::From(index) if index > 0 => {
                    self.checkpoint.advance(self.lane, part.records[index - 1].place);
                    parts.push_front(Part { records: part.records[index..].to_vec(), retries: 0, not_invoked: 0, error: None });
                }
                Outcome::NotInvoked(error) => {
                    self.pause(backoff(self.mapping.backoff, part.not_invoked)).await;
                    parts.push_front(Part { not_invoked: part.not_invoked.saturating_add(1), error: Some(error), ..part });
                }
                Outcome::From(_) => self.failed(part, None, &mut parts).await,
                Outcome::Failed(error) => self.failed(part, error, &mut parts).await,
            }
        }
    }

    /// Splits what failed, gives it up or tries it again.
    async fn failed(&self, mut part: Part, error: Option<FunctionError>, parts: &mut VecDeque<Part>) {
        part.error = error;
        if self.mapping.bisect && part.records.len() > 1 {
            // Splitting does not use up retries.
            let second = part.records.split_off(part.records.len() / 2);
            parts.push_front(Part { records: second, error: part.error.clone(), ..part });
            parts.push_front(part);
        } else if self.mapping.max_retries.is_some_and(|most| part.retries >= most) {
            self.discard(&part, "RetryAttemptsExhausted").await;
        } else {
            self.pause(backoff(self.mapping.backoff, part.retries)).await;
            parts.push_front(Part { retries: part.retries.saturating_add(1), ..part });
        }
    }

    async fn invoke(&self, part: &Part) -> Outcome {
        let mut handed: Vec<Value> = part.records.iter().map(|record| record.json.clone()).collect();
        let batch = Batch { mapping: &self.mapping.name, shard: &self.shard, records: &handed, attempt: part.retries + part.not_invoked };
        let fault = self.account.faults.as_ref().map_or(BatchFault::None, |faults| faults.batch(&batch));
        if let BatchFault::Reorder(order) = &fault {
            handed = reordered(&handed, order);
        }
        if let BatchFault::Stall(time) = fault {
            self.pause(time).await;
        }
        match self.account.functions.invoke(&self.mapping.function, event(handed)).await {
            _ if fault == BatchFault::Redeliver => Outcome::Failed(None),
            Ok(answer) => outcome(&answer, &part.records),
            Err(error) if NOT_INVOKED.contains(&error.kind.as_str()) => Outcome::NotInvoked(error),
            Err(error) => Outcome::Failed(Some(error)),
        }
    }

    /// The part without the records that are too old; those are discarded.
    async fn discard_old(&self, mut part: Part) -> Part {
        let most = match part.not_invoked {
            0 => self.mapping.max_record_age,
            _ => Some(self.mapping.max_record_age.map_or(RECORDS_LIVE, |most| most.min(RECORDS_LIVE))),
        };
        let Some(most) = most.and_then(|age| chrono::TimeDelta::from_std(age).ok()) else { return part };
        let now = self.account.clock.now();
        let old = part.records.iter().take_while(|record| now.since(record.written_at) > most).count();
        let rest = part.records.split_off(old);
        if !part.records.is_empty() {
            self.discard(&part, "RecordAgeExceeded").await;
        }
        Part { records: rest, ..part }
    }

    /// Puts records aside, where a person or the reconciler finds them, and goes on after them.
    async fn discard(&self, part: &Part, reason: &str) {
        let records = &part.records;
        let invoked = part.retries.saturating_add(1);
        let failure = Failure {
            mapping: &self.mapping.name,
            function: &self.mapping.function,
            stream: &self.stream.arn,
            shard: &self.shard,
            condition: reason,
            invoked,
            error: part.error.as_ref(),
            records,
        };
        let discarded = Discarded {
            mapping: self.mapping.name.clone(),
            shard: self.shard.clone(),
            at: self.account.clock.now(),
            reason: reason.to_owned(),
            attempts: invoked,
            records: Value::from(records.iter().map(|record| record.json.clone()).collect::<Vec<_>>()),
        };
        // The folder first: what is written twice, because the process was killed in between, is redriven twice; what is not written is lost.
        while let Err(error) = failures::keep(&self.account, &failure) {
            tracing::error!(mapping = self.mapping.name, %error, "discarded records could not be written to the folder of failures");
            if !self.pause(LONGEST_BACKOFF).await {
                return;
            }
        }
        let Some(last) = records.last().map(|record| record.place) else { return };
        self.checkpoint.discard(self.lane, &discarded, last);
        let detail = format!("mapping {} gave up on {} records of shard {}: {reason}", self.mapping.name, records.len(), self.shard);
        self.account.config.observer.iter().for_each(|observer| observer.records_discarded(&self.mapping.name, records.len()));
        alarms::raise(&self.account.host, self.account.clock.now(), &format!("records-discarded-{}", self.mapping.name), &detail);
    }

    /// Waits; false when it is time to stop.
    async fn pause(&self, time: Duration) -> bool {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => false,
            () = tokio::time::sleep(time) => true,
        }
    }
}

/// The event a function gets. Not `json!`, which would copy the records.
pub(crate) fn event(records: Vec<Value>) -> Value {
    Value::Object(Map::from_iter([("Records".to_owned(), Value::Array(records))]))
}

/// The wait before another try: doubles each time.
pub(crate) fn backoff(first: Duration, retries: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(retries.min(16))).min(LONGEST_BACKOFF)
}

/// What a function's answer means: AWS goes back to the lowest number reported, and to the start when it reports
/// one that is not there.
fn outcome(answer: &Value, records: &[Record]) -> Outcome {
    let failures = match &answer["batchItemFailures"] {
        Value::Array(failures) if !failures.is_empty() => failures,
        Value::Array(_) | Value::Null => return Outcome::Done,
        _ => {
            tracing::warn!("batchItemFailures is not a list: the whole batch comes again");
            return Outcome::Failed(None);
        }
    };
    let index = |failure: &Value| {
        let place = place(failure["itemIdentifier"].as_str()?)?;
        records.iter().position(|record| record.place == place)
    };
    let indexes = failures.iter().map(index).collect::<Option<Vec<_>>>();
    match indexes.and_then(|indexes| indexes.into_iter().min()) {
        Some(lowest) => Outcome::From(lowest),
        None => {
            tracing::warn!("batchItemFailures names a record that was not in the batch: the whole batch comes again");
            Outcome::Failed(None)
        }
    }
}

fn reordered(records: &[Value], order: &[usize]) -> Vec<Value> {
    let rest = (0..records.len()).filter(|index| !order.contains(index));
    let first = order.iter().copied().filter(|index| *index < records.len());
    first.chain(rest).map(|index| records[index].clone()).collect()
}
