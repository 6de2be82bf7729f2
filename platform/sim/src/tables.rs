//! Watches what is written: new commits become stream records, and the stamps of rows must not go back.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use annals_reads::Item;
use aws_lambda_events::dynamodb::{EventRecord, StreamRecord, StreamViewType};
use tokio::sync::Notify;

use crate::chance::Chance;
use crate::clock::SimClock;
use crate::world::text;

/// How long stream records are kept, in milliseconds.
pub const RECORDS_LIVE: u64 = 24 * 3_600_000;
/// Sequence numbers have 21 digits.
const NUMBERS_FROM: u128 = 100_000_000_000_000_000_000;

/// A record of a log's stream.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its place, from 1.
    pub place: u64,
    /// Where the item's partition key lies, which decides its shard.
    pub hash: u32,
    /// When it was written, in milliseconds of the run.
    pub at: u64,
    /// As functions get it.
    pub event: EventRecord,
}

/// What a call has written, as far as it is watched.
#[derive(Clone, Debug)]
pub enum Wrote {
    /// A commit.
    Commit {
        /// The log.
        table: String,
        /// The commit.
        item: Item,
    },
    /// Another item.
    Row {
        /// The table.
        table: String,
        /// `<PK> <SK>`.
        key: String,
        /// Revision and version, where it has them.
        stamp: Option<(u64, u64)>,
    },
    /// An item was deleted.
    Deleted {
        /// The table.
        table: String,
        /// `<PK> <SK>`.
        key: String,
    },
    /// A person's key was destroyed.
    Erased {
        /// `<PK> <SK>`.
        key: String,
    },
}

impl Wrote {
    /// An item was put.
    pub fn of(table: &str, item: &Item) -> Self {
        if table.ends_with("-log") {
            return Self::Commit { table: table.to_owned(), item: item.clone() };
        }
        let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
        Self::Row { table: table.to_owned(), key: key_of(item), stamp: number("rev").zip(number("ver")) }
    }

    /// The same of an item that nobody else needs.
    pub fn item(table: &str, item: Item) -> Self {
        match table.ends_with("-log") {
            true => Self::Commit { table: table.to_owned(), item },
            false => Self::of(table, &item),
        }
    }
}

/// What was written.
#[derive(Debug, Default)]
pub struct Tables {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<String, Vec<Record>>,
    news: BTreeMap<String, Arc<Notify>>,
    /// When each commit was inserted, by table, stream and version.
    inserted: BTreeMap<(String, String, String), u64>,
    stamps: HashMap<(String, String), (u64, u64)>,
    /// Rows that were put at a version below an earlier one of the same revision.
    went_back: Vec<String>,
    /// Keys of erased people that were written again.
    keys: BTreeMap<String, bool>,
    remade: Vec<String>,
    watched: u64,
}

