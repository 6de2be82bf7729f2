//! Owns the embedded DynamoDB: one connection of its own, and one of ours beside it on the same SQLite database.
//!
//! The second connection adds the index without which every write to a table with a stream scans all
//! stream records, and reads those records from a place instead of from the start.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use annals_kit::{Clock, Timestamp};
use dynoxide::{Database, DynoxideError};
use rusqlite::Connection;

use crate::config::{Durability, Store};
use crate::open_error::OpenError;

/// The embedded database.
pub(crate) struct Engine {
    /// Where it is, for messages.
    pub path: PathBuf,
    database: Database,
    /// The write-ahead log, where writes must reach the disk. The database's own connection runs at synchronous=NORMAL
    /// (`.cargo/config.toml`) and cannot be told otherwise; what it has appended is flushed here, before the answer.
    wal: Option<File>,
    beside: Mutex<Connection>,
    /// One writer at a time over both connections: SQLite would make the other one poll. In shared memory
    /// readers too, as they would fail with SQLITE_LOCKED instead of waiting.
    writer: Mutex<()>,
    readers_wait: bool,
    marks: Mutex<Marks>,
    /// Tables that scans in parts find their way in.
    parted: Mutex<HashSet<String>>,
}

/// When which stream records were written, by the injected clock: record ids above the first were written at
/// or after the second. The database itself stamps records with the machine's time.
#[derive(Default)]
struct Marks(Vec<(i64, Timestamp)>);

impl Engine {
    /// Opens or creates the database of `store`.
    pub fn open(store: &Store, durability: Durability) -> Result<Self, OpenError> {
        let (name, path) = match store {
            Store::Memory => (memory_name(), PathBuf::from("memory")),
            Store::Directory(directory) => {
                let path = directory.join("dynamodb.db");
                (path.to_string_lossy().into_owned(), path)
            }
        };
        if let Store::Directory(_) = store {
            shape(&path).map_err(|error| open_error(&path, error.into()))?;
        }
        let database = Database::new(&name).map_err(|error| open_error(&path, error))?;
        let beside = Connection::open(&name).and_then(prepare).map_err(|error| open_error(&path, error.into()))?;
        let wal = match (durability, store) {
            (Durability::Power, Store::Directory(_)) => Some(wal(&path)?),
            _ => None,
        };
        let readers_wait = *store == Store::Memory;
        Ok(Self {
            path,
            database,
            wal,
            beside: Mutex::new(beside),
            writer: Mutex::default(),
            readers_wait,
            marks: Mutex::default(),
            parted: Mutex::default(),
        })
    }

    /// Runs operations of the embedded database. `clock` dates the stream records they write.
    pub fn run<T>(&self, clock: &dyn Clock, operation: impl FnOnce(&Database) -> T) -> T {
        let _writing = lock(&self.writer);
        self.mark(clock.now());
        let result = operation(&self.database);
        if let Some(wal) = &self.wal {
            // A disk that does not take writes takes no promises either: better no answer than a wrong one.
            wal.sync_data().expect("the disk takes what was written");
        }
        result
    }

    fn mark(&self, now: Timestamp) {
        let mut marks = lock(&self.marks);
        if marks.0.last().is_none_or(|(_, at)| at.seconds() != now.seconds()) {
            let last = last_id(&lock(&self.beside)).unwrap_or(0);
            marks.0.push((last, now));
        }
    }

    /// Reads through the second connection.
    pub fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let _waiting = self.readers_wait.then(|| lock(&self.writer));
        query(&lock(&self.beside))
    }

    /// Writes through the second connection. Keep it short: every client waits.
    pub fn write<T>(&self, change: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let _writing = lock(&self.writer);
        change(&lock(&self.beside))
    }

    /// Prepares a table for being scanned in parts. The database takes the items of a part in the order of their keys' hashes, and without
    /// this index reads and sorts the whole table for each page. A table that is never scanned so does without it.
    pub fn prepare_for_parts(&self, table: &str) -> rusqlite::Result<()> {
        if lock(&self.parted).contains(table) {
            return Ok(());
        }
        self.write(|connection| {
            let known = "SELECT EXISTS (SELECT 1 FROM _tables WHERE table_name = ?1)";
            if connection.query_row(known, [table], |row| row.get(0))? {
                let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
                let (index, table) = (quoted(&format!("{table} by hash")), quoted(table));
                connection.execute(&format!("CREATE INDEX IF NOT EXISTS {index} ON {table} (hash_prefix)"), []).map(drop)?;
            }
            Ok(())
        })?;
        lock(&self.parted).insert(table.to_owned());
        Ok(())
    }

    /// Forgets what is known of tables: some were created or deleted.
    pub fn tables_changed(&self) {
        lock(&self.parted).clear();
    }

    /// When the record of this id was written, if it was in this process.
    pub fn written_at(&self, id: i64) -> Option<Timestamp> {
        let marks = lock(&self.marks);
        let index = marks.0.partition_point(|(last, _)| *last < id);
        index.checked_sub(1).map(|index| marks.0[index].1)
    }

    /// Forgets when records before this time were written, but for the last of them.
    pub fn forget_before(&self, time: Timestamp) {
        let mut marks = lock(&self.marks);
        let keep = marks.0.partition_point(|(_, at)| *at < time).saturating_sub(1);
        marks.0.drain(..keep);
    }
}

/// The last stream record's id of any table; ids rise in the order of commits and are never used twice.
pub(crate) fn last_id(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT COALESCE(MAX(id), 0) FROM _stream_records")?.query_row([], |row| row.get(0))
}

/// A lock is poisoned when a thread panicked inside SQLite code; the database itself rolls back.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A database in memory that both connections find. Numbered, not random: two accounts of one seed are two.
fn memory_name() -> String {
    static OPENED: AtomicU64 = AtomicU64::new(0);
    format!("file:annals-local-{}?mode=memory&cache=shared", OPENED.fetch_add(1, Ordering::Relaxed))
}

/// Bytes of a page of a new file. A write touches about ten pages, most of them of indexes, and each goes into the log whole: smaller
/// pages are less to write. Much smaller ones hold too few index entries.
const PAGE_BYTES: i64 = 2048;

/// Gives a new file its page size, before anything is in it; a file that has one keeps it.
fn shape(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")
}

fn prepare(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // It reads records that were just written: a page cache of its own would only be memory.
    connection.pragma_update(None, "cache_size", -1000)?;
    connection.execute_batch(
        "CREATE INDEX IF NOT EXISTS stream_records_by_number ON _stream_records(table_name, CAST(sequence_number AS INTEGER));",
    )?;
    Ok(connection)
}

/// The write-ahead log of a database that is open, and so has one.
fn wal(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    File::open(&name).map_err(|error| OpenError::Database { path: PathBuf::from(name), detail: error.to_string() })
}

fn open_error(path: &Path, error: DynoxideError) -> OpenError {
    let detail = error.to_string();
    let path = path.to_owned();
    let damaged = ["not a database", "not a valid SQLite", "malformed", "newer version"].iter().any(|sign| detail.contains(sign));
    if damaged { OpenError::Corrupt { path, detail } } else { OpenError::Database { path, detail } }
}
