//! Reads the stream records the embedded database keeps, from a place onwards, and deletes old ones.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
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
    /// Whether there was nothing more to read.
    pub is_last: bool,
}

/// Records looked at before others get their turn at the connection.
const MOST_LOOKED_AT: usize = 1000;

/// NOT INDEXED: by primary key from the place on. The index by number would be sorted first.
const AFTER: &str = "SELECT id, event_name, keys_json, new_image, old_image, created_at, user_identity
    FROM _stream_records NOT INDEXED WHERE table_name = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4";

/// The table's records after a place, at most `until`: up to `limit` of those whose keys are wanted. Images are read of those alone.
pub(crate) fn after(
    engine: &Engine,
    table: &str,
    place: i64,
    until: Option<i64>,
    limit: usize,
    is_wanted: impl Fn(&Value) -> bool,
) -> rusqlite::Result<Page> {
    engine.read(|connection| {
        // Asked first: what is committed in between is found by the next page.
        let end = last_id(connection)?.min(until.unwrap_or(i64::MAX));
        let mut page = Page { records: Vec::new(), read_to: end.max(place), is_last: true };
        // Up to the table's own last record: what follows are other tables' records, and there may be a million of them.
        let last = end.min(last_id_of(connection, table)?);
        if last <= place {
            return Ok(page);
        }
        let mut statement = connection.prepare_cached(AFTER)?;
        let mut rows = statement.query((table, place, last, MOST_LOOKED_AT as i64))?;
        let mut looked_at = 0;
        while let Some(row) = rows.next()? {
            looked_at += 1;
            let keys = row.get_ref(2)?.as_str()?;
            let (keys_size, keys) = (keys.len(), parse(keys));
            if is_wanted(&keys) {
                page.records.push(kept(row, keys, keys_size)?);
            }
            if page.records.len() == limit || looked_at == MOST_LOOKED_AT {
                page.read_to = row.get(0)?;
                page.is_last = page.read_to == last;
                break;
            }
        }
        Ok(page)
    })
}

fn kept(row: &Row<'_>, keys: Value, keys_size: usize) -> rusqlite::Result<Kept> {
    let image = |column: usize| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str_or_null()?);
    let (new_image, old_image) = (image(3)?, image(4)?);
    Ok(Kept {
        id: row.get(0)?,
        event: row.get(1)?,
        keys,
        size: keys_size + new_image.map_or(0, str::len) + old_image.map_or(0, str::len),
        new_image: new_image.map(parse),
        old_image: old_image.map(parse),
        created_at: row.get(5)?,
        by_time_to_live: row.get_ref(6)? != ValueRef::Null,
    })
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
    engine.read(|connection| last_id_of(connection, table))
}

fn last_id_of(connection: &Connection, table: &str) -> rusqlite::Result<i64> {
    // By the index that keeps writes fast: numbers rise with ids.
    connection
        .prepare_cached(
            "SELECT COALESCE((SELECT id FROM _stream_records WHERE table_name = ?1
             ORDER BY CAST(sequence_number AS INTEGER) DESC LIMIT 1), 0)",
        )?
        .query_row([table], |row| row.get(0))
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

#[cfg(test)]
mod tests {
    use annals_kit::{Clock, Timestamp};
    use rusqlite::StatementStatus;
    use serde_json::json;

    use super::*;
    use crate::config::{Durability, Store};
    use crate::dynamodb;

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(1_772_366_400).unwrap()
        }
    }

    fn run(engine: &Engine, operation: &str, request: &Value) {
        let work = dynamodb::read(operation, &request.to_string()).ok().unwrap();
        assert!(engine.run(&Noon, work)().is_ok(), "{operation}");
    }

    fn put(engine: &Engine, table: &str, key: usize) {
        run(engine, "PutItem", &json!({ "TableName": table, "Item": { "PK": { "S": key.to_string() } } }));
    }

    /// What the reading of records has cost the database since it was opened.
    fn steps(engine: &Engine) -> i32 {
        engine.read(|connection| Ok(connection.prepare_cached(AFTER)?.get_status(StatementStatus::VmStep))).unwrap()
    }

    #[test]
    fn a_quiet_tables_place_is_not_looked_for_among_a_busy_ones_records() {
        let engine = Engine::open(&Store::Memory, Durability::Process).unwrap();
        for table in ["quiet", "busy"] {
            let key = json!([{ "AttributeName": "PK", "KeyType": "HASH" }]);
            let types = json!([{ "AttributeName": "PK", "AttributeType": "S" }]);
            let stream = json!({ "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" });
            let definition = json!({ "TableName": table, "KeySchema": key, "AttributeDefinitions": types, "StreamSpecification": stream, "BillingMode": "PAY_PER_REQUEST" });
            run(&engine, "CreateTable", &definition);
        }
        put(&engine, "quiet", 0);
        (0..300).for_each(|key| put(&engine, "busy", key));
        let first = after(&engine, "quiet", 0, None, 10, |_| true).unwrap();
        assert_eq!((first.records.len(), first.is_last), (1, true));
        let place = first.records[0].id;
        let one_found = steps(&engine);
        let more = after(&engine, "quiet", place, None, 10, |_| true).unwrap();
        assert_eq!((more.records.len(), more.is_last, more.read_to), (0, true, place + 300));
        assert!(steps(&engine) - one_found < 300, "{} steps", steps(&engine) - one_found);
    }
}
