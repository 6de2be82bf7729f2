//! Keeps what AWS would keep beside the tables: checkpoints, queues, archives, alarms, shards.
//!
//! A database of its own, so that its writes do not wait for the tables' and theirs not for it.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::config::{Durability, Store};
use crate::engine::lock;
use crate::open_error::OpenError;

/// The second database.
pub(crate) struct HostStore(Mutex<Connection>);

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS tables (name TEXT PRIMARY KEY, definition TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS streams (
  arn TEXT PRIMARY KEY, table_name TEXT NOT NULL, label TEXT NOT NULL, engine_label TEXT NOT NULL, view TEXT NOT NULL,
  key_schema TEXT NOT NULL, created_at INTEGER NOT NULL, disabled_at INTEGER, trimmed_to INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shards (
  stream TEXT NOT NULL, shard TEXT NOT NULL, parent TEXT, low INTEGER NOT NULL, high INTEGER NOT NULL,
  after INTEGER NOT NULL, until INTEGER, PRIMARY KEY (stream, shard)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoints (
  mapping TEXT NOT NULL, shard TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (mapping, shard)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS discarded (
  id INTEGER PRIMARY KEY AUTOINCREMENT, mapping TEXT NOT NULL, shard TEXT NOT NULL, at INTEGER NOT NULL,
  reason TEXT NOT NULL, attempts INTEGER NOT NULL, records TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, message_id TEXT NOT NULL, body TEXT NOT NULL,
  attributes TEXT NOT NULL, source TEXT, sent_at INTEGER NOT NULL, visible_at INTEGER NOT NULL,
  received INTEGER NOT NULL DEFAULT 0, first_received_at INTEGER, receipt TEXT);
CREATE INDEX IF NOT EXISTS messages_by_visibility ON messages(queue, visible_at, id);
CREATE TABLE IF NOT EXISTS archived (
  id INTEGER PRIMARY KEY AUTOINCREMENT, archive TEXT NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS archived_by_time ON archived(archive, at, id);
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, bus TEXT NOT NULL, rule TEXT NOT NULL, queue TEXT NOT NULL, letters TEXT,
  max_attempts INTEGER NOT NULL, max_age_seconds INTEGER NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL,
  accepted_at INTEGER NOT NULL, tries INTEGER NOT NULL, next_at INTEGER NOT NULL, error_code TEXT NOT NULL, error_message TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_by_time ON deliveries(next_at, id);
CREATE TABLE IF NOT EXISTS move_tasks (
  handle TEXT PRIMARY KEY, source TEXT NOT NULL, destination TEXT, per_second INTEGER NOT NULL, rate_asked INTEGER NOT NULL,
  status TEXT NOT NULL, failure TEXT, moved INTEGER NOT NULL, to_move INTEGER NOT NULL, started_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS schedules (
  name TEXT PRIMARY KEY, expression TEXT NOT NULL, time_zone TEXT NOT NULL, next_at INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS invocations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, schedule TEXT NOT NULL, execution TEXT NOT NULL, scheduled_at INTEGER NOT NULL,
  tries INTEGER NOT NULL, next_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS alarms (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at INTEGER NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS alarms_by_name ON alarms(name, id);
CREATE TABLE IF NOT EXISTS push_endpoints (arn TEXT PRIMARY KEY, enabled INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarm_ends (alarm INTEGER PRIMARY KEY, at INTEGER NOT NULL, reason TEXT NOT NULL);
";

impl HostStore {
    /// Opens or creates it.
    pub fn open(store: &Store, durability: Durability) -> Result<Self, OpenError> {
        match store {
            Store::Memory => Connection::open_in_memory()
                .and_then(|connection| prepare(connection, durability))
                .map_err(|error| damaged(Path::new("memory"), error)),
            Store::Directory(directory) => {
                let path = directory.join("host.db");
                Connection::open(&path).and_then(|connection| prepare(connection, durability)).map_err(|error| damaged(&path, error))
            }
        }
    }

    /// Reads.
    pub fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        query(&lock(&self.0))
    }

    /// Changes, all or nothing, durable on return.
    pub fn write<T>(&self, change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let mut connection = lock(&self.0);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = change(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

fn prepare(connection: Connection, durability: Durability) -> rusqlite::Result<HostStore> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", if durability == Durability::Power { "FULL" } else { "NORMAL" })?;
    // Messages and checkpoints are small and recent: the large page cache is for the tables.
    connection.pragma_update(None, "cache_size", -1000)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(SCHEMA)?;
    Ok(HostStore(Mutex::new(connection)))
}

fn damaged(path: &Path, error: rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    let (path, detail) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(NotADatabase | DatabaseCorrupt) => OpenError::Corrupt { path, detail },
        _ => OpenError::Database { path, detail },
    }
}
