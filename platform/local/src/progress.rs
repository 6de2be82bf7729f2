//! Knows how far everything got, for whoever waits until nothing is left to do.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::watch;

use crate::engine::lock;

/// How far each mapping got, and a signal whenever anything moved.
pub(crate) struct Progress {
    positions: Mutex<HashMap<(String, String, String), i64>>,
    moves: watch::Sender<u64>,
}

impl Progress {
    pub fn new() -> Self {
        Self { positions: Mutex::default(), moves: watch::Sender::new(0) }
    }

    /// A mapping has dealt with a shard up to this place.
    pub fn reached(&self, mapping: &str, stream: &str, shard: &str, place: i64) {
        lock(&self.positions).insert((mapping.to_owned(), stream.to_owned(), shard.to_owned()), place);
        self.moved();
    }

    /// How far a mapping got in a shard, if it began.
    pub fn of(&self, mapping: &str, stream: &str, shard: &str) -> Option<i64> {
        lock(&self.positions).get(&(mapping.to_owned(), stream.to_owned(), shard.to_owned())).copied()
    }

    /// Something was done.
    pub fn moved(&self) {
        self.moves.send_modify(|count| *count += 1);
    }

    /// Changes whenever something was done.
    pub fn moves(&self) -> watch::Receiver<u64> {
        self.moves.subscribe()
    }
}
