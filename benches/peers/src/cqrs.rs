//! cqrs-es with dynamo-es, as its documentation says it is used: a framework over a store, with or without snapshots.
//!
//! Every command loads the aggregate: there is no way to keep one warm. Tables are as `db/create_tables.sh` of dynamo-es makes them.

use std::sync::Arc;

use async_trait::async_trait;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{GenericQuery, PersistedEventRepository, PersistedEventStore, QueryReplay, ReplayStream, SerializedEvent};
use cqrs_es::{Aggregate, AggregateError, CqrsFramework, DomainEvent, EventEnvelope, EventStore, View};
use dynamo_es::{DynamoEventRepository, DynamoViewRepository};
use serde::{Deserialize, Serialize};

use crate::note::{Note, Notebook};
use crate::store::{Failed, Maker, Store};
use crate::task::{Command, Memory};
use crate::way::Way;

/// Notes between two snapshots: what the documentation of `new_snapshot_store` takes.
pub const SNAPSHOT_SIZE: usize = 100;
/// Puts in one transaction, as dynamo-es allows.
const MOST_PUTS: usize = 25;

impl DomainEvent for Note {
    fn event_type(&self) -> String {
        "NOTED".into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

impl Aggregate for Notebook {
    const TYPE: &'static str = "NOTE";
    type Command = Vec<u64>;
    type Event = Note;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(&mut self, tags: Vec<u64>, _: &(), sink: &EventSink<Self>) -> Result<(), Self::Error> {
        for tag in tags {
            sink.write(Note::of(tag), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, note: Note) {
        self.take(&note);
    }
}

/// The read model: the same state, kept by the library's own query.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Row(Notebook);

impl View<Notebook> for Row {
    fn update(&mut self, event: &EventEnvelope<Notebook>) {
        self.0.take(&event.payload);
    }
}

/// Makes stores of cqrs-es.
pub struct Cqrs {
    /// The way to the database.
    pub way: Way,
    /// Its own tables begin with this.
    pub tables: &'static str,
    /// Whether it keeps snapshots.
    pub snapshots: bool,
}

type Persisted = PersistedEventStore<DynamoEventRepository, Notebook>;

struct CqrsStore {
    way: Way,
    tables: &'static str,
    framework: CqrsFramework<Notebook, Persisted>,
    store: Persisted,
    snapshots: bool,
}

/// The names of its tables of events and of snapshots.
pub fn tables(prefix: &str) -> [String; 2] {
    [format!("{prefix}-Events"), format!("{prefix}-Snapshots")]
}

/// The name of a view's table.
pub fn view(prefix: &str, round: u64) -> String {
    format!("{prefix}-View{round}")
}

fn repository(way: &Way, prefix: &str) -> DynamoEventRepository {
    let [events, snapshots] = tables(prefix);
    DynamoEventRepository::new(way.client()).with_tables(&events, &snapshots)
}

fn store(way: &Way, prefix: &str, snapshots: bool) -> Persisted {
    match snapshots {
        true => PersistedEventStore::new_snapshot_store(repository(way, prefix), SNAPSHOT_SIZE),
        false => PersistedEventStore::new_event_store(repository(way, prefix)),
    }
}

#[async_trait]
impl Maker for Cqrs {
    async fn make(&self) -> Result<Arc<dyn Store>, String> {
        let Self { way, tables, snapshots } = self;
        Ok(Arc::new(CqrsStore {
            way: way.clone(),
            tables,
            framework: CqrsFramework::new(store(way, tables, *snapshots), vec![], ()),
            store: store(way, tables, *snapshots),
            snapshots: *snapshots,
        }))
    }
}

fn id(stream: u64) -> String {
    uuid::Uuid::from_u128(u128::from(stream)).to_string()
}

async fn drain(mut stream: ReplayStream) -> Result<Vec<EventEnvelope<Notebook>>, String> {
    let mut events = vec![];
    while let Some(event) = stream.next::<Notebook>(&[]).await {
        events.push(event.map_err(|error| error.to_string())?);
    }
    Ok(events)
}

#[async_trait]
impl Store for CqrsStore {
    async fn append(&self, command: &Command, _: Memory) -> Result<(), Failed> {
        match self.framework.execute(&id(command.stream), command.tags.clone()).await {
            Ok(()) => Ok(()),
            Err(AggregateError::AggregateConflict) => Err(Failed::Conflict),
            Err(error) => Err(Failed::Other(error.to_string())),
        }
    }

    async fn load(&self, stream: u64) -> Result<Notebook, String> {
        self.store.load_aggregate(&id(stream)).await.map(|context| context.aggregate).map_err(|error| error.to_string())
    }

    async fn history(&self, stream: u64) -> Result<Vec<u64>, String> {
        let stream = repository(&self.way, self.tables).stream_events::<Notebook>(&id(stream)).await.map_err(|error| error.to_string())?;
        Ok(drain(stream).await?.iter().map(|event| event.payload.tag).collect())
    }

    /// Several notes a command, which makes the same items: with snapshots ten, as snapshots come every hundred. Without, through the
    /// repository itself, as the framework cannot get past a page of 1 MB.
    async fn fill(&self, stream: u64, notes: u64) -> Result<(), String> {
        let tags: Vec<u64> = (0..notes).collect();
        if self.snapshots {
            for tags in tags.chunks(10) {
                let done = self.framework.execute(&id(stream), tags.to_vec()).await;
                done.map_err(|error| error.to_string())?;
            }
            return Ok(());
        }
        let repository = repository(&self.way, self.tables);
        for tags in tags.chunks(MOST_PUTS) {
            let events: Vec<_> = tags.iter().map(|tag| serialized(stream, *tag)).collect();
            repository.persist::<Notebook>(&events, None).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn read_all(&self) -> Result<Option<u64>, String> {
        let mut stream = repository(&self.way, self.tables).stream_all_events::<Notebook>().await.map_err(|error| error.to_string())?;
        let mut count = 0;
        while let Some(event) = stream.next::<Notebook>(&[]).await {
            event.map_err(|error| error.to_string())?;
            count += 1;
        }
        Ok(Some(count))
    }

    async fn rebuild(&self, round: u64) -> Result<Option<u64>, String> {
        let views = DynamoViewRepository::<Row, Notebook>::new(&view(self.tables, round), self.way.client());
        let replay = QueryReplay::new(repository(&self.way, self.tables), GenericQuery::new(Arc::new(views)));
        replay.replay_all().await.map_err(|error| error.to_string())?;
        let rows =
            self.way.client().scan().table_name(view(self.tables, round)).select(aws_sdk_dynamodb::types::Select::Count).send().await;
        Ok(Some(rows.map_err(|error| error.to_string())?.count as u64))
    }
}

fn serialized(stream: u64, tag: u64) -> SerializedEvent {
    let note = Note::of(tag);
    SerializedEvent {
        aggregate_id: id(stream),
        sequence: tag as usize + 1,
        aggregate_type: <Notebook as Aggregate>::TYPE.into(),
        event_type: note.event_type(),
        event_version: note.event_version(),
        payload: serde_json::json!(note),
        metadata: serde_json::json!({}),
    }
}
