//! Hands the records of a log's stream to a function, as Lambda's event source mapping does, with everything that may go wrong on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_projection::failures::{Answer, Failures};
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use serde_json::json;
use tokio::sync::Notify;

use crate::faults::Fault;
use crate::functions::Work;
use crate::network::Network;
use crate::plan::Layer;
use crate::tables::{Record, place_of};

/// How often a batch of one is tried before it is given up.
const MOST_RETRIES: u64 = 12;
/// How long after a commit its record is read, at most.
const POLL: u64 = 250;

/// Runs the function on a batch; `None` when it ended on the way.
pub type Handle = Arc<dyn Fn(u64, Event) -> Work<Option<DynamoDbEventResponse>> + Send + Sync>;

/// A part of a stream: partition keys between two hashes, from one place on, until it is split.
#[derive(Clone, Debug)]
struct Shard {
    number: u64,
    keys: (u32, u32),
    after: u64,
    until: Option<u64>,
    parent: Option<u64>,
}

/// The stream of one log, and who reads it how far.
pub struct Mappings {
    network: Arc<Network>,
    table: &'static str,
    state: Mutex<State>,
    /// Told of every commit, and of everything else that lets a reader go on: nobody polls.
    news: Arc<Notify>,
}

struct State {
    shards: Vec<Shard>,
    /// By mapping and shard: the place up to which all is done.
    checkpoints: BTreeMap<(&'static str, u64), u64>,
    finished: BTreeSet<(&'static str, u64)>,
    stands: bool,
    failures: BTreeMap<String, Vec<u8>>,
    /// Whether records may be gone unread: trimmed, or given up.
    lost: bool,
}

impl Mappings {
    /// The mappings of a table, none of which has read anything. `after`: the place from which on the first shard is read.
    pub fn new(network: Arc<Network>, table: &'static str, after: u64) -> Self {
        let shards = vec![Shard { number: 0, keys: (0, u32::MAX), after, until: None, parent: None }];
        let (checkpoints, finished, failures) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let state = State { shards, checkpoints, finished, stands: false, failures, lost: false };
        let news = network.tables.news(table);
        Self { network, table, state: Mutex::new(state), news }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets all readers stand still, or go on.
    pub fn stand(&self, still: bool) {
        self.state().stands = still;
        self.news.notify_waiters();
    }

    /// Says that records are gone unread: only a walk finds what they told.
    pub fn lose(&self) {
        self.state().lost = true;
    }

    /// Whether records may be gone unread.
    pub fn has_lost(&self) -> bool {
        self.state().lost
    }

    /// Reads from the stream's end on: it is a new stream.
    pub fn renew(&self) {
        let end = self.network.tables.end(self.table);
        let mut state = self.state();
        state.shards.iter_mut().for_each(|shard| shard.after = shard.after.max(end));
        state.checkpoints.values_mut().for_each(|place| *place = (*place).max(end));
    }

    /// Whether a mapping has read everything.
    pub fn is_done(&self, mapping: &'static str) -> bool {
        let (end, state) = (self.network.tables.end(self.table), self.state());
        state.shards.iter().all(|shard| {
            let until = shard.until.unwrap_or(end).min(end);
            let reached = state.checkpoints.get(&(mapping, shard.number)).copied().unwrap_or(shard.after);
            let now = self.network.clock.elapsed();
            reached >= until || self.network.tables.records(self.table, reached, 1, |record| shard.holds(record), now).is_empty()
        })
    }

    /// Reads every shard for a mapping, for ever.
    pub async fn run(self: Arc<Self>, mapping: &'static str, handle: Handle) {
        let mut started = BTreeSet::new();
        loop {
            let startable: Vec<Shard> = {
                let state = self.state();
                state
                    .shards
                    .iter()
                    .filter(|shard| !started.contains(&shard.number) && self.may_start(&state, mapping, shard))
                    .cloned()
                    .collect()
            };
            for shard in startable {
                started.insert(shard.number);
                tokio::spawn(Reader { mappings: self.clone(), mapping, shard, handle: handle.clone(), turn: 0 }.read());
            }
            self.news.notified().await;
        }
    }

    /// Parents before children, where nothing goes wrong.
    fn may_start(&self, state: &State, mapping: &'static str, shard: &Shard) -> bool {
        let Some(parent) = shard.parent else { return true };
        let place = ("children-first", mapping, shard.number);
        state.finished.contains(&(mapping, parent))
            || self.network.faults.fires(Fault::Split, (place.0, place.1, place.2), self.network.clock.elapsed())
    }

    fn split(&self, number: u64) {
        let end = self.network.tables.end(self.table);
        let mut state = self.state();
        let next = state.shards.len() as u64;
        let Some(shard) = state.shards.iter_mut().find(|shard| shard.number == number && shard.until.is_none()) else { return };
        if next > 12 {
            return;
        }
        shard.until = Some(end);
        let ((low, high), parent) = (shard.keys, Some(number));
        let middle = low + (high - low) / 2;
        state.shards.push(Shard { number: next, keys: (low, middle), after: end, until: None, parent });
        state.shards.push(Shard { number: next + 1, keys: (middle + 1, high), after: end, until: None, parent });
        self.news.notify_waiters();
    }

    fn give_up(&self, records: &[Record]) {
        let payload = json!(event_of(records)).to_string();
        let arn = records.first().map_or_else(Default::default, |record| record.event.event_source_arn.clone().unwrap_or_default());
        let object = json!({ "DDBStreamBatchInfo": { "streamArn": arn }, "payload": payload });
        let mut state = self.state();
        let key = format!("{:06}", state.failures.len());
        state.failures.insert(key, object.to_string().into_bytes());
        state.lost = true;
    }
}

fn event_of(records: &[Record]) -> Event {
    let mut event = Event::default();
    event.records = records.iter().map(|record| record.event.clone()).collect();
    event
}

/// The event by way of the JSON that Lambda hands over.
fn as_json(event: &Event) -> Event {
    let json = serde_json::to_vec(event).expect("an event is JSON");
    serde_json::from_slice(&json).expect("records are as AWS writes them")
}

impl Shard {
    fn holds(&self, record: &Record) -> bool {
        (self.keys.0..=self.keys.1).contains(&record.hash) && self.until.is_none_or(|until| record.place <= until)
    }
}

impl Failures for Mappings {
    fn list(&self, most: usize) -> Answer<'_, Vec<String>> {
        Box::pin(async move { Ok(self.state().failures.keys().take(most).cloned().collect()) })
    }

    fn read<'a>(&'a self, key: &'a str) -> Answer<'a, Vec<u8>> {
        Box::pin(async move { self.state().failures.get(key).cloned().ok_or_else(|| "no such batch".into()) })
    }

    fn handled<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            self.state().failures.remove(key);
            Ok(())
        })
    }
}

