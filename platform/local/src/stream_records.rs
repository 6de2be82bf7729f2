//! Reads the stream records the embedded database keeps, from a place onwards, and deletes old ones.

use rusqlite::Connection;
use serde_json::Value;

use crate::engine::{Engine, last_id};

/// A record as the embedded database keeps it.
pub(crate) struct Kept {
    /// Its place: rises in the order of commits, over all tables.
    pub id: i64,
    pub event: String,
    pub keys: Value,
    pub new_image: Option<Value>,
    pub old_image: Option<Value>,
    /// By the machine's clock, in seconds.
    pub created_at: i64,
    pub size: usize,
    pub by_time_to_live: bool,
}

/// Some records, and how far the reading got.
pub(crate) struct Page {
    pub records: Vec<Kept>,
    /// Every record of the table up to here is in this page or before it.
    pub read_to: i64,
}

/// The table's records after a place, at most `limit`, at most `until`.
pub(crate) fn after(engine: &Engine, table: &str, place: i64, until: Option<i64>, limit: usize) -> rusqlite::Result<Page> {
    engine.read(|connection| {
        // Asked first: what is committed in between is found by the next page.
        let end = last_id(connection)?.min(until.unwrap_or(i64::MAX));
        let records = if end > place { select(connection, table, place, end, limit)? } else { Vec::new() };
        let read_to = match records.last() {
            Some(last) if records.len() == limit => last.id,
            _ => end.max(place),
        };
        Ok(Page { records, read_to })
    })
}

fn select(connection: &Connection, table: &str, place: i64, end: i64, limit: usize) -> rusqlite::Result<Vec<Kept>> {
    // NOT INDEXED: by primary key from the place on. The index by number would be sorted first.
    let mut statement = connection.prepare_cached(
        "SELECT id, event_name, keys_json, new_image, old_image, created_at, user_identity
         FROM _stream_records NOT INDEXED WHERE table_name = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4",
    )?;
    statement
        .query_map((table, place, end, limit as i64), |row| {
            let keys: String = row.get(2)?;
            let new_image: Option<String> = row.get(3)?;
            let old_image: Option<String> = row.get(4)?;
            let size = [Some(&keys), new_image.as_ref(), old_image.as_ref()].into_iter().flatten().map(String::len).sum();
            Ok(Kept {
                id: row.get(0)?,
                event: row.get(1)?,
                keys: parse(&keys),
                new_image: new_image.as_deref().map(parse),
                old_image: old_image.as_deref().map(parse),
                created_at: row.get(5)?,
                size,
                by_time_to_live: row.get::<_, Option<String>>(6)?.is_some(),
            })
        })?
        .collect()
}

/// What the engine wrote is JSON; anything else would be a damaged file, and shows as null.
fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

impl Kept {
    /// A write that changed nothing: AWS makes no record of it, the embedded database does.
    pub fn changes_nothing(&self) -> bool {
        self.event == "MODIFY" && self.new_image.is_some() && self.new_image == self.old_image
    }
}

/// The place of the last record of any table.
pub(crate) fn end(engine: &Engine) -> rusqlite::Result<i64> {
    engine.read(last_id)
}

/// The place of the table's last record; 0 when there is none.
pub(crate) fn end_of(engine: &Engine, table: &str) -> rusqlite::Result<i64> {
    engine.read(|connection| {
        // By the index that keeps writes fast: numbers rise with ids.
        connection
            .prepare_cached(
                "SELECT COALESCE((SELECT id FROM _stream_records WHERE table_name = ?1
                 ORDER BY CAST(sequence_number AS INTEGER) DESC LIMIT 1), 0)",
            )?
            .query_row([table], |row| row.get(0))
    })
}

/// The oldest records of a table: place and machine time.
pub(crate) fn oldest(engine: &Engine, table: &str, limit: usize) -> rusqlite::Result<Vec<(i64, i64)>> {
    engine.read(|connection| {
        connection
            .prepare_cached(
                "SELECT id, created_at FROM _stream_records WHERE table_name = ?1
                 ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?2",
            )?
            .query_map((table, limit as i64), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    })
}

/// Deletes the table's records up to a place.
pub(crate) fn delete_to(engine: &Engine, table: &str, place: i64) -> rusqlite::Result<usize> {
    engine.write(|connection| {
        connection.prepare_cached("DELETE FROM _stream_records NOT INDEXED WHERE table_name = ?1 AND id <= ?2")?.execute((table, place))
    })
}