impl Tables {
    /// Takes in what was written.
    pub fn written(&self, wrote: Vec<Wrote>, clock: &SimClock) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for one in wrote {
            match one {
                Wrote::Commit { table, item } => {
                    state.commit(&table, item, clock);
                    state.news.get(&table).inspect(|news| news.notify_waiters());
                }
                Wrote::Row { table, key, stamp } => state.row(table, key, stamp),
                Wrote::Deleted { table, key } => drop(state.stamps.remove(&(table, key))),
                Wrote::Erased { key } => drop(state.keys.insert(key, true)),
            }
        }
    }

    /// Who waits for something new in a log's stream waits for this.
    pub fn news(&self, table: &str) -> Arc<Notify> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.news.entry(table.to_owned()).or_default().clone()
    }

    /// The records of a log's stream after a place, oldest first, as far as they are kept.
    pub fn records(&self, table: &str, after: u64, most: usize, wanted: impl Fn(&Record) -> bool, now: u64) -> Vec<Record> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(records) = state.records.get(table) else { return vec![] };
        let from = records.partition_point(|record| record.place <= after);
        let kept = |record: &&Record| record.at + RECORDS_LIVE > now && wanted(record);
        records[from..].iter().filter(kept).take(most).cloned().collect()
    }

    /// The last place of a log's stream; 0 where it has none.
    pub fn end(&self, table: &str) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.records.get(table).and_then(|records| records.last()).map_or(0, |record| record.place)
    }

    /// How many commits a stream has.
    pub fn head(&self, table: &str, stream: &str) -> u64 {
        let (table, stream) = (table.to_owned(), stream.to_owned());
        let all = (table.clone(), stream.clone(), String::new())..=(table, stream, "~".into());
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.inserted.range(all).next_back().and_then(|((_, _, version), _)| version.parse().ok()).unwrap_or(0)
    }

    /// When a commit was inserted, in milliseconds of the run.
    pub fn inserted_at(&self, table: &str, stream: &str, version: u64) -> Option<u64> {
        let key = (table.to_owned(), stream.to_owned(), format!("{version:020}"));
        self.state.lock().unwrap_or_else(PoisonError::into_inner).inserted.get(&key).copied()
    }

    /// Forgets a table's commits that were inserted at `since` or later, and what stands on them: the table was restored.
    pub fn restored(&self, log: &str, rows: &str, since: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.inserted.retain(|(table, _, _), at| table != log || *at < since);
        state.stamps.retain(|(table, _), _| table != rows);
    }

    /// Rows that went back, keys of erased people that were made again, and how many writes were watched.
    pub fn findings(&self) -> (Vec<String>, Vec<String>, u64) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.went_back.clone(), state.remade.clone(), state.watched)
    }
}

impl State {
    fn commit(&mut self, table: &str, item: Item, clock: &SimClock) {
        let (stream, version) = (text(&item, "PK").to_owned(), text(&item, "SK").to_owned());
        let records = self.records.entry(table.to_owned()).or_default();
        let place = records.len() as u64 + 1;
        let hash = (Chance::new(0).number(&[&stream], 0) >> 32) as u32;
        self.inserted.insert((table.to_owned(), stream, version), clock.elapsed());
        records.push(Record { place, hash, at: clock.elapsed(), event: event(place, table, item, clock) });
    }

    fn row(&mut self, table: String, key: String, stamp: Option<(u64, u64)>) {
        self.watched += 1;
        if key.starts_with("KEY#") && self.keys.get(&key) == Some(&true) {
            self.remade.push(key.clone());
        }
        let Some((revision, version)) = stamp else { return };
        let known = self.stamps.insert((table.clone(), key.clone()), (revision, version));
        if let Some(known) = known.filter(|known| revision < known.0 || revision == known.0 && version < known.1) {
            self.went_back.push(format!("{table} {key} from revision {} version {} to {revision}, {version}", known.0, known.1));
        }
    }
}

/// The record of a commit.
fn event(place: u64, table: &str, image: Item, clock: &SimClock) -> EventRecord {
    let key = |name: &str| (name.to_owned(), serde_dynamo::AttributeValue::S(text(&image, name).to_owned()));
    let mut change = StreamRecord::default();
    change.approximate_creation_date_time = chrono::DateTime::from_timestamp(clock.true_now().seconds(), 0).unwrap_or_default();
    change.keys = std::collections::HashMap::from([key("PK"), key("SK")]).into();
    change.sequence_number = Some((NUMBERS_FROM + u128::from(place)).to_string());
    change.size_bytes = 1;
    change.stream_view_type = Some(StreamViewType::NewAndOldImages);
    change.new_image = image.into();
    let mut record = EventRecord::default();
    record.aws_region = "eu-west-1".to_owned();
    record.change = change;
    record.event_id = place.to_string();
    record.event_name = "INSERT".to_owned();
    record.event_source = Some("aws:dynamodb".to_owned());
    record.event_version = Some("1.1".to_owned());
    record.event_source_arn = Some(format!("arn:aws:dynamodb:eu-west-1:000000000000:table/{table}/stream/2026-02-28T00:00:00.000"));
    record
}

/// `<PK> <SK>` of an item or key.
pub fn key_of(item: &Item) -> String {
    [text(item, "PK"), text(item, "SK")].join(" ")
}

/// The place of a sequence number.
pub fn place_of(number: &str) -> Option<u64> {
    number.parse::<u128>().ok()?.checked_sub(NUMBERS_FROM)?.try_into().ok()
}