/// What became of a batch.
enum Handed {
    Done,
    /// What is at this place or after it comes again.
    From(u64),
    Failed,
}

/// Reads one shard for one mapping.
struct Reader {
    mappings: Arc<Mappings>,
    mapping: &'static str,
    shard: Shard,
    handle: Handle,
    turn: u64,
}

impl Reader {
    async fn read(mut self) {
        loop {
            while self.mappings.state().stands {
                self.mappings.news.notified().await;
            }
            let (network, key) = (self.mappings.network.clone(), (self.mapping, self.shard.number));
            self.shard.until = self.mappings.state().shards.iter().find(|shard| shard.number == key.1).and_then(|shard| shard.until);
            let reached = self.mappings.state().checkpoints.get(&key).copied().unwrap_or(self.shard.after).max(self.shard.after);
            let size = 1 + network.faults.extent(24, self.place("size")) as usize;
            let records =
                network.tables.records(self.mappings.table, reached, 2 * size, |record| self.shard.holds(record), network.clock.elapsed());
            if records.is_empty() {
                if self.shard.until.is_some() {
                    self.mappings.state().finished.insert(key);
                    self.mappings.news.notify_waiters();
                    return;
                }
                self.mappings.news.notified().await;
                tokio::time::sleep(Duration::from_millis(1 + network.faults.extent(POLL, self.place("poll")))).await;
                continue;
            }
            self.turn += 1;
            if self.fires(Fault::Split, "split") {
                self.mappings.split(self.shard.number);
            }
            if self.fires(Fault::Stalled, "stall") {
                tokio::time::sleep(Duration::from_millis(5_000 + network.faults.extent(90_000, self.place("stall")))).await;
            }
            self.deliver_some(records, size).await;
            if self.fires(Fault::LostCheckpoint, "checkpoint") {
                let back = 1 + network.faults.extent(30, self.place("checkpoint"));
                let mut state = self.mappings.state();
                let checkpoint = state.checkpoints.entry(key).or_insert(self.shard.after);
                *checkpoint = checkpoint.saturating_sub(back).max(self.shard.after);
            }
        }
    }

