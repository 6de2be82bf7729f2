//! Annals, as its guide says it is used: one `Streams` a process, which keeps folded states warm.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use access_patterns::Matrix;
use annals_kit::ids::SeededIds;
use annals_kit::{Aggregate, Clock, CommandId, Event, Ids, Recorded, Schema, StoredEvent, StreamId, Timestamp};
use annals_log::{Commit, ExecuteError, Expect, Log, LogConfig, Request, Streams};
use annals_reads::Reads;
use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::note::{Note, Notebook};
use crate::rows;
use crate::store::{Failed, Maker, Store};
use crate::task::{Command, Memory};
use crate::way::Way;

/// Segments in which all there is is read.
const SEGMENTS: i32 = 8;
/// Commits that are asked for at once.
const PAGE: usize = 1_000;

/// The table of commits.
pub const LOG: &str = "notes-log";

/// The measured service's matrix.
pub fn matrix() -> Arc<Matrix> {
    Arc::new(Matrix::parse("notes.toml", include_str!("../notes.toml")).unwrap_or_else(|errors| panic!("{errors}")))
}

/// What happens to a notebook.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum NoteEvent {
    /// A note was written into it.
    #[serde(rename = "NOTED")]
    Noted(Note),
}

impl Event for NoteEvent {
    const SCHEMAS: &'static [Schema] = &[Schema { event_type: "NOTED", upcasts: &[], published: false }];
}

impl Aggregate for Notebook {
    const STREAM_TYPE: &'static str = "NOTE";
    const FOLD_REVISION: u32 = 1;
    type Event = NoteEvent;

    fn evolve(&mut self, event: &NoteEvent, _: Recorded) {
        let NoteEvent::Noted(note) = event;
        self.take(note);
    }
}

struct Write<'a>(&'a [u64]);

impl annals_kit::Command for Write<'_> {
    type Aggregate = Notebook;
    type Refusal = std::convert::Infallible;

    fn decide(&self, _: &Notebook, _: Timestamp) -> Result<Vec<NoteEvent>, Self::Refusal> {
        Ok(self.0.iter().map(|tag| NoteEvent::Noted(Note::of(*tag))).collect())
    }
}

/// A clock of the comparison's own: so many seconds pass with every command.
struct Paced {
    now: AtomicI64,
    seconds: i64,
}

impl Clock for Paced {
    fn now(&self) -> Timestamp {
        let seconds = self.now.fetch_add(self.seconds, Ordering::Relaxed);
        Timestamp::from_seconds(BEGINNING).expect("2026 is a time").plus(TimeDelta::seconds(seconds))
    }
}

/// The first of January 2026.
const BEGINNING: i64 = 1_767_225_600;

/// Makes stores of Annals.
pub struct Annals {
    /// The way to the database.
    pub way: Way,
    /// How many seconds pass between two commands: what is remembered of commands for 24 hours depends on it.
    pub pace: i64,
    /// When this process begins, in seconds after the first of January 2026.
    pub begins: i64,
}

struct AnnalsStore {
    log: Log,
    way: Way,
    pace: i64,
    begins: i64,
    warm: Streams<Notebook>,
}

#[async_trait]
impl Maker for Annals {
    async fn make(&self) -> Result<Arc<dyn Store>, String> {
        let log = log(&self.way, self.pace, self.begins);
        Ok(Arc::new(AnnalsStore { way: self.way.clone(), pace: self.pace, begins: self.begins, warm: Streams::new(log.clone()), log }))
    }
}

/// The log on this way, and with a clock of this pace.
pub fn log(way: &Way, pace: i64, begins: i64) -> Log {
    let client = way.account().dynamodb();
    let reads = Reads::new(client.clone(), matrix());
    // Jitter must differ from one store to the next, and be the same in the next run.
    static STORES: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let ids: Arc<dyn Ids> = Arc::new(SeededIds::new(STORES.fetch_add(1, Ordering::Relaxed)));
    Log::new(client, reads, LogConfig::new(LOG), Arc::new(Paced { now: begins.into(), seconds: pace }), ids)
}

