//! Stores how far each mapping got in each shard, and the records it gave up on.

use std::sync::{Arc, Mutex};

use annals_kit::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use crate::account::Account;
use crate::engine::lock;
use crate::faults::{Batch, BatchFault};
use crate::host_store::HostStore;

/// Records a mapping gave up on: what AWS sends to the on-failure destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Discarded {
    /// The mapping.
    pub mapping: String,
    /// The shard they were in.
    pub shard: String,
    /// When it gave up.
    pub at: Timestamp,
    /// `RetryAttemptsExhausted` or `RecordAgeExceeded`.
    pub reason: String,
    /// How often they were tried.
    pub attempts: u32,
    /// The records, as the function got them.
    pub records: Value,
}

/// The place up to which the mapping handled the shard, if it began.
pub(crate) fn load(host: &HostStore, mapping: &str, stream: &str, shard: &str) -> rusqlite::Result<Option<i64>> {
    host.read(|connection| {
        connection
            .prepare_cached("SELECT position FROM checkpoints WHERE mapping = ?1 AND shard = ?2")?
            .query_row((mapping, key(stream, shard)), |row| row.get(0))
            .optional()
    })
}

/// How far a mapping got in a shard: up to the first record that waits or is under way in any of its lanes.
pub(crate) struct Checkpoint {
    account: Arc<Account>,
    mapping: String,
    stream: String,
    shard: String,
    state: Mutex<State>,
}

struct State {
    /// The first place of each lane that is not handled.
    lanes: Vec<Option<i64>>,
    /// Every record up to here is in a lane, or handled.
    read_to: i64,
    stored: i64,
}

impl State {
    fn position(&self) -> i64 {
        self.lanes.iter().flatten().min().map_or(self.read_to, |first| first - 1)
    }
}

impl Checkpoint {
    pub fn new(account: Arc<Account>, mapping: &str, stream: &str, shard: &str, lanes: usize, position: i64) -> Self {
        let state = State { lanes: vec![None; lanes], read_to: position, stored: position };
        let (mapping, stream, shard) = (mapping.to_owned(), stream.to_owned(), shard.to_owned());
        Self { account, mapping, stream, shard, state: Mutex::new(state) }
    }

    /// These lanes wait with these places first, and the shard was read up to `read_to`.
    pub fn waiting(&self, lanes: impl Iterator<Item = (usize, Option<i64>)>, read_to: i64) {
        let mut state = lock(&self.state);
        lanes.for_each(|(lane, first)| state.lanes[lane] = first);
        state.read_to = read_to;
        // A lane that was ahead of the others when it ended is counted here. With one lane there is none, and nothing to store again.
        let position = state.position();
        if state.lanes.len() > 1 && position > state.stored {
            self.store(&mut state, position, |_| Ok(()));
        }
        self.reached(&state);
    }

    /// A lane is done with everything up to `last`.
    pub fn advance(&self, lane: usize, last: i64) {
        let mut state = lock(&self.state);
        state.lanes[lane] = Some(last + 1);
        if !self.is_lost() {
            let position = state.position();
            self.store(&mut state, position, |_| Ok(()));
        }
        self.reached(&state);
    }

    /// A lane is done with everything up to `last`, and keeps what it gave up on, in one step.
    pub fn discard(&self, lane: usize, discarded: &Discarded, last: i64) {
        let mut state = lock(&self.state);
        state.lanes[lane] = Some(last + 1);
        let position = state.position();
        self.store(&mut state, position, |connection| insert(connection, discarded));
        self.reached(&state);
    }

    /// The shard is closed, and everything in it handled.
    pub fn ended(&self, end: i64) {
        let mut state = lock(&self.state);
        state.read_to = end;
        self.store(&mut state, end, |_| Ok(()));
        self.reached(&state);
    }

    /// What cannot be stored now is stored with the next batch, or comes again after a restart.
    fn store(&self, state: &mut State, position: i64, more: impl FnOnce(&Connection) -> rusqlite::Result<()>) {
        let stored = self.account.host.write(|connection| {
            more(connection)?;
            connection
                .prepare_cached(
                    "INSERT INTO checkpoints (mapping, shard, position) VALUES (?1, ?2, ?3)
                     ON CONFLICT (mapping, shard) DO UPDATE SET position = excluded.position",
                )?
                .execute((&self.mapping, key(&self.stream, &self.shard), position))
        });
        match stored {
            Ok(_) => state.stored = position,
            Err(error) => tracing::error!(mapping = self.mapping, %error, "the checkpoint could not be stored"),
        }
    }

    fn reached(&self, state: &State) {
        self.account.progress.reached(&self.mapping, &self.stream, &self.shard, state.position());
    }

    fn is_lost(&self) -> bool {
        let batch = Batch { mapping: &self.mapping, shard: &self.shard, records: &[], attempt: 0 };
        self.account.faults.as_ref().is_some_and(|faults| faults.batch(&batch) == BatchFault::LoseCheckpoint)
    }
}

fn insert(connection: &Connection, discarded: &Discarded) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO discarded (mapping, shard, at, reason, attempts, records) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                &discarded.mapping,
                &discarded.shard,
                discarded.at.micros(),
                &discarded.reason,
                discarded.attempts,
                discarded.records.to_string(),
            ),
        )
        .map(drop)
}

/// What mappings gave up on, oldest first.
pub(crate) fn discarded(host: &HostStore) -> rusqlite::Result<Vec<Discarded>> {
    host.read(|connection| {
        connection
            .prepare_cached("SELECT mapping, shard, at, reason, attempts, records FROM discarded ORDER BY id")?
            .query_map([], |row| {
                Ok(Discarded {
                    mapping: row.get(0)?,
                    shard: row.get(1)?,
                    at: Timestamp::from_micros(row.get(2)?).unwrap_or_else(|| Timestamp::new(Default::default())),
                    reason: row.get(3)?,
                    attempts: row.get(4)?,
                    records: serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default(),
                })
            })?
            .collect()
    })
}

/// Shards are numbered per stream.
fn key(stream: &str, shard: &str) -> String {
    format!("{stream}/{shard}")
}
