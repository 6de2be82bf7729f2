//! What has been sequenced lately: tells a record that comes again from one that is new.

use std::collections::{HashMap, VecDeque};

use annals_kit::Timestamp;

use crate::entry::Entry;
use crate::fact::Identity;

/// The identities of all entries sequenced since a time, with the beginning of each hash: about 50 bytes an entry.
#[derive(Debug)]
pub(crate) struct Window {
    since: Timestamp,
    known: HashMap<Identity, [u8; 16]>,
    order: VecDeque<(Timestamp, Identity)>,
}

/// What a window says of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It has not been sequenced since the window began.
    New,
    /// It has.
    Same,
    /// Its key has, with other content.
    Other,
}

impl Window {
    /// A window that covers what is added, all of which was sequenced at `since` or later.
    pub(crate) fn new(since: Timestamp) -> Self {
        Self { since, known: HashMap::new(), order: VecDeque::new() }
    }

    /// Whether it holds everything that was sequenced at `since` or later.
    pub(crate) fn covers(&self, since: Timestamp) -> bool {
        self.since <= since
    }

    /// Adds an entry that comes after all others.
    pub(crate) fn add(&mut self, entry: &Entry) {
        self.order.push_back((entry.sequenced_at, entry.fact.identity()));
        self.remember(entry);
    }

    /// Adds an entry that comes before all others.
    pub(crate) fn add_before(&mut self, entry: &Entry) {
        self.order.push_front((entry.sequenced_at, entry.fact.identity()));
        self.remember(entry);
    }

    fn remember(&mut self, entry: &Entry) {
        self.known.entry(entry.fact.identity()).or_insert(beginning(entry.fact.hash()));
    }

    pub(crate) fn seen(&self, identity: Identity, hash: [u8; 32]) -> Seen {
        match self.known.get(&identity) {
            None => Seen::New,
            Some(known) if *known == beginning(hash) => Seen::Same,
            Some(_) => Seen::Other,
        }
    }

    /// Forgets what was sequenced before `since`.
    pub(crate) fn forget_before(&mut self, since: Timestamp) {
        if since <= self.since {
            return;
        }
        while let Some((at, identity)) = self.order.front().copied()
            && at < since
        {
            self.order.pop_front();
            self.known.remove(&identity);
        }
        self.since = since;
    }
}

fn beginning(hash: [u8; 32]) -> [u8; 16] {
    std::array::from_fn(|i| hash[i])
}