/// The id of a stream.
pub fn stream_id(stream: u64) -> StreamId {
    StreamId::of(Notebook::STREAM_TYPE, Uuid::from_u128(u128::from(stream)))
}

async fn execute(streams: &Streams<Notebook>, command: &Command) -> Result<(), Failed> {
    let (tenant, actor) = ("demo".parse().expect("a tenant"), "writer".parse().expect("an actor"));
    let id = CommandId(Uuid::from_u64_pair(command.stream, command.tags[0]));
    let request = Request::new(&tenant, actor, id, &serde_json::to_vec(&command.tags).expect("numbers are JSON"));
    let expect = if command.new { Expect::New } else { Expect::Existing };
    match streams.execute(&request, &stream_id(command.stream), expect, &Write(&command.tags)).await {
        Ok(_) => Ok(()),
        Err(ExecuteError::Busy { .. }) => Err(Failed::Conflict),
        Err(error) => Err(Failed::Other(error.to_string())),
    }
}

#[async_trait]
impl Store for AnnalsStore {
    async fn append(&self, command: &Command, memory: Memory) -> Result<(), Failed> {
        match memory {
            Memory::Warm => execute(&self.warm, command).await,
            Memory::Cold => execute(&Streams::new(self.log.clone()), command).await,
        }
    }

    async fn load(&self, stream: u64) -> Result<Notebook, String> {
        let folded = self.warm.load(&stream_id(stream)).await.map_err(|error| error.to_string())?;
        Ok(folded.state)
    }

    async fn history(&self, stream: u64) -> Result<Vec<u64>, String> {
        let (mut tags, mut after) = (vec![], None);
        loop {
            let page =
                self.log.from_version(&stream_id(stream), annals_kit::Version::FIRST, 1_000, after).await.map_err(|e| e.to_string())?;
            for item in &page.items {
                tags.extend(notes(item)?.iter().map(|note| note.tag));
            }
            after = page.next;
            if after.is_none() {
                return Ok(tags);
            }
        }
    }

    /// A clock of its own for each stream: exactly the pace between two of its commands.
    async fn fill(&self, stream: u64, notes: u64) -> Result<(), String> {
        let streams = Streams::new(log(&self.way, self.pace, self.begins));
        for tag in 0..notes {
            let command = Command { stream, tags: vec![tag], new: tag == 0 };
            execute(&streams, &command).await.map_err(|failed| failed.to_string())?;
        }
        Ok(())
    }

    /// In parallel segments, as a rebuild walks the log: a stream is in one of them, whole.
    async fn read_all(&self) -> Result<Option<u64>, String> {
        let segments: JoinSet<_> = (0..SEGMENTS).map(|number| read_segment(self.log.clone(), (number, SEGMENTS))).collect();
        segments.join_all().await.into_iter().sum::<Result<u64, _>>().map(Some)
    }

    async fn rebuild(&self, round: u64) -> Result<Option<u64>, String> {
        rows::rebuild(&self.way, round).await.map(Some)
    }
}

/// How many notes one segment, of so many, has.
async fn read_segment(log: Log, segment: (i32, i32)) -> Result<u64, String> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = log.histories(after, segment, PAGE).await.map_err(|error| error.to_string())?;
        for commit in page.heads.iter().flat_map(|head| &head.commits) {
            count += notes_of(commit)?.len() as u64;
        }
        after = page.next;
        if after.is_none() {
            return Ok(count);
        }
    }
}

fn notes(item: &annals_reads::Item) -> Result<Vec<Note>, String> {
    notes_of(&Commit::from_item(item).map_err(|error| error.to_string())?)
}

fn notes_of(commit: &Commit) -> Result<Vec<Note>, String> {
    let decoded: Result<Vec<NoteEvent>, _> = commit.events.iter().map(StoredEvent::decode).collect();
    Ok(decoded.map_err(|error| error.to_string())?.into_iter().map(|NoteEvent::Noted(note)| note).collect())
}
