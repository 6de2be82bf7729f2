//! Moves the tables' write-ahead log into their database, beside the traffic.
//!
//! SQLite would do it inside the commit that fills the log, while every client waits for the disk: the larger the database, the more
//! scattered the pages, the longer the wait. Here a thread of its own does most of it, and holds writers up for the rest only.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::engine::lock;

/// How many operations between two checkpoints: some tens of megabytes of log.
const OPERATIONS: u64 = 2_000;
/// A quiet database is checkpointed after this long all the same.
const QUIET: Duration = Duration::from_secs(30);

/// The thread; it ends when this is dropped.
pub(crate) struct Checkpointer {
    due: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    since: Mutex<u64>,
}

impl Checkpointer {
    /// Checkpoints the database at `path`, whose writers hold `writer` while they write.
    pub fn start(path: &Path, writer: Arc<Mutex<()>>) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let (due, wanted) = sync_channel::<()>(1);
        let thread = std::thread::spawn(move || {
            while wanted.recv_timeout(QUIET) != Err(RecvTimeoutError::Disconnected) {
                run(&connection, &writer);
            }
        });
        Ok(Self { due: Some(due), thread: Some(thread), since: Mutex::new(0) })
    }

    /// Counts an operation.
    pub fn count(&self) {
        let mut since = lock(&self.since);
        *since += 1;
        if *since >= OPERATIONS
            && let Some(due) = &self.due
        {
            *since = 0;
            // Full: one is due already.
            if let Err(TrySendError::Disconnected(())) = due.try_send(()) {
                tracing::error!("the checkpoint thread has ended: the write-ahead log grows until a restart");
            }
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.due = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to do.
            let _ = thread.join();
        }
    }
}

/// Most of the log beside the writers, then the little that came meanwhile without them: only a log that is wholly moved starts anew.
fn run(connection: &Connection, writer: &Mutex<()>) {
    let moved = checkpoint(connection).and_then(|()| {
        let _nobody_writes = lock(writer);
        checkpoint(connection)
    });
    if let Err(error) = moved {
        tracing::warn!(%error, "the write-ahead log was not moved; it will be the next time");
    }
}

fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
