//! Hands a stream's records to a function, shard by shard, in order, in batches, as Lambda's event source mapping does.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::account::Account;
use crate::alarms;
use crate::checkpoints;
use crate::config::StreamMapping;
use crate::faults::{Batch, BatchFault};
use crate::pattern::Pattern;
use crate::streams::{Page, Record, Shard, Stream, place};

/// What an invocation's request may hold, so that a batch of large records is cut shorter.
const PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// After the stores failed us; they say why in the log.
const STORE_BACKOFF: Duration = Duration::from_secs(1);

/// Runs a mapping until it is told to stop.
pub(crate) async fn run(account: Arc<Account>, mapping: StreamMapping, mut stop: watch::Receiver<bool>) {
    let Some(mut writes) = account.streams.writes(&mapping.table) else {
        alarms::raise(
            &account.host,
            account.clock.now(),
            &format!("stream-missing-{}", mapping.name),
            &format!("mapping {}: {} has no stream", mapping.name, mapping.table),
        );
        return;
    };
    let filters = mapping.filters.iter().filter_map(|filter| Pattern::read(filter).ok()).collect::<Vec<_>>();
    let (mapping, filters) = (Arc::new(mapping), Arc::new(filters));
    let mut workers = JoinSet::new();
    let mut started = HashSet::new();
    let mut finished = HashSet::new();
    loop {
        writes.borrow_and_update();
        for (stream, shard) in startable(&account, &mapping, &finished) {
            if started.insert((stream.arn.clone(), shard.id.clone())) {
                let (account, mapping, filters, stop) = (account.clone(), mapping.clone(), filters.clone(), stop.clone());
                let writes = writes.clone();
                workers.spawn(async move { Worker::new(account, mapping, filters, stream, shard, writes, stop).work().await });
            }
        }
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Some(ended) = workers.join_next() => finished.extend(ended.ok().flatten()),
            // A split or a new stream shows as a write.
            changed = writes.changed() => if changed.is_err() { break },
        }
    }
    while workers.join_next().await.is_some() {}
}

/// Shards whose parents are done.
fn startable(account: &Account, mapping: &StreamMapping, finished: &HashSet<String>) -> Vec<(Arc<Stream>, Shard)> {
    let Some(stream) = account.streams.of(&mapping.table) else { return Vec::new() };
    let shards = account.streams.shards(&stream.arn).unwrap_or_default();
    let exists = |id: &str| shards.iter().any(|shard| shard.id == id);
    let free = |shard: &&Shard| shard.parent.as_ref().is_none_or(|parent| finished.contains(parent) || !exists(parent));
    shards.iter().filter(free).map(|shard| (stream.clone(), shard.clone())).collect()
}

/// Reads one shard.
struct Worker {
    account: Arc<Account>,
    mapping: Arc<StreamMapping>,
    filters: Arc<Vec<Pattern>>,
    stream: Arc<Stream>,
    shard: Shard,
    writes: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    position: i64,
}

/// How a batch ended.
enum Outcome {
    Done,
    /// The records from this one on were not handled.
    From(usize),
    Failed,
}

impl Worker {
    fn new(
        account: Arc<Account>,
        mapping: Arc<StreamMapping>,
        filters: Arc<Vec<Pattern>>,
        stream: Arc<Stream>,
        shard: Shard,
        writes: watch::Receiver<u64>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self { account, mapping, filters, position: shard.after, stream, shard, writes, stop }
    }

    /// Reads to the end of the shard and returns its id; `None` when it was told to stop.
    async fn work(mut self) -> Option<String> {
        self.position = self.checkpoint().await?;
        while !*self.stop.borrow() {
            self.writes.borrow_and_update();
            self.shard.until = self.closed_at();
            match self.next_batch().await {
                Ok(Page { records, read_to }) if records.is_empty() => {
                    let moved = read_to > self.position;
                    self.reached(read_to);
                    if self.shard.until.is_some_and(|until| read_to >= until) {
                        self.save(read_to, false).await;
                        return Some(self.shard.id);
                    }
                    if !moved && !self.woken().await {
                        return None;
                    }
                }
                Ok(page) => self.deliver(page.records).await,
                Err(error) => {
                    tracing::error!(mapping = self.mapping.name, %error, "stream records could not be read");
                    self.pause(STORE_BACKOFF).await;
                }
            }
        }
        None
    }

