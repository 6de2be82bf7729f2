//! Keeps queues: visibility, receive counts, dead letters. At least once, in no order anyone may rely on.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_kit::{Clock, Timestamp};
use chrono::TimeDelta;
use rusqlite::{Connection, Row};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::arn;
use crate::config::Queue;
use crate::engine::lock;
use crate::host_store::HostStore;
use crate::observer::Observer;
use crate::randomness::{Randomness, hex, uuid};

/// The account's queues.
pub(crate) struct Queues {
    host: Arc<HostStore>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    queues: BTreeMap<String, (Queue, watch::Sender<u64>)>,
    observer: Option<Arc<dyn Observer>>,
    created_at: Timestamp,
    /// When a queue was last purged over the API.
    purged: Mutex<HashMap<String, Timestamp>>,
    moves: watch::Sender<u64>,
}

/// How many messages a queue has, by what can be done with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Can be received.
    pub visible: i64,
    /// Received, and not deleted yet.
    pub hidden: i64,
    /// Sent with a delay that is not over.
    pub delayed: i64,
}

/// What a receipt names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A message that is hidden from others.
    Hidden,
    /// No message, or one that is hidden no longer.
    Not,
    /// Nothing: it is no receipt.
    Malformed,
}

/// What a step of moving dead letters came to.
pub(crate) struct Moved {
    /// The queues that got any.
    pub reached: Vec<String>,
    pub count: i64,
    /// Whether one was left because no one knows where it came from.
    pub without_source: bool,
}

/// A message in a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub message_id: String,
    /// What was sent.
    pub body: String,
    /// Message attributes: name to `{"DataType", "StringValue"}`.
    pub attributes: Value,
    /// The queue it was moved from, when it is a dead letter.
    pub dead_letter_source: Option<String>,
    /// When it was first enqueued.
    pub sent_at: Timestamp,
    /// From when on it can be received.
    pub visible_at: Timestamp,
    /// How often it was received.
    pub received: u32,
    /// When it was received first.
    pub first_received_at: Option<Timestamp>,
    /// What the last receiver deletes it with, while it is hidden.
    pub receipt: Option<String>,
}

/// A message to be sent.
pub(crate) struct Sent<'a> {
    pub queue: &'a str,
    pub body: &'a str,
    pub attributes: &'a Value,
    pub delay: Duration,
}

const COLUMNS: &str = "message_id, body, attributes, source, sent_at, visible_at, received, first_received_at, receipt";

impl Queues {
    pub fn new(
        host: Arc<HostStore>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        queues: &[Queue],
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        let queues = queues.iter().map(|queue| (queue.name.clone(), (queue.clone(), watch::Sender::new(0)))).collect();
        let created_at = clock.now();
        Self { host, clock, randomness, queues, observer, created_at, purged: Mutex::default(), moves: watch::Sender::new(0) }
    }

    /// The names of all queues, in order.
    pub fn names(&self) -> Vec<String> {
        self.queues.keys().cloned().collect()
    }

    /// When the queues were opened; when they were first made is not kept.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Changes whenever a task that moves dead letters begins.
    pub fn moves(&self) -> watch::Receiver<u64> {
        self.moves.subscribe()
    }

    /// A task that moves dead letters began.
    pub fn moves_changed(&self) {
        self.moves.send_modify(|count| *count += 1);
    }

    /// The definition of a queue.
    pub fn definition(&self, name: &str) -> Option<&Queue> {
        self.queues.get(name).map(|(queue, _)| queue)
    }

    /// Changes whenever a message arrives.
    pub fn arrivals(&self, name: &str) -> Option<watch::Receiver<u64>> {
        self.queues.get(name).map(|(_, arrivals)| arrivals.subscribe())
    }

