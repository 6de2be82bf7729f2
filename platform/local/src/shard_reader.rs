//! Reads one shard for one mapping: gathers records into batches and keeps as many under way as the mapping allows.
//!
//! A lane holds the records of some items, in order, and has one batch under way at a time; a mapping has as many lanes a shard as its
//! parallelization factor. While batches are handled, the next records are read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::account::Account;
use crate::batch_delivery::{Delivery, PAYLOAD_BYTES};
use crate::checkpoints::{self, Checkpoint};
use crate::config::StreamMapping;
use crate::pattern::Pattern;
use crate::streams::{Record, Shard, Stream};

/// After the stores failed us; they say why in the log.
const STORE_BACKOFF: Duration = Duration::from_secs(1);

/// Between two reads of a shard that is written all the time: Lambda polls four times a second; here a person waits for the row.
/// A read for each write would cost more than the write.
pub(crate) const POLL: Duration = Duration::from_millis(5);

/// What the readers of a mapping share.
#[derive(Clone)]
pub(crate) struct Reading {
    pub account: Arc<Account>,
    pub mapping: Arc<StreamMapping>,
    pub filters: Arc<Vec<Pattern>>,
    pub writes: watch::Receiver<u64>,
    pub stop: watch::Receiver<bool>,
}

/// Reads one shard.
pub(crate) struct ShardReader {
    reading: Reading,
    stream: Arc<Stream>,
    shard: Shard,
    checkpoint: Arc<Checkpoint>,
    lanes: Vec<Lane>,
    read_to: i64,
}

/// Records in order, of which one batch at a time is under way.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<Record>,
    is_busy: bool,
    /// When the first of those that wait came.
    since: Option<Instant>,
}

impl ShardReader {
    /// A reader that begins where the mapping's checkpoint is. `None` when it was told to stop before the checkpoint could be read.
    pub async fn new(mut reading: Reading, stream: Arc<Stream>, shard: Shard) -> Option<Self> {
        let lanes = reading.mapping.parallelization_factor.clamp(1, 10);
        let position = loop {
            match checkpoints::load(&reading.account.host, &reading.mapping.name, &stream.arn, &shard.id) {
                Ok(position) => break position.unwrap_or(shard.after),
                Err(error) => tracing::error!(mapping = reading.mapping.name, %error, "the checkpoint could not be read"),
            }
            tokio::select! {
                biased;
                _ = reading.stop.wait_for(|stop| *stop) => return None,
                () = tokio::time::sleep(STORE_BACKOFF) => {}
            }
        };
        let checkpoint = Checkpoint::new(reading.account.clone(), &reading.mapping.name, &stream.arn, &shard.id, lanes, position);
        let lanes = std::iter::repeat_with(Lane::default).take(lanes).collect();
        Some(Self { reading, stream, shard, checkpoint: Arc::new(checkpoint), lanes, read_to: position })
    }