    async fn checkpoint(&mut self) -> Option<i64> {
        loop {
            match checkpoints::load(&self.account.host, &self.mapping.name, &self.stream.arn, &self.shard.id) {
                Ok(position) => return Some(position.unwrap_or(self.shard.after)),
                Err(error) => tracing::error!(mapping = self.mapping.name, %error, "the checkpoint could not be read"),
            }
            if !self.pause(STORE_BACKOFF).await {
                return None;
            }
        }
    }

    fn closed_at(&self) -> Option<i64> {
        if self.shard.until.is_some() {
            return self.shard.until;
        }
        // Shards close rarely and the answer is wanted once a batch: the host store keeps it in its cache.
        let shards = self.account.streams.shards(&self.stream.arn).unwrap_or_default();
        shards.into_iter().find(|shard| shard.id == self.shard.id).and_then(|shard| shard.until)
    }

    /// Records to hand over: as many as there are, or as the window lets gather.
    async fn next_batch(&mut self) -> rusqlite::Result<Page> {
        let deadline = tokio::time::Instant::now() + self.mapping.window;
        loop {
            let mut page = self.account.streams.read(&self.stream, &self.shard, self.position, self.mapping.batch_size)?;
            cut(&mut page);
            let waits = !page.records.is_empty() && page.records.len() < self.mapping.batch_size;
            if !waits || self.mapping.window.is_zero() || self.shard.until.is_some() {
                return Ok(page);
            }
            self.writes.borrow_and_update();
            let more = tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => false,
                changed = self.writes.changed() => changed.is_ok(),
                () = tokio::time::sleep_until(deadline) => false,
            };
            if !more {
                return Ok(page);
            }
        }
    }

    /// Hands records over until each is handled or discarded, or it is told to stop.
    async fn deliver(&mut self, records: Vec<Record>) {
        let mut batches = VecDeque::from([(records, 0_u32)]);
        while let Some((records, retries)) = batches.pop_front() {
            if *self.stop.borrow() {
                return;
            }
            let records = self.discard_old(records, retries).await;
            let Some(last) = records.last().map(|record| record.place) else { continue };
            match self.invoke(&records, retries).await {
                Outcome::Done => self.save(last, true).await,
                Outcome::From(index) if index > 0 => {
                    self.save(records[index - 1].place, true).await;
                    batches.push_front((records[index..].to_vec(), 0));
                }
                Outcome::From(_) | Outcome::Failed if self.mapping.bisect && records.len() > 1 => {
                    let (first, second) = records.split_at(records.len() / 2);
                    // Splitting does not use up retries.
                    batches.push_front((second.to_vec(), retries));
                    batches.push_front((first.to_vec(), retries));
                }
                Outcome::From(_) | Outcome::Failed if self.mapping.max_retries.is_some_and(|most| retries >= most) => {
                    self.discard(&records, "RetryAttemptsExhausted", retries).await;
                }
                Outcome::From(_) | Outcome::Failed => {
                    self.pause(backoff(self.mapping.backoff, retries)).await;
                    batches.push_front((records, retries.saturating_add(1)));
                }
            }
        }
    }

    async fn invoke(&mut self, records: &[Record], attempt: u32) -> Outcome {
        let wanted = |record: &&Record| self.filters.is_empty() || self.filters.iter().any(|filter| filter.matches(&record.json));
        let handed = records.iter().filter(wanted).map(|record| record.json.clone()).collect::<Vec<_>>();
        if handed.is_empty() {
            return Outcome::Done;
        }
        let batch = Batch { mapping: &self.mapping.name, shard: &self.shard.id, records: &handed, attempt };
        let fault = self.account.faults.as_ref().map_or(BatchFault::None, |faults| faults.batch(&batch));
        let handed = match &fault {
            BatchFault::Reorder(order) => reordered(&handed, order),
            _ => handed,
        };
        if let BatchFault::Stall(time) = fault {
            self.pause(time).await;
        }
        let answer = self.account.functions.invoke(&self.mapping.function, json!({ "Records": handed })).await;
        match answer {
            _ if fault == BatchFault::Redeliver => Outcome::Failed,
            Ok(answer) => outcome(&answer, records),
            Err(_) => Outcome::Failed,
        }
    }

    async fn discard_old(&mut self, mut records: Vec<Record>, retries: u32) -> Vec<Record> {
        let Some(most) = self.mapping.max_record_age.and_then(|age| chrono::TimeDelta::from_std(age).ok()) else { return records };
        let now = self.account.clock.now();
        let old = records.iter().take_while(|record| now.since(record.written_at) > most).count();
        let rest = records.split_off(old);
        if !records.is_empty() {
            self.discard(&records, "RecordAgeExceeded", retries).await;
        }
        rest
    }

    /// Puts records aside, where a person or the reconciler finds them, and goes on after them.
    async fn discard(&mut self, records: &[Record], reason: &str, retries: u32) {
        let Some(last) = records.last().map(|record| record.place) else { return };
        let kept = Value::from(records.iter().map(|record| record.json.clone()).collect::<Vec<_>>());
        let discarded = checkpoints::Discarded {
            mapping: self.mapping.name.clone(),
            shard: self.shard.id.clone(),
            at: self.account.clock.now(),
            reason: reason.to_owned(),
            attempts: retries.saturating_add(1),
            records: kept,
        };
        while let Err(error) = checkpoints::discard(&self.account.host, &self.stream.arn, &discarded, last) {
            tracing::error!(mapping = self.mapping.name, %error, "discarded records could not be kept");
            if !self.pause(STORE_BACKOFF).await {
                return;
            }
        }
        let detail = format!("mapping {} gave up on {} records of shard {}: {reason}", self.mapping.name, records.len(), self.shard.id);
        self.account.config.observer.iter().for_each(|observer| observer.records_discarded(&self.mapping.name, records.len()));
        alarms::raise(&self.account.host, self.account.clock.now(), &format!("records-discarded-{}", self.mapping.name), &detail);
        self.reached(last);
    }

    /// Stores how far the mapping got.
    async fn save(&mut self, position: i64, faulty: bool) {
        let lost = faulty && self.loses_checkpoint();
        while let Err(error) = if lost {
            Ok(())
        } else {
            checkpoints::save(&self.account.host, &self.mapping.name, &self.stream.arn, &self.shard.id, position)
        } {
            tracing::error!(mapping = self.mapping.name, %error, "the checkpoint could not be stored");
            if !self.pause(STORE_BACKOFF).await {
                return;
            }
        }
        self.reached(position);
    }

    fn loses_checkpoint(&self) -> bool {
        let batch = Batch { mapping: &self.mapping.name, shard: &self.shard.id, records: &[], attempt: 0 };
        self.account.faults.as_ref().is_some_and(|faults| faults.batch(&batch) == BatchFault::LoseCheckpoint)
    }

    fn reached(&mut self, position: i64) {
        self.position = self.position.max(position);
        self.account.progress.reached(&self.mapping.name, &self.stream.arn, &self.shard.id, self.position);
    }

    /// Waits for a write; false when it is time to stop.
    async fn woken(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => false,
            changed = self.writes.changed() => changed.is_ok(),
        }
    }

    /// Waits; false when it is time to stop.
    async fn pause(&mut self, time: Duration) -> bool {
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => false,
            () = tokio::time::sleep(time) => true,
        }
    }
}