    /// Sends a message within a transaction of the host store; call [`Queues::arrived`] after it.
    pub fn insert(&self, host: &Connection, message: &Sent<'_>) -> rusqlite::Result<String> {
        let now = self.clock.now();
        let message_id = uuid(&*self.randomness);
        host.prepare_cached(
            "INSERT INTO messages (queue, message_id, body, attributes, sent_at, visible_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            message.queue,
            &message_id,
            message.body,
            message.attributes.to_string(),
            now.micros(),
            after(now, message.delay).micros(),
        ))?;
        self.observer.iter().for_each(|observer| observer.messages_arrived(message.queue, 1));
        Ok(message_id)
    }

    /// Wakes whoever waits for messages of a queue.
    pub fn arrived(&self, queue: &str) {
        if let Some((_, arrivals)) = self.queues.get(queue) {
            arrivals.send_modify(|count| *count += 1);
        }
    }

    /// Sends a message.
    pub fn send(&self, message: &Sent<'_>) -> rusqlite::Result<String> {
        let message_id = self.host.write(|host| self.insert(host, message))?;
        self.arrived(message.queue);
        Ok(message_id)
    }

    /// Receives up to `most` messages and hides them; those received too often go to the dead-letter queue instead.
    pub fn receive(&self, queue: &Queue, most: usize, hidden: Duration) -> rusqlite::Result<Vec<Message>> {
        let now = self.clock.now();
        let mut dead = 0;
        let received = self.host.write(|host| {
            expire(host, queue, now)?;
            let mut received = Vec::new();
            loop {
                let mut buried = 0;
                for (id, mut message) in due(host, &queue.name, now, most - received.len())? {
                    if let Some(letters) = queue.dead_letter_queue.as_ref().filter(|_| message.received >= queue.max_receive_count) {
                        bury(host, id, &queue.name, letters, now)?;
                        buried += 1;
                        continue;
                    }
                    self.hide(host, id, &mut message, now, hidden)?;
                    received.push(message);
                }
                dead += buried;
                // Those buried made room for others.
                if buried == 0 || received.len() == most {
                    return Ok(received);
                }
            }
        })?;
        if let Some(letters) = queue.dead_letter_queue.as_ref().filter(|_| dead > 0) {
            self.observer.iter().for_each(|observer| observer.messages_arrived(letters, dead));
            self.arrived(letters);
        }
        Ok(received)
    }

    /// Ends a batch in one step: deletes what its receiver is done with, shows the others again after their times.
    /// A receipt does nothing once its message was received again.
    pub fn finish(&self, queue: &str, done: &[&str], again: &[(&str, Duration)]) -> rusqlite::Result<()> {
        let now = self.clock.now();
        self.host.write(|host| {
            let mut delete = host.prepare_cached("DELETE FROM messages WHERE id = ?1 AND queue = ?2 AND receipt = ?3")?;
            for receipt in done {
                delete.execute((id_of(receipt), queue, receipt))?;
            }
            let mut show = host.prepare_cached("UPDATE messages SET visible_at = ?4 WHERE id = ?1 AND queue = ?2 AND receipt = ?3")?;
            for (receipt, hidden) in again {
                show.execute((id_of(receipt), queue, receipt, after(now, *hidden).micros()))?;
            }
            Ok(())
        })?;
        if !again.is_empty() {
            self.arrived(queue);
        }
        Ok(())
    }

    /// When the next message can be received, if there is one.
    pub fn next_visible(&self, queue: &str) -> rusqlite::Result<Option<Timestamp>> {
        let at: Option<i64> = self.host.read(|host| {
            host.prepare_cached("SELECT MIN(visible_at) FROM messages WHERE queue = ?1")?.query_row([queue], |row| row.get(0))
        })?;
        Ok(at.and_then(Timestamp::from_micros))
    }

    /// Messages in a queue, received or not.
    pub fn depth(&self, queue: &str) -> rusqlite::Result<usize> {
        self.host.read(|host| {
            let count: i64 = host.prepare_cached("SELECT COUNT(*) FROM messages WHERE queue = ?1")?.query_row([queue], |row| row.get(0))?;
            Ok(usize::try_from(count).unwrap_or(0))
        })
    }

    /// When the oldest message of a queue was sent.
    pub fn oldest(&self, queue: &str) -> rusqlite::Result<Option<Timestamp>> {
        let at: Option<i64> = self
            .host
            .read(|host| host.prepare_cached("SELECT MIN(sent_at) FROM messages WHERE queue = ?1")?.query_row([queue], |row| row.get(0)))?;
        Ok(at.and_then(Timestamp::from_micros))
    }

    /// The oldest messages of a queue, without receiving them.
    pub fn peek(&self, queue: &str, most: usize) -> rusqlite::Result<Vec<Message>> {
        self.host.read(|host| {
            host.prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE queue = ?1 ORDER BY id LIMIT ?2"))?
                .query_map((queue, most as i64), |row| message(row, 0))?
                .collect()
        })
    }

    /// Moves dead letters to another queue, with new ids.
    pub fn redrive(&self, from: &str, to: &str, most: usize) -> rusqlite::Result<usize> {
        let moved = self.host.write(|host| self.move_visible(host, from, Some(to), i64::try_from(most).unwrap_or(i64::MAX)))?;
        moved.reached.iter().for_each(|queue| self.arrived(queue));
        Ok(usize::try_from(moved.count).unwrap_or(0))
    }

    /// Moves up to `most` visible messages to `to` or, without it, each to the queue it came from. They are new there: new ids, never
    /// received, enqueued now.
    pub fn move_visible(&self, host: &Connection, from: &str, to: Option<&str>, most: i64) -> rusqlite::Result<Moved> {
        let now = self.clock.now().micros();
        let letters: Vec<(i64, Option<String>)> = host
            .prepare_cached("SELECT id, source FROM messages WHERE queue = ?1 AND visible_at <= ?2 ORDER BY id LIMIT ?3")?
            .query_map((from, now, most), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut moved = Moved { reached: Vec::new(), count: 0, without_source: false };
        for (id, source) in letters {
            let Some(to) = to.map(str::to_owned).or(source).filter(|to| self.queues.contains_key(to)) else {
                moved.without_source = true;
                continue;
            };
            host.prepare_cached(
                "UPDATE messages SET queue = ?2, message_id = ?3, sent_at = ?4, visible_at = ?4, received = 0,
                 first_received_at = NULL, receipt = NULL, source = NULL WHERE id = ?1",
            )?
            .execute((id, &to, uuid(&*self.randomness), now))?;
            moved.count += 1;
            moved.reached.push(to);
        }
        moved.reached.sort_unstable();
        moved.reached.dedup();
        Ok(moved)
    }

    /// Deletes the message a receipt names.
    pub fn delete(&self, queue: &str, receipt: &str) -> rusqlite::Result<Found> {
        let Some(id) = row_of(receipt) else { return Ok(Found::Malformed) };
        let deleted = self.host.write(|host| {
            host.prepare_cached("DELETE FROM messages WHERE id = ?1 AND queue = ?2 AND receipt = ?3")?.execute((id, queue, receipt))
        })?;
        Ok(if deleted == 0 { Found::Not } else { Found::Hidden })
    }

    /// Hides the message a receipt names for this long from now on.
    pub fn change_visibility(&self, queue: &str, receipt: &str, hidden: Duration) -> rusqlite::Result<Found> {
        let Some(id) = row_of(receipt) else { return Ok(Found::Malformed) };
        let now = self.clock.now();
        let changed = self.host.write(|host| {
            host.prepare_cached("UPDATE messages SET visible_at = ?5 WHERE id = ?1 AND queue = ?2 AND receipt = ?3 AND visible_at > ?4")?
                .execute((id, queue, receipt, now.micros(), after(now, hidden).micros()))
        })?;
        self.arrived(queue);
        Ok(if changed == 0 { Found::Not } else { Found::Hidden })
    }

    /// How many messages a queue has.
    pub fn counts(&self, queue: &Queue) -> rusqlite::Result<Counts> {
        let now = self.clock.now();
        self.host.write(|host| {
            expire(host, queue, now)?;
            host.prepare_cached(
                "SELECT COUNT(*) FILTER (WHERE visible_at <= ?2), COUNT(*) FILTER (WHERE visible_at > ?2 AND receipt IS NOT NULL),
                 COUNT(*) FILTER (WHERE visible_at > ?2 AND receipt IS NULL) FROM messages WHERE queue = ?1",
            )?
            .query_row((&queue.name, now.micros()), |row| Ok(Counts { visible: row.get(0)?, hidden: row.get(1)?, delayed: row.get(2)? }))
        })
    }

    /// Deletes every message of a queue; `false` where that was done less than a minute ago.
    pub fn purge(&self, queue: &Queue) -> rusqlite::Result<bool> {
        let now = self.clock.now();
        let mut purged = lock(&self.purged);
        if purged.get(&queue.name).is_some_and(|at| now.since(*at) < TimeDelta::seconds(60)) {
            return Ok(false);
        }
        self.host.write(|host| host.execute("DELETE FROM messages WHERE queue = ?1", [&queue.name]))?;
        purged.insert(queue.name.clone(), now);
        Ok(true)
    }

    /// Deletes messages past their queue's retention.
    pub fn expire(&self) -> rusqlite::Result<()> {
        let now = self.clock.now();
        self.host.write(|host| self.queues.values().try_for_each(|(queue, _)| expire(host, queue, now)))
    }

    /// Shows hidden messages at once: after a restart their receivers are gone. That they were received does not count: the machine
    /// went down under them, which on AWS is not one of the ways in which a message fails.
    pub fn forget_receivers(&self) -> rusqlite::Result<()> {
        let now = self.clock.now().micros();
        self.host.write(|host| {
            host.execute("UPDATE messages SET visible_at = ?1, receipt = NULL, received = MAX(received - 1, 0) WHERE receipt IS NOT NULL AND visible_at > ?1", [now])
                .map(drop)
        })
    }

    fn hide(&self, host: &Connection, id: i64, message: &mut Message, now: Timestamp, hidden: Duration) -> rusqlite::Result<()> {
        let mut random = [0; 12];
        self.randomness.fill(&mut random);
        message.received += 1;
        message.visible_at = after(now, hidden);
        message.first_received_at = message.first_received_at.or(Some(now));
        message.receipt = Some(format!("{id}-{}", hex(&random)));
        host.prepare_cached("UPDATE messages SET received = ?2, visible_at = ?3, first_received_at = ?4, receipt = ?5 WHERE id = ?1")?
            .execute((
                id,
                message.received,
                message.visible_at.micros(),
                message.first_received_at.map(Timestamp::micros),
                &message.receipt,
            ))
            .map(drop)
    }
}