    /// Up to two batches, in order, or mixed with each other.
    async fn deliver_some(&self, mut records: Vec<Record>, size: usize) {
        let Some(last) = records.last().map(|record| record.place) else { return };
        if !self.fires(Fault::Reordered, "order") {
            records.truncate(size);
            let last = records.last().map_or(last, |record| record.place);
            return self.deliver(records, last).await;
        }
        let count = records.len() as u64;
        for n in 0..records.len() {
            let other = self.mappings.network.faults.extent(count, ("order", &format!("{}/{n}", self.mapping), self.turn)) as usize;
            records.swap(n, other);
        }
        let second = records.split_off(records.len() / 2);
        // The checkpoint stays behind until both are done.
        let before = records.iter().chain(&second).map(|record| record.place).min().unwrap_or(1) - 1;
        self.deliver(records, before).await;
        self.deliver(second, last).await;
    }

    /// Hands records over until each is done or given up; then the checkpoint is at `end`.
    async fn deliver(&self, records: Vec<Record>, end: u64) {
        let mut parts = vec![(records, 0u64)];
        while let Some((records, retries)) = parts.pop() {
            if records.is_empty() {
                continue;
            }
            match self.hand_over(&records).await {
                Handed::Done => {}
                Handed::From(lowest) if records.iter().any(|record| record.place < lowest) => {
                    parts.push((records.into_iter().filter(|record| record.place >= lowest).collect(), 0));
                }
                _ if retries >= MOST_RETRIES && records.len() > 1 => {
                    let middle = records.len() / 2;
                    parts.push((records[middle..].to_vec(), 0));
                    parts.push((records[..middle].to_vec(), 0));
                }
                _ if retries >= MOST_RETRIES => self.mappings.give_up(&records),
                _ => {
                    tokio::time::sleep(Duration::from_millis((100 << retries.min(9)).min(60_000))).await;
                    parts.push((records, retries + 1));
                }
            }
        }
        let mut state = self.mappings.state();
        let checkpoint = state.checkpoints.entry((self.mapping, self.shard.number)).or_insert(self.shard.after);
        *checkpoint = (*checkpoint).max(end);
    }

    /// One batch, once or several times.
    async fn hand_over(&self, records: &[Record]) -> Handed {
        let network = &self.mappings.network;
        let first = format!("{}/{}/{}", self.mappings.table, self.mapping, records[0].place);
        let attempt = network.faults.attempt("batch", &first);
        let place = ("batch", first.as_str(), attempt);
        let event = || {
            let event = event_of(records);
            match network.layer() {
                Layer::Sdk => as_json(&event),
                Layer::Ports => event,
            }
        };
        let pick = network.faults.extent(1 << 20, place);
        let Some(answer) = (self.handle)(pick, event()).await else { return Handed::Failed };
        let mut more = 0;
        if network.faults.fires(Fault::Redelivered, place, network.clock.elapsed()) {
            more = 1 + network.faults.extent(2, place);
        }
        for again in 0..more {
            (self.handle)(pick + 1 + again, event()).await;
        }
        // The lowest number that is reported, and everything after it, comes again; an unknown one means the whole batch.
        let reported = answer.batch_item_failures.iter().map(|failure| place_of(failure.item_identifier.as_deref()?));
        let known = |place: &u64| records.iter().any(|record| record.place == *place);
        let places: Option<Vec<u64>> = reported.map(|place| place.filter(known)).collect();
        match places.map(|places| places.into_iter().min()) {
            Some(None) => Handed::Done,
            Some(Some(lowest)) => Handed::From(lowest),
            None => Handed::Failed,
        }
    }

    fn place(&self, what: &'static str) -> (&'static str, &'static str, u64) {
        (what, self.mapping, self.turn * 64 + self.shard.number)
    }

    fn fires(&self, fault: Fault, what: &'static str) -> bool {
        self.mappings.network.faults.fires(fault, self.place(what), self.mappings.network.clock.elapsed())
    }
}
