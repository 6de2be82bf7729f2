//! Shows a table's changes as DynamoDB Streams does: streams, shards that split, records with numbers.
//!
//! The embedded database keeps one list of records. A shard is a range of partition key hashes and a range of
//! places in that list; a record's sequence number is its place.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use annals_kit::{Clock, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::arn;
use crate::engine::Engine;
use crate::host_store::HostStore;
use crate::randomness::hex;
use crate::stream_records::{self, Kept};

/// The streams of the account's tables.
pub(crate) struct Streams {
    engine: Arc<Engine>,
    host: Arc<HostStore>,
    clock: Arc<dyn Clock>,
    new_shards: u32,
    live: RwLock<HashMap<String, Live>>,
}

/// The enabled stream of a table.
#[derive(Clone)]
struct Live {
    stream: Arc<Stream>,
    /// Counts writes, for whoever waits for records.
    writes: watch::Sender<u64>,
}

/// A stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub arn: String,
    pub table: String,
    pub label: String,
    /// What the engine calls it, in its own answers.
    pub engine_label: String,
    pub view: String,
    pub key_schema: Value,
    pub created_at: Timestamp,
    /// When it was switched off; it stays readable until its records go.
    pub disabled_at: Option<Timestamp>,
}

/// A shard of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub id: String,
    pub parent: Option<String>,
    /// The hashes of its partition keys, both ends included.
    pub low: u32,
    pub high: u32,
    /// Its records come after this place,
    pub after: i64,
    /// and up to this one, once it is closed.
    pub until: Option<i64>,
}

/// A record of a shard.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub place: i64,
    pub written_at: Timestamp,
    pub json: Value,
    pub size: usize,
}

/// Some records of a shard, and how far the reading got.
pub(crate) struct Page {
    pub records: Vec<Record>,
    pub read_to: i64,
}

impl Streams {
    pub fn new(engine: Arc<Engine>, host: Arc<HostStore>, clock: Arc<dyn Clock>, new_shards: u32) -> Self {
        Self { engine, host, clock, new_shards: new_shards.max(1), live: RwLock::default() }
    }

    /// Learns which streams there are now. Called at the start and when a table was created, changed or deleted.
    pub fn refresh(&self) -> rusqlite::Result<()> {
        let enabled = self.engine.read(enabled_streams)?;
        let end = stream_records::end(&self.engine)?;
        let now = self.clock.now();
        let known = self.host.write(|host| {
            close_others(host, &enabled, end, now)?;
            for found in &enabled {
                insert_if_new(host, found, end, now, self.new_shards)?;
            }
            select(host, "disabled_at IS NULL AND ?1 = ''", "")
        })?;
        let mut live = self.live.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut before = std::mem::take(&mut *live);
        for stream in known {
            // Whoever waits for the table's records goes on waiting for the new stream's.
            let writes = before.remove(&stream.table).map_or_else(|| watch::Sender::new(0), |old| old.writes);
            writes.send_modify(|count| *count += 1);
            live.insert(stream.table.clone(), Live { stream: Arc::new(stream), writes });
        }
        Ok(())
    }

    /// The enabled stream of a table.
    pub fn of(&self, table: &str) -> Option<Arc<Stream>> {
        self.live(table).map(|live| live.stream)
    }

    /// Every enabled stream.
    pub fn all(&self) -> Vec<Arc<Stream>> {
        let live = self.live.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        live.values().map(|live| live.stream.clone()).collect()
    }

    /// Every stream there is or was, by table and age; those of one table if one is given.
    pub fn list(&self, table: Option<&str>) -> rusqlite::Result<Vec<Stream>> {
        match table {
            Some(table) => self.host.read(|host| select(host, "table_name = ?1", table)),
            None => self.host.read(|host| select(host, "?1 = ''", "")),
        }
    }

    /// The stream of this ARN, enabled or not.
    pub fn find(&self, arn: &str) -> rusqlite::Result<Option<Stream>> {
        Ok(self.host.read(|host| select(host, "arn = ?1", arn))?.pop())
    }

    /// The place up to which a stream's records are gone.
    pub fn trimmed_to(&self, arn: &str) -> rusqlite::Result<i64> {
        self.host.read(|host| host.prepare_cached("SELECT trimmed_to FROM streams WHERE arn = ?1")?.query_row([arn], |row| row.get(0)))
    }

    /// Notes that a table's records are gone up to this place.
    pub fn note_trimmed(&self, table: &str, place: i64) -> rusqlite::Result<()> {
        self.host.write(|host| {
            host.execute("UPDATE streams SET trimmed_to = MAX(trimmed_to, ?2) WHERE table_name = ?1", (table, place)).map(drop)
        })
    }

    /// Says that a table was written.
    pub fn written(&self, table: &str) {
        if let Some(live) = self.live.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(table) {
            live.writes.send_modify(|count| *count += 1);
        }
    }

