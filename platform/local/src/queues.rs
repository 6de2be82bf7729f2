//! Keeps queues: visibility, receive counts, dead letters. At least once, in no order anyone may rely on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use annals_kit::{Clock, Timestamp};
use chrono::TimeDelta;
use rusqlite::{Connection, Row};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::arn;
use crate::config::Queue;
use crate::host_store::HostStore;
use crate::observer::Observer;
use crate::randomness::{Randomness, hex, uuid};

/// The account's queues.
pub(crate) struct Queues {
    host: Arc<HostStore>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    queues: HashMap<String, (Queue, watch::Sender<u64>)>,
    observer: Option<Arc<dyn Observer>>,
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
        Self { host, clock, randomness, queues, observer }
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
            let oldest = earlier(now, queue.retention).micros();
            host.prepare_cached("DELETE FROM messages WHERE queue = ?1 AND visible_at <= ?2 AND sent_at < ?3")?.execute((
                &queue.name,
                now.micros(),
                oldest,
            ))?;
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

    /// Moves dead letters back, with new ids, as StartMessageMoveTask does.
    pub fn redrive(&self, from: &str, to: &str, most: usize) -> rusqlite::Result<usize> {
        let now = self.clock.now().micros();
        let moved = self.host.write(|host| {
            let ids: Vec<i64> = host
                .prepare_cached("SELECT id FROM messages WHERE queue = ?1 AND visible_at <= ?2 ORDER BY id LIMIT ?3")?
                .query_map((from, now, most as i64), |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for id in &ids {
                host.execute(
                    "UPDATE messages SET queue = ?2, message_id = ?3, sent_at = ?4, visible_at = ?4, received = 0,
                     first_received_at = NULL, receipt = NULL, source = NULL WHERE id = ?1",
                    (id, to, uuid(&*self.randomness), now),
                )?;
            }
            Ok(ids.len())
        })?;
        self.arrived(to);
        Ok(moved)
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
    /// The message as Lambda hands it to a function.
    pub(crate) fn event_record(&self, queue: &str) -> Value {
        let mut attributes = json!({
            "ApproximateReceiveCount": self.received.to_string(),
            "SentTimestamp": (self.sent_at.micros() / 1000).to_string(),
            "SenderId": arn::ACCOUNT,
            "ApproximateFirstReceiveTimestamp": (self.first_received_at.unwrap_or(self.sent_at).micros() / 1000).to_string(),
        });
        if let Some(source) = &self.dead_letter_source {
            attributes["DeadLetterQueueSourceArn"] = arn::queue(source).into();
        }
        json!({
            "messageId": self.message_id,
            "receiptHandle": self.receipt,
            "body": self.body,
            "attributes": attributes,
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
    receipt.split('-').next().and_then(|id| id.parse().ok()).unwrap_or(-1)
}

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.plus(TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX))
}

fn earlier(time: Timestamp, duration: Duration) -> Timestamp {
    time.plus(-TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX))
}
