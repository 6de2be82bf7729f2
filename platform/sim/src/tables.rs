//! Watches what is written: new commits become stream records, and the stamps of rows must not go back.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::chance::Chance;
use crate::clock::SimClock;
use crate::network::call::{Call, deleted, written};

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
    pub json: Value,
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
    /// Takes in a write that was done.
    pub fn written(&self, call: &Call, clock: &SimClock) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (table, key) in deleted(call) {
            state.stamps.remove(&(table, key_of(&key)));
        }
        for (table, item) in written(call) {
            match table.ends_with("-log") {
                true => {
                    state.commit(&table, item, clock);
                    state.news.get(&table).inspect(|news| news.notify_waiters());
                }
                false => state.row(&table, &item),
            }
        }
        if call.operation == "UpdateItem" && call.entity.starts_with("KEY#") && call.body.to_string().contains("erased_at") {
            state.keys.insert(call.entity.clone(), true);
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
    fn commit(&mut self, table: &str, item: Value, clock: &SimClock) {
        let part = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
        let (stream, version) = (part("PK"), part("SK"));
        let records = self.records.entry(table.to_owned()).or_default();
        let place = records.len() as u64 + 1;
        let hash = (Chance::new(0).number(&[&stream], 0) >> 32) as u32;
        self.inserted.insert((table.to_owned(), stream, version), clock.elapsed());
        let json = json!({
            "eventID": format!("{place}"), "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
            "eventSourceARN": format!("arn:aws:dynamodb:eu-west-1:000000000000:table/{table}/stream/2026-02-28T00:00:00.000"),
            "dynamodb": {
                "ApproximateCreationDateTime": clock.true_now().seconds(), "Keys": { "PK": item["PK"], "SK": item["SK"] },
                "SequenceNumber": (NUMBERS_FROM + u128::from(place)).to_string(), "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
                "NewImage": item,
            },
        });
        records.push(Record { place, hash, at: clock.elapsed(), json });
    }

    fn row(&mut self, table: &str, item: &Value) {
        self.watched += 1;
        let key = key_of(item);
        if key.starts_with("KEY#") && self.keys.get(&key) == Some(&true) {
            self.remade.push(key.clone());
        }
        let number = |name: &str| item[name]["N"].as_str().and_then(|digits| digits.parse::<u64>().ok());
        let (Some(revision), Some(version)) = (number("rev"), number("ver")) else { return };
        let known = self.stamps.insert((table.to_owned(), key.clone()), (revision, version));
        if let Some(known) = known.filter(|known| revision < known.0 || revision == known.0 && version < known.1) {
            self.went_back.push(format!("{table} {key} from revision {} version {} to {revision}, {version}", known.0, known.1));
        }
    }
}

/// `<PK> <SK>` of an item or key.
fn key_of(item: &Value) -> String {
    format!("{} {}", item["PK"]["S"].as_str().unwrap_or_default(), item["SK"]["S"].as_str().unwrap_or_default())
}

/// The place of a sequence number.
pub fn place_of(number: &str) -> Option<u64> {
    number.parse::<u128>().ok()?.checked_sub(NUMBERS_FROM)?.try_into().ok()
}