    /// Changes whenever the table is written.
    pub fn writes(&self, table: &str) -> Option<watch::Receiver<u64>> {
        self.live(table).map(|live| live.writes.subscribe())
    }

    /// The shards of a stream, parents before children.
    pub fn shards(&self, stream: &str) -> rusqlite::Result<Vec<Shard>> {
        self.host.read(|host| {
            host.prepare_cached("SELECT shard, parent, low, high, after, until FROM shards WHERE stream = ?1 ORDER BY after, shard")?
                .query_map([stream], |row| {
                    Ok(Shard {
                        id: row.get(0)?,
                        parent: row.get(1)?,
                        low: row.get(2)?,
                        high: row.get(3)?,
                        after: row.get(4)?,
                        until: row.get(5)?,
                    })
                })?
                .collect()
        })
    }

    /// Splits an open shard in two. False when it is closed, or too narrow.
    pub fn split(&self, stream: &Stream, shard: &str) -> rusqlite::Result<bool> {
        let end = stream_records::end(&self.engine)?;
        let shards = self.shards(&stream.arn)?;
        let Some(parent) = shards.iter().find(|other| other.id == shard && other.until.is_none() && other.low < other.high) else {
            return Ok(false);
        };
        let middle = parent.low + (parent.high - parent.low) / 2;
        self.host.write(|host| {
            host.execute("UPDATE shards SET until = ?3 WHERE stream = ?1 AND shard = ?2", (&stream.arn, shard, end))?;
            insert_shard(host, &stream.arn, Some(shard), (parent.low, middle), end)?;
            insert_shard(host, &stream.arn, Some(shard), (middle + 1, parent.high), end)
        })?;
        self.written(&stream.table);
        Ok(true)
    }

    /// Records of a shard after a place, at most `limit`; fewer only when there are no more.
    pub fn read(&self, stream: &Stream, shard: &Shard, place: i64, limit: usize) -> rusqlite::Result<Page> {
        let mut found = Page { records: Vec::new(), read_to: place.max(shard.after) };
        loop {
            let wanted = limit - found.records.len();
            let is_ours = |keys: &Value| shard.holds(&keys[stream.partition_key()]);
            let page = stream_records::after(&self.engine, &stream.table, found.read_to, shard.until, wanted, is_ours)?;
            let changes = page.records.into_iter().filter(|kept| !kept.changes_nothing());
            found.records.extend(changes.map(|kept| self.record(stream, kept)));
            found.read_to = page.read_to;
            if page.is_last || found.records.len() == limit {
                return Ok(found);
            }
        }
    }

    /// The place up to which a shard has or may have records by now.
    pub fn end(&self, stream: &Stream, shard: &Shard) -> rusqlite::Result<i64> {
        let end = stream_records::end_of(&self.engine, &stream.table)?;
        Ok(shard.until.map_or(end, |until| until.min(end)))
    }

    fn live(&self, table: &str) -> Option<Live> {
        self.live.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(table).cloned()
    }

    fn record(&self, stream: &Stream, kept: Kept) -> Record {
        // Before this process there are no marks; the machine's clock will do.
        let written_at = self.engine.written_at(kept.id).or_else(|| Timestamp::from_seconds(kept.created_at));
        let written_at = written_at.unwrap_or_else(|| self.clock.now());
        let mut change = json!({
            "ApproximateCreationDateTime": written_at.seconds(),
            "Keys": kept.keys,
            "SequenceNumber": sequence_number(kept.id),
            "SizeBytes": kept.size,
            "StreamViewType": stream.view,
        });
        if let Some(image) = kept.new_image {
            change["NewImage"] = image;
        }
        if let Some(image) = kept.old_image {
            change["OldImage"] = image;
        }
        let mut json = json!({
            "eventID": event_id(&stream.arn, kept.id),
            "eventName": kept.event,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": arn::REGION,
            "dynamodb": change,
            "eventSourceARN": stream.arn,
        });
        if kept.by_time_to_live {
            json["userIdentity"] = json!({ "type": "Service", "principalId": "dynamodb.amazonaws.com" });
        }
        Record { place: kept.id, written_at, json, size: kept.size }
    }
}

impl Stream {
    fn partition_key(&self) -> &str {
        let hash_key = self.key_schema.as_array().and_then(|keys| keys.iter().find(|key| key["KeyType"] == "HASH"));
        hash_key.and_then(|key| key["AttributeName"].as_str()).unwrap_or_default()
    }
}

impl Shard {
    /// Whether items with this partition key are of this shard.
    fn holds(&self, partition_key: &Value) -> bool {
        (self.low == 0 && self.high == u32::MAX) || (self.low..=self.high).contains(&hash(partition_key))
    }
}

const NUMBERS_FROM: i128 = 100_000_000_000_000_000_000;

/// The sequence number of a place: 21 digits, so that order of text is order of places.
pub(crate) fn sequence_number(place: i64) -> String {
    (NUMBERS_FROM + i128::from(place)).to_string()
}

