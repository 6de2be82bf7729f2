//! Stores how far each mapping got in each shard, and the records it gave up on.

use annals_kit::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

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

/// Stores that place.
pub(crate) fn save(host: &HostStore, mapping: &str, stream: &str, shard: &str, position: i64) -> rusqlite::Result<()> {
    host.write(|connection| store(connection, mapping, &key(stream, shard), position))
}

/// Keeps records and goes on after them, in one step.
pub(crate) fn discard(host: &HostStore, stream: &str, discarded: &Discarded, position: i64) -> rusqlite::Result<()> {
    host.write(|connection| {
        connection.execute(
            "INSERT INTO discarded (mapping, shard, at, reason, attempts, records) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                &discarded.mapping,
                &discarded.shard,
                discarded.at.micros(),
                &discarded.reason,
                discarded.attempts,
                discarded.records.to_string(),
            ),
        )?;
        store(connection, &discarded.mapping, &key(stream, &discarded.shard), position)
    })
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

fn store(connection: &Connection, mapping: &str, shard: &str, position: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO checkpoints (mapping, shard, position) VALUES (?1, ?2, ?3)
             ON CONFLICT (mapping, shard) DO UPDATE SET position = excluded.position",
        )?
        .execute((mapping, shard, position))
        .map(drop)
}