impl Message {
    /// What SQS itself says of the message.
    pub(crate) fn system_attributes(&self) -> Map<String, Value> {
        let first_received_at = self.first_received_at.unwrap_or(self.sent_at);
        let source = self.dead_letter_source.as_deref().map(arn::queue);
        let attributes = [
            ("ApproximateReceiveCount", Some(self.received.to_string())),
            ("SentTimestamp", Some((self.sent_at.micros() / 1000).to_string())),
            ("SenderId", Some(arn::ACCOUNT.to_owned())),
            ("ApproximateFirstReceiveTimestamp", Some((first_received_at.micros() / 1000).to_string())),
            ("DeadLetterQueueSourceArn", source),
        ];
        attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect()
    }

    /// The message as Lambda hands it to a function.
    pub(crate) fn event_record(&self, queue: &str) -> Value {
        json!({
            "messageId": self.message_id,
            "receiptHandle": self.receipt,
            "body": self.body,
            "attributes": self.system_attributes(),
            "messageAttributes": event_attributes(&self.attributes),
            "md5OfBody": format!("{:x}", md5::compute(&self.body)),
            "eventSource": "aws:sqs",
            "eventSourceARN": arn::queue(queue),
            "awsRegion": arn::REGION,
        })
    }
}

/// Message attributes in the spelling of Lambda's events.
fn event_attributes(attributes: &Value) -> Value {
    let members = attributes.as_object().into_iter().flatten();
    let spelled = members.map(|(name, attribute)| {
        let value = json!({
            "stringValue": attribute["StringValue"],
            "binaryValue": attribute["BinaryValue"],
            "binaryListValues": [],
            "stringListValues": [],
            "dataType": attribute["DataType"],
        });
        (name.clone(), value)
    });
    Value::Object(spelled.collect())
}