/// The place of a sequence number; `None` when it was never given out in this form.
pub(crate) fn place(sequence_number: &str) -> Option<i64> {
    let number: i128 = sequence_number.parse().ok()?;
    i64::try_from(number - NUMBERS_FROM).ok().filter(|place| *place >= 0 && sequence_number.len() == 21)
}

fn hash(partition_key: &Value) -> u32 {
    let digest = Sha256::digest(partition_key.to_string());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

fn event_id(stream: &str, place: i64) -> String {
    hex(&Sha256::digest(format!("{stream}/{place}"))[..16])
}

/// A stream as the engine's own tables describe it.
struct Found {
    table: String,
    engine_label: String,
    view: String,
    key_schema: String,
}

fn enabled_streams(engine: &Connection) -> rusqlite::Result<Vec<Found>> {
    engine
        .prepare("SELECT table_name, stream_label, stream_view_type, key_schema FROM _tables WHERE stream_enabled = 1")?
        .query_map([], |row| {
            Ok(Found {
                table: row.get(0)?,
                engine_label: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                view: row.get::<_, Option<String>>(2)?.unwrap_or_else(|| "NEW_AND_OLD_IMAGES".to_owned()),
                key_schema: row.get(3)?,
            })
        })?
        .collect()
}

/// The streams for which a condition on `?1` holds.
fn select(host: &Connection, condition: &str, argument: &str) -> rusqlite::Result<Vec<Stream>> {
    let columns = "arn, table_name, label, engine_label, view, key_schema, created_at, disabled_at";
    host.prepare_cached(&format!("SELECT {columns} FROM streams WHERE {condition} ORDER BY table_name, created_at, arn"))?
        .query_map([argument], |row| {
            Ok(Stream {
                arn: row.get(0)?,
                table: row.get(1)?,
                label: row.get(2)?,
                engine_label: row.get(3)?,
                view: row.get(4)?,
                key_schema: serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default(),
                created_at: Timestamp::from_micros(row.get(6)?).unwrap_or_else(|| Timestamp::new(Default::default())),
                disabled_at: row.get::<_, Option<i64>>(7)?.and_then(Timestamp::from_micros),
            })
        })?
        .collect()
}

/// Closes the streams that are not enabled any more; they stay readable until their records go.
fn close_others(host: &Connection, enabled: &[Found], end: i64, now: Timestamp) -> rusqlite::Result<()> {
    let open: Vec<(String, String, String)> = host
        .prepare("SELECT arn, table_name, engine_label FROM streams WHERE disabled_at IS NULL")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (arn, table, label) in open {
        if enabled.iter().any(|found| found.table == table && found.engine_label == label) {
            continue;
        }
        host.execute("UPDATE streams SET disabled_at = ?2 WHERE arn = ?1", (&arn, now.micros()))?;
        host.execute("UPDATE shards SET until = ?2 WHERE stream = ?1 AND until IS NULL", (&arn, end))?;
    }
    Ok(())
}

fn insert_if_new(host: &Connection, found: &Found, end: i64, now: Timestamp, shards: u32) -> rusqlite::Result<()> {
    let known = "SELECT EXISTS (SELECT 1 FROM streams WHERE table_name = ?1 AND engine_label = ?2 AND disabled_at IS NULL)";
    if host.query_row(known, (&found.table, &found.engine_label), |row| row.get(0))? {
        return Ok(());
    }
    let (arn, label) = new_name(host, &found.table, now)?;
    host.execute(
        "INSERT INTO streams (arn, table_name, label, engine_label, view, key_schema, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (&arn, &found.table, &label, &found.engine_label, &found.view, &found.key_schema, now.micros()),
    )?;
    let width = u32::MAX / shards;
    for number in 0..shards {
        let high = if number + 1 == shards { u32::MAX } else { (number + 1) * width - 1 };
        insert_shard(host, &arn, None, (number * width, high), end)?;
    }
    Ok(())
}

/// A stream that is enabled again has a new name, however short the pause was.
fn new_name(host: &Connection, table: &str, now: Timestamp) -> rusqlite::Result<(String, String)> {
    let mut at = now;
    loop {
        let label = at.to_string()[..23].to_owned();
        let arn = arn::stream(table, &label);
        let taken: bool = host.query_row("SELECT EXISTS (SELECT 1 FROM streams WHERE arn = ?1)", [&arn], |row| row.get(0))?;
        if !taken {
            return Ok((arn, label));
        }
        at = at.plus(chrono::TimeDelta::milliseconds(1));
    }
}

fn insert_shard(host: &Connection, stream: &str, parent: Option<&str>, (low, high): (u32, u32), after: i64) -> rusqlite::Result<()> {
    let number: i64 = host.query_row("SELECT COUNT(*) FROM shards WHERE stream = ?1", [stream], |row| row.get(0))?;
    let id = format!("shardId-{:020}-{low:08x}", number + 1);
    host.execute(
        "INSERT INTO shards (stream, shard, parent, low, high, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (stream, id, parent, low, high, after),
    )
    .map(drop)
}
