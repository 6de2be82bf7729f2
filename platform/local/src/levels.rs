//! Measures how much waits: records before mappings, messages in queues. CloudWatch calls these iterator age, depth and age.

use std::time::Duration;

use annals_kit::Timestamp;

use crate::account::Account;
use crate::checkpoints;

/// How much waits now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Every stream mapping.
    pub mappings: Vec<MappingLevel>,
    /// Every queue, dead-letter queues among them.
    pub queues: Vec<QueueLevel>,
}

/// What waits before a stream mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingLevel {
    /// The mapping.
    pub name: String,
    /// Its function.
    pub function: String,
    /// How old the oldest record is that it has not handled; `None`: it has handled all.
    pub age: Option<Duration>,
}

/// What waits in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLevel {
    /// The queue.
    pub name: String,
    /// The function that consumes it.
    pub function: Option<String>,
    /// Messages, hidden ones included.
    pub messages: usize,
    /// How old the oldest is.
    pub age: Option<Duration>,
}

/// All of it.
pub(crate) fn all(account: &Account) -> rusqlite::Result<Levels> {
    let mapping = |mapping: &crate::config::StreamMapping| {
        let age = iterator_age(account, &mapping.name)?;
        Ok(MappingLevel { name: mapping.name.clone(), function: mapping.function.clone(), age })
    };
    let queue = |queue: &crate::config::Queue| {
        let consumer = account.config.queue_mappings.iter().find(|mapping| mapping.queue == queue.name);
        Ok(QueueLevel {
            name: queue.name.clone(),
            function: consumer.map(|mapping| mapping.function.clone()),
            messages: account.queues.depth(&queue.name)?,
            age: queue_age(account, &queue.name)?,
        })
    };
    Ok(Levels {
        mappings: account.config.stream_mappings.iter().map(mapping).collect::<rusqlite::Result<_>>()?,
        queues: account.config.queues.iter().map(queue).collect::<rusqlite::Result<_>>()?,
    })
}

/// How old the oldest record is that a stream mapping has not handled; `None` when it has handled all, or does not exist.
pub(crate) fn iterator_age(account: &Account, mapping: &str) -> rusqlite::Result<Option<Duration>> {
    let Some(mapping) = account.config.stream_mappings.iter().find(|other| other.name == mapping) else { return Ok(None) };
    let Some(stream) = account.streams.of(&mapping.table) else { return Ok(None) };
    let mut oldest: Option<Timestamp> = None;
    for shard in account.streams.shards(&stream.arn)? {
        let position = checkpoints::load(&account.host, &mapping.name, &stream.arn, &shard.id)?;
        let page = account.streams.read(&stream, &shard, position.unwrap_or(shard.after), 1)?;
        oldest = oldest.into_iter().chain(page.records.first().map(|record| record.written_at)).min();
    }
    Ok(oldest.map(|at| age(account, at)))
}

/// How old the oldest message of a queue is.
pub(crate) fn queue_age(account: &Account, queue: &str) -> rusqlite::Result<Option<Duration>> {
    Ok(account.queues.oldest(queue)?.map(|at| age(account, at)))
}

fn age(account: &Account, at: Timestamp) -> Duration {
    account.clock.now().since(at).to_std().unwrap_or_default()
}
