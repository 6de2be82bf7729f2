//! What a contestant can do, as its documentation says it is done, and how a task is carried out with it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::task::JoinSet;

use crate::note::Notebook;
use crate::task::{Answer, Command, Memory, Task, What};

/// Why a command was not answered with success.
#[derive(Clone, Debug)]
pub enum Failed {
    /// The race for the stream's end was lost; nothing was written, as far as the contestant says.
    Conflict,
    /// Anything else; whether it was written is not said.
    Other(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("the race for the end of the stream was lost"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

/// One contestant in one process.
#[async_trait]
pub trait Store: Send + Sync {
    /// Carries a command out.
    async fn append(&self, command: &Command, memory: Memory) -> Result<(), Failed>;

    /// The state of a stream, cold.
    async fn load(&self, stream: u64) -> Result<Notebook, String>;

    /// The tags of a stream's notes, from its events.
    async fn history(&self, stream: u64) -> Result<Vec<u64>, String>;

    /// Makes a stream of so many notes, tagged from 0.
    async fn fill(&self, stream: u64, notes: u64) -> Result<(), String> {
        for tag in 0..notes {
            let command = Command { stream, tags: vec![tag], new: tag == 0 };
            self.append(&command, Memory::Warm).await.map_err(|failed| failed.to_string())?;
        }
        Ok(())
    }

    /// How many events there are, each read and decoded, each stream in its order; `None` where there is no way.
    async fn read_all(&self) -> Result<Option<u64>, String> {
        Ok(None)
    }

    /// How many rows a rebuilt read model has; `None` where there is no way.
    async fn rebuild(&self, _round: u64) -> Result<Option<u64>, String> {
        Ok(None)
    }
}

/// Makes stores that share nothing but the database: each is as a process of its own.
#[async_trait]
pub trait Maker: Send + Sync {
    /// A store that knows nothing yet.
    async fn make(&self) -> Result<Arc<dyn Store>, String>;
}

/// A contestant, ready for tasks.
pub struct Worker {
    maker: Arc<dyn Maker>,
    store: Arc<dyn Store>,
}

impl Worker {
    /// A worker with a first store.
    pub async fn new(maker: Arc<dyn Maker>) -> Result<Self, String> {
        let store = maker.make().await?;
        Ok(Self { maker, store })
    }

    /// Does `task`.
    pub async fn run(&self, task: Task) -> Answer {
        let began = Instant::now();
        let done = match task {
            Task::Fill { streams } => self.fill(&streams).await,
            Task::Measure { what, streams, ops, clients, first_tag, most_ms } => {
                self.measure(what, &streams, ops, clients, first_tag, Duration::from_millis(most_ms)).await
            }
            Task::Race { stream, writers, each, first_tag } => self.race(stream, writers, each, first_tag).await,
            Task::Once { command } => match self.store.append(&command, Memory::Cold).await {
                Ok(()) => Ok(Answer { acknowledged: command.tags, ..Answer::default() }),
                Err(failed) => Err(failed.to_string()),
            },
            Task::State { stream } => self.store.load(stream).await.map(|state| Answer { state: Some(state), ..Answer::default() }),
            Task::History { stream } => self.store.history(stream).await.map(|tags| Answer { tags, ..Answer::default() }),
            Task::ReadAll => self.store.read_all().await.map(|count| Answer { count, ..Answer::default() }),
            Task::Rebuild { round } => self.store.rebuild(round).await.map(|count| Answer { count, ..Answer::default() }),
            Task::Memory => Ok(Answer { resident_kb: resident(), ..Answer::default() }),
        };
        let mut answer = done.unwrap_or_else(Answer::of_failure);
        if answer.elapsed_micros == 0 {
            answer.elapsed_micros = micros(began.elapsed());
        }
        answer
    }

    async fn fill(&self, streams: &[(u64, u64)]) -> Result<Answer, String> {
        for (stream, notes) in streams {
            self.store.fill(*stream, *notes).await?;
        }
        Ok(Answer::default())
    }

    async fn measure(&self, what: What, streams: &[u64], ops: u64, clients: u64, tag: u64, most: Duration) -> Result<Answer, String> {
        let began = Instant::now();
        let mut running = JoinSet::new();
        for client in 0..clients {
            let own: Vec<u64> = streams.iter().copied().skip(client as usize).step_by(clients as usize).collect();
            let store = self.store.clone();
            running.spawn(async move {
                let mut answer = Answer::default();
                for number in 0..ops / clients {
                    if began.elapsed() > most || own.is_empty() {
                        break;
                    }
                    let stream = own[number as usize % own.len()];
                    let tag = tag + (number * clients + client) * 10;
                    let once = Instant::now();
                    match one(&*store, what, stream, tag).await {
                        Ok(()) => answer.micros.push(micros(once.elapsed())),
                        Err(reason) => {
                            answer.failures += 1;
                            answer.failed.get_or_insert(reason);
                            // What fails once fails always here: it need not be waited for.
                            break;
                        }
                    }
                }
                answer
            });
        }
        let mut all = Answer::default();
        for one in running.join_all().await {
            all.micros.extend(one.micros);
            all.failures += one.failures;
            all.failed = all.failed.or(one.failed);
        }
        all.elapsed_micros = micros(began.elapsed());
        Ok(all)
    }

    async fn race(&self, stream: u64, writers: u64, each: u64, first_tag: u64) -> Result<Answer, String> {
        let mut stores = vec![];
        for _ in 0..writers {
            stores.push(self.maker.make().await?);
        }
        let (began, conflicts) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let mut running = JoinSet::new();
        for (writer, store) in (0u64..).zip(stores) {
            let conflicts = conflicts.clone();
            running.spawn(async move {
                let mut answer = Answer::default();
                for number in 0..each {
                    let tag = first_tag + writer * 10_000 + number;
                    let once = Instant::now();
                    match insist(&*store, &Command { stream, tags: vec![tag], new: false }, &conflicts).await {
                        Ok(()) => answer.acknowledged.push(tag),
                        Err(reason) => {
                            answer.failures += 1;
                            answer.failed.get_or_insert(reason);
                        }
                    }
                    answer.micros.push(micros(once.elapsed()));
                }
                answer
            });
        }
        let mut all = Answer::default();
        for one in running.join_all().await {
            all.micros.extend(one.micros);
            all.acknowledged.extend(one.acknowledged);
            all.failures += one.failures;
            all.failed = all.failed.or(one.failed);
        }
        all.conflicts = conflicts.load(Ordering::Relaxed);
        all.elapsed_micros = micros(began.elapsed());
        Ok(all)
    }
}

/// How often a caller asks again when it is told of a lost race.
const CONFLICTS: u64 = 1_000;
/// How often a caller, such as a queue, hands a command over that ended in an error.
const DELIVERIES: u64 = 3;

/// A caller that wants its command done: at once again after a lost race, and again, as a queue would, after an error.
async fn insist(store: &dyn Store, command: &Command, conflicts: &AtomicU64) -> Result<(), String> {
    let (mut lost, mut errors) = (0, 0);
    loop {
        match store.append(command, Memory::Warm).await {
            Ok(()) => return Ok(()),
            Err(Failed::Conflict) if lost < CONFLICTS => {
                lost += 1;
                conflicts.fetch_add(1, Ordering::Relaxed);
            }
            Err(Failed::Other(_)) if errors + 1 < DELIVERIES => errors += 1,
            Err(failed) => return Err(failed.to_string()),
        }
    }
}

async fn one(store: &dyn Store, what: What, stream: u64, tag: u64) -> Result<(), String> {
    let (notes, memory, new) = match what {
        What::Load => return store.load(stream).await.map(drop),
        What::Create => (1, Memory::Cold, true),
        What::Append { notes, memory } => (notes, memory, false),
    };
    // A new stream is named after its first note: no two operations begin the same.
    let stream = if new { stream + tag } else { stream };
    let command = Command { stream, tags: (tag..tag + notes).collect(), new };
    match store.append(&command, memory).await {
        // Another process of the same contestant was here since: what was held is stale. A caller tries again, as in a race.
        Err(Failed::Conflict) => store.append(&command, memory).await.map_err(|failed| failed.to_string()),
        done => done.map_err(|failed| failed.to_string()),
    }
}

/// Microseconds, at least one.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

/// Kilobytes of this process in memory: now, and at most so far.
fn resident() -> [u64; 2] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    [of("VmRSS:"), of("VmHWM:")]
}
