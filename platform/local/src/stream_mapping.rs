//! Follows a stream's shards for a mapping, parents before children, and starts a reader for each, as Lambda's event source mapping does.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::account::Account;
use crate::alarms;
use crate::config::StreamMapping;
use crate::pattern::Pattern;
use crate::shard_reader::{POLL, Reading, ShardReader};
use crate::streams::{Shard, Stream};

/// Runs a mapping until it is told to stop.
pub(crate) async fn run(account: Arc<Account>, mapping: StreamMapping, mut stop: watch::Receiver<bool>) {
    let Some(mut writes) = account.streams.writes(&mapping.table) else {
        alarms::raise(
            &account.host,
            account.clock.now(),
            &format!("stream-missing-{}", mapping.name),
            &format!("mapping {}: {} has no stream", mapping.name, mapping.table),
        );
        return;
    };
    let filters = mapping.filters.iter().filter_map(|filter| Pattern::read(filter).ok()).collect::<Vec<_>>();
    let mapping = Arc::new(mapping);
    let reading = Reading {
        account: account.clone(),
        mapping: mapping.clone(),
        filters: Arc::new(filters),
        writes: writes.clone(),
        stop: stop.clone(),
    };
    let mut workers = JoinSet::new();
    let mut started = HashSet::new();
    let mut finished = HashSet::new();
    loop {
        writes.borrow_and_update();
        for (stream, shard) in startable(&account, &mapping, &finished) {
            if started.insert((stream.arn.clone(), shard.id.clone())) {
                let reading = reading.clone();
                workers.spawn(async move { ShardReader::new(reading, stream, shard).await?.read().await });
            }
        }
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Some(ended) = workers.join_next() => finished.extend(ended.ok().flatten()),
            // A split or a new stream shows as a write.
            changed = async { (writes.changed().await, tokio::time::sleep(POLL).await).0 } => if changed.is_err() { break },
        }
    }
    while workers.join_next().await.is_some() {}
}

/// Shards whose parents are done.
fn startable(account: &Account, mapping: &StreamMapping, finished: &HashSet<String>) -> Vec<(Arc<Stream>, Shard)> {
    let Some(stream) = account.streams.of(&mapping.table) else { return Vec::new() };
    let shards = account.streams.shards(&stream.arn).unwrap_or_default();
    let exists = |id: &str| shards.iter().any(|shard| shard.id == id);
    let free = |shard: &&Shard| shard.parent.as_ref().is_none_or(|parent| finished.contains(parent) || !exists(parent));
    shards.iter().filter(free).map(|shard| (stream.clone(), shard.clone())).collect()
}
