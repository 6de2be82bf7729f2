//! event-store-adapter-rs, as its documentation says it is used: a repository that loads the snapshot and the events after it, and
//! stores one event a call, with a snapshot every so often.
//!
//! An aggregate that the caller still holds can be stored without loading it again: that is its warm way. It has no way to store several
//! events at once, to list streams, or to build read models: change records of its head table are for those.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::Utc;
use event_store_adapter_rs::{
    AggregateId, DynamoDbOptions, DynamoDbTables, EventEnvelope, EventStoreError, EventStoreForDynamoDB, SnapshotEnvelope,
};

use crate::note::{Note, Notebook};
use crate::store::{Failed, Maker, Store};
use crate::task::{Command, Memory};
use crate::way::Way;

/// Events between two snapshots: its documentation leaves the number to the user, so it is Annals' own.
pub const SNAPSHOT_EVERY: u64 = 32;

/// Its tables: journal, snapshots, heads; and the index of snapshots.
pub const TABLES: [&str; 4] = ["adapter-journal", "adapter-snapshot", "adapter-head", "snapshot-history"];

/// Makes stores of event-store-adapter-rs.
pub struct Adapter {
    /// The way to the database.
    pub way: Way,
}

#[derive(Clone, Debug)]
struct Id(u64);

impl AggregateId for Id {
    fn type_name(&self) -> String {
        "NOTE".into()
    }

    fn value(&self) -> String {
        uuid::Uuid::from_u128(u128::from(self.0)).to_string()
    }
}

struct AdapterStore {
    store: EventStoreForDynamoDB<Id, Notebook, Note>,
    /// The aggregates that the caller still holds, and the number of their last events.
    held: Mutex<HashMap<u64, (Notebook, u64)>>,
}

#[async_trait]
impl Maker for Adapter {
    async fn make(&self) -> Result<Arc<dyn Store>, String> {
        let [journal, snapshot, head, index] = TABLES.map(str::to_owned);
        let tables = DynamoDbTables {
            journal_table_name: journal,
            snapshot_table_name: snapshot,
            head_table_name: head,
            snapshot_history_index_name: index,
        };
        let store = EventStoreForDynamoDB::open(self.way.client(), tables, DynamoDbOptions::default()).await;
        Ok(Arc::new(AdapterStore { store: store.map_err(|error| error.to_string())?, held: Mutex::default() }))
    }
}

impl AdapterStore {
    async fn find(&self, stream: u64) -> Result<(Notebook, u64), EventStoreError> {
        let Some(read) = self.store.get_latest_snapshot_by_id(&Id(stream)).await? else { return Ok(Default::default()) };
        let (mut notebook, mut number) =
            read.snapshot().map_or_else(Default::default, |snapshot| (snapshot.aggregate().clone(), snapshot.seq_nr()));
        for event in self.store.get_events_by_id_since_seq_nr(&Id(stream), number + 1).await? {
            notebook.take(event.payload());
            number = event.seq_nr();
        }
        Ok((notebook, number))
    }

    async fn store(&self, stream: u64, tags: &[u64], (mut notebook, mut number): (Notebook, u64)) -> Result<(), EventStoreError> {
        for tag in tags {
            let note = Note::of(*tag);
            notebook.take(&note);
            number += 1;
            let event = EventEnvelope::new(Id(stream), number, Utc::now(), note).with_manifest("noted/v1");
            match number % SNAPSHOT_EVERY {
                0 => {
                    let snapshot = SnapshotEnvelope::new(notebook.clone(), number).with_manifest("notebook/v1");
                    self.store.persist_event_and_snapshot(event, snapshot).await?;
                }
                _ => self.store.persist_event(event).await?,
            }
        }
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(stream, (notebook, number));
        Ok(())
    }
}

#[async_trait]
impl Store for AdapterStore {
    async fn append(&self, command: &Command, memory: Memory) -> Result<(), Failed> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&command.stream);
        let done = match held.filter(|_| memory == Memory::Warm) {
            Some(held) => self.store(command.stream, &command.tags, held).await,
            None if command.new => self.store(command.stream, &command.tags, Default::default()).await,
            None => match self.find(command.stream).await {
                Ok(found) => self.store(command.stream, &command.tags, found).await,
                Err(error) => Err(error),
            },
        };
        done.map_err(|error| match error {
            EventStoreError::OptimisticLock { .. } => Failed::Conflict,
            other => Failed::Other(other.to_string()),
        })
    }

    async fn load(&self, stream: u64) -> Result<Notebook, String> {
        self.find(stream).await.map(|(notebook, _)| notebook).map_err(|error| error.to_string())
    }

    async fn history(&self, stream: u64) -> Result<Vec<u64>, String> {
        let events = self.store.get_events_by_id_since_seq_nr(&Id(stream), 0).await.map_err(|error| error.to_string())?;
        Ok(events.iter().map(|event| event.payload().tag).collect())
    }
}