/// The wait before another try: doubles each time.
pub(crate) fn backoff(first: Duration, retries: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(retries.min(16))).min(LONGEST_BACKOFF)
}

fn cut(page: &mut Page) {
    let mut bytes = 0;
    let fits = page.records.iter().take_while(|record| {
        bytes += record.size;
        bytes <= PAYLOAD_BYTES
    });
    let fits = fits.count().max(1);
    if fits < page.records.len() {
        page.records.truncate(fits);
        page.read_to = page.records[fits - 1].place;
    }
}

/// What a function's answer means: AWS goes back to the lowest number reported, and to the start when it reports
/// one that is not there.
fn outcome(answer: &Value, records: &[Record]) -> Outcome {
    let failures = match &answer["batchItemFailures"] {
        Value::Array(failures) if !failures.is_empty() => failures,
        Value::Array(_) | Value::Null => return Outcome::Done,
        _ => {
            tracing::warn!("batchItemFailures is not a list: the whole batch comes again");
            return Outcome::Failed;
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
            Outcome::Failed
        }
    }
}

fn reordered(records: &[Value], order: &[usize]) -> Vec<Value> {
    let rest = (0..records.len()).filter(|index| !order.contains(index));
    let first = order.iter().copied().filter(|index| *index < records.len());
    first.chain(rest).map(|index| records[index].clone()).collect()
}