fn due(host: &Connection, queue: &str, now: Timestamp, most: usize) -> rusqlite::Result<Vec<(i64, Message)>> {
    host.prepare_cached(&format!(
        "SELECT id, {COLUMNS} FROM messages WHERE queue = ?1 AND visible_at <= ?2 ORDER BY visible_at, id LIMIT ?3"
    ))?
    .query_map((queue, now.micros(), most as i64), |row| Ok((row.get(0)?, message(row, 1)?)))?
    .collect()
}

/// Moves a message to the dead-letter queue, where its age goes on counting.
fn bury(host: &Connection, id: i64, queue: &str, letters: &str, now: Timestamp) -> rusqlite::Result<()> {
    host.prepare_cached(
        "UPDATE messages SET queue = ?2, source = ?3, visible_at = ?4, received = 0, first_received_at = NULL, receipt = NULL WHERE id = ?1",
    )?
    .execute((id, letters, queue, now.micros()))
    .map(drop)
}

fn message(row: &Row<'_>, first: usize) -> rusqlite::Result<Message> {
    let time = |micros: i64| Timestamp::from_micros(micros).unwrap_or_else(|| Timestamp::new(Default::default()));
    Ok(Message {
        message_id: row.get(first)?,
        body: row.get(first + 1)?,
        attributes: serde_json::from_str(&row.get::<_, String>(first + 2)?).unwrap_or_default(),
        dead_letter_source: row.get(first + 3)?,
        sent_at: time(row.get(first + 4)?),
        visible_at: time(row.get(first + 5)?),
        received: row.get(first + 6)?,
        first_received_at: row.get::<_, Option<i64>>(first + 7)?.map(time),
        receipt: row.get(first + 8)?,
    })
}

/// The row a receipt names; receipts of other forms name none.
fn id_of(receipt: &str) -> i64 {
    row_of(receipt).unwrap_or(-1)
}

fn row_of(receipt: &str) -> Option<i64> {
    receipt.split_once('-')?.0.parse().ok()
}

/// Deletes what is past a queue's retention; who has a message in hand may finish it.
fn expire(host: &Connection, queue: &Queue, now: Timestamp) -> rusqlite::Result<()> {
    let oldest = earlier(now, queue.retention).micros();
    host.prepare_cached("DELETE FROM messages WHERE queue = ?1 AND visible_at <= ?2 AND sent_at < ?3")?
        .execute((&queue.name, now.micros(), oldest))
        .map(drop)
}

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.plus(TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX))
}

fn earlier(time: Timestamp, duration: Duration) -> Timestamp {
    time.plus(-TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX))
}