    /// Reads to the end of the shard and returns its id; `None` when it was told to stop.
    pub async fn read(mut self) -> Option<String> {
        let (mut writes, mut stop) = (self.reading.writes.clone(), self.reading.stop.clone());
        let mut deliveries = JoinSet::new();
        let ended = loop {
            if *stop.borrow() {
                break None;
            }
            writes.borrow_and_update();
            let next_read = Instant::now() + POLL;
            self.shard.until = self.closed_at();
            let failed = self
                .fill()
                .inspect_err(|error| tracing::error!(mapping = self.reading.mapping.name, %error, "stream records could not be read"));
            let due = self.hand_over(&mut deliveries);
            let is_idle = deliveries.is_empty() && self.lanes.iter().all(|lane| lane.waiting.is_empty());
            if is_idle && self.shard.until.is_some_and(|until| self.read_to >= until) {
                self.checkpoint.ended(self.read_to);
                break Some(self.shard.id);
            }
            let due = if failed.is_err() { Some(Instant::now() + STORE_BACKOFF) } else { due };
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break None,
                Some(lane) = deliveries.join_next(), if !deliveries.is_empty() => self.handled(lane.ok()),
                changed = async { (writes.changed().await, tokio::time::sleep_until(next_read).await).0 } => if changed.is_err() { break None },
                () = sleep_until(due), if due.is_some() => {}
            }
        };
        while deliveries.join_next().await.is_some() {}
        ended
    }

    fn closed_at(&self) -> Option<i64> {
        if self.shard.until.is_some() {
            return self.shard.until;
        }
        // Shards close rarely and the answer is wanted once a batch: the host store keeps it in its cache.
        let shards = self.reading.account.streams.shards(&self.stream.arn).unwrap_or_default();
        shards.into_iter().find(|shard| shard.id == self.shard.id).and_then(|shard| shard.until)
    }

    /// Reads on, up to a batch a lane: what waits is bounded, and a lane that stands still stops the reading when it is full.
    fn fill(&mut self) -> rusqlite::Result<()> {
        let batch = self.reading.mapping.batch_size;
        while self.lanes.iter().all(|lane| lane.waiting.len() < batch) {
            let wanted = self.lanes.iter().map(|lane| batch - lane.waiting.len()).sum();
            let page = self.reading.account.streams.read(&self.stream, &self.shard, self.read_to, wanted)?;
            let is_last = page.records.len() < wanted;
            for record in page.records.into_iter().filter(|record| is_wanted(&self.reading.filters, record)) {
                let lane = self.lane_of(&record);
                self.lanes[lane].since.get_or_insert_with(Instant::now);
                self.lanes[lane].waiting.push_back(record);
            }
            self.read_to = page.read_to;
            self.tell();
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The lane of an item: PK and SK, as DynamoDB orders changes by item.
    fn lane_of(&self, record: &Record) -> usize {
        if self.lanes.len() == 1 {
            return 0;
        }
        let digest = Sha256::digest(record.json["dynamodb"]["Keys"].to_string());
        usize::from(u16::from_be_bytes([digest[0], digest[1]])) % self.lanes.len()
    }

    /// Starts a batch in every lane that is free and has one; when the next lane has waited long enough.
    fn hand_over(&mut self, deliveries: &mut JoinSet<usize>) -> Option<Instant> {
        let mapping = &self.reading.mapping;
        let mut next_due: Option<Instant> = None;
        for (number, lane) in self.lanes.iter_mut().enumerate().filter(|(_, lane)| !lane.is_busy) {
            let Some(since) = lane.since else { continue };
            let due = since + mapping.window;
            let is_full = lane.waiting.len() >= mapping.batch_size || self.shard.until.is_some();
            if !is_full && due > Instant::now() {
                next_due = Some(next_due.map_or(due, |other| other.min(due)));
                continue;
            }
            let batch = take_batch(&mut lane.waiting, mapping.batch_size);
            lane.is_busy = true;
            lane.since = (!lane.waiting.is_empty()).then(Instant::now);
            let delivery = Delivery {
                account: self.reading.account.clone(),
                mapping: mapping.clone(),
                stream: self.stream.clone(),
                shard: self.shard.id.clone(),
                checkpoint: self.checkpoint.clone(),
                lane: number,
                stop: self.reading.stop.clone(),
            };
            deliveries.spawn(async move {
                delivery.deliver(batch).await;
                number
            });
        }
        next_due
    }

    /// A lane's batch is handled, or was given up because it is time to stop.
    fn handled(&mut self, lane: Option<usize>) {
        if let Some(lane) = lane.filter(|_| !*self.reading.stop.borrow()) {
            self.lanes[lane].is_busy = false;
            self.tell();
        }
    }

    /// Tells the checkpoint what waits in lanes that are free; those that are busy tell themselves.
    fn tell(&self) {
        let free = self.lanes.iter().enumerate().filter(|(_, lane)| !lane.is_busy);
        let waiting = free.map(|(number, lane)| (number, lane.waiting.front().map(|record| record.place)));
        self.checkpoint.waiting(waiting, self.read_to);
    }
}

async fn sleep_until(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due).await;
    }
}

fn is_wanted(filters: &[Pattern], record: &Record) -> bool {
    filters.is_empty() || filters.iter().any(|filter| filter.matches(&record.json))
}

/// The first records of a lane: as many as a batch and an invocation's request may hold, one at least.
fn take_batch(waiting: &mut VecDeque<Record>, most: usize) -> Vec<Record> {
    let mut bytes = 0;
    let fits = waiting.iter().take(most).take_while(|record| {
        bytes += record.size;
        bytes <= PAYLOAD_BYTES
    });
    let fits = fits.count().max(1);
    waiting.drain(..fits).collect()
}
