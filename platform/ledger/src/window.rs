//! What has been sequenced lately: tells a record that comes again from one that is new.
//!
//! The newest entries are known exactly. Of others, which are the more the further the ledger is behind, only eight bytes are kept, and
//! where to read on the rest: a record that comes again is almost always one of the newest, and a backlog of a million commits has to
//! pass through the memory of a small function.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use annals_kit::Timestamp;

use crate::entry::Entry;
use crate::fact::Identity;
use crate::position::Position;

/// How much a sequencer remembers of what it has sequenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Entries that are known exactly, about 100 bytes each.
    pub exact: usize,
    /// Entries of which eight bytes are kept that are read together when one of them may have come again.
    pub page: usize,
}

impl Retention {
    /// 16,384 entries exactly, 1.6 MB; others in pages of 8,192, which are 150 RCU to read.
    pub const USUAL: Self = Self { exact: 16_384, page: 8_192 };
}

/// Entries by identity, with the beginning of each hash.
#[derive(Debug, Default)]
pub(crate) struct Remembered(HashMap<Identity, [u8; 16]>);

/// When an entry was sequenced, where it stands, and which it is.
type Place = (Timestamp, Position, Identity);

/// All entries sequenced since a time.
#[derive(Debug)]
pub(crate) struct Window {
    since: Timestamp,
    retention: Retention,
    /// The newest.
    known: Remembered,
    order: VecDeque<Place>,
    /// Those before them, oldest first.
    pages: VecDeque<Page>,
}

/// Entries side by side in the ledger.
#[derive(Debug)]
struct Page {
    positions: Range<Position>,
    newest: Timestamp,
    /// The beginnings of their identities, sorted.
    marks: Vec<u64>,
}

/// What is known of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It has not been sequenced since the window began.
    New,
    /// It has.
    Same,
    /// Its key has, with other content.
    Other,
}

impl Seen {
    /// This, or what is known elsewhere of what is new here.
    pub(crate) fn or(self, elsewhere: impl FnOnce() -> Self) -> Self {
        if self == Self::New { elsewhere() } else { self }
    }
}

impl Remembered {
    pub(crate) fn has(&self, identity: Identity) -> bool {
        self.0.contains_key(&identity)
    }

    pub(crate) fn add(&mut self, entry: &Entry) {
        self.0.entry(entry.fact.identity()).or_insert(beginning(entry.fact.hash()));
    }

    pub(crate) fn seen(&self, identity: Identity, hash: [u8; 32]) -> Seen {
        match self.0.get(&identity) {
            None => Seen::New,
            Some(known) if *known == beginning(hash) => Seen::Same,
            Some(_) => Seen::Other,
        }
    }
}

impl Window {
    /// A window that covers what is added, all of which was sequenced at `since` or later.
    pub(crate) fn new(since: Timestamp, retention: Retention) -> Self {
        Self { since, retention, known: Remembered::default(), order: VecDeque::new(), pages: VecDeque::new() }
    }

    /// Whether it holds everything that was sequenced at `since` or later.
    pub(crate) fn covers(&self, since: Timestamp) -> bool {
        self.since <= since
    }

    /// Adds an entry that comes after all others.
    pub(crate) fn add(&mut self, entry: &Entry) {
        self.known.add(entry);
        self.order.push_back(place(entry));
        if self.order.len() > self.retention.exact
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.0.remove(&oldest.2);
            self.keep_after(oldest);
        }
    }

    /// Adds an entry that comes before all others.
    pub(crate) fn add_before(&mut self, entry: &Entry) {
        if self.order.len() < self.retention.exact {
            self.known.add(entry);
            self.order.push_front(place(entry));
        } else {
            self.keep_before(place(entry));
        }
    }

    /// Puts an entry behind the last page's.
    fn keep_after(&mut self, one: Place) {
        match self.pages.back_mut().filter(|page| page.marks.len() < self.retention.page) {
            Some(page) => page.add(one),
            None => self.pages.push_back(Page::of(one)),
        }
    }

    /// Puts an entry before the first page's.
    fn keep_before(&mut self, one: Place) {
        match self.pages.front_mut().filter(|page| page.marks.len() < self.retention.page) {
            Some(page) => page.add(one),
            None => self.pages.push_front(Page::of(one)),
        }
    }

    /// Of the newest entries, whether this is one of them.
    pub(crate) fn seen(&self, identity: Identity, hash: [u8; 32]) -> Seen {
        self.known.seen(identity, hash)
    }

    /// Whether all of its entries are known exactly.
    pub(crate) fn is_exact(&self) -> bool {
        self.pages.is_empty()
    }

    /// Where an entry of this identity may be, if it is not among the newest: almost always nowhere.
    pub(crate) fn places(&self, identity: Identity) -> impl Iterator<Item = Range<Position>> {
        let pages = if self.known.has(identity) { None } else { Some(&self.pages) };
        pages.into_iter().flatten().filter(move |page| page.marks.binary_search(&mark(identity)).is_ok()).map(|page| page.positions.clone())
    }

    /// Forgets what was sequenced before `since`.
    pub(crate) fn forget_before(&mut self, since: Timestamp) {
        if since <= self.since {
            return;
        }
        while self.pages.pop_front_if(|page| page.newest < since).is_some() {}
        while self.pages.is_empty()
            && let Some((_, _, identity)) = self.order.pop_front_if(|(at, ..)| *at < since)
        {
            self.known.0.remove(&identity);
        }
        self.since = since;
    }
}

impl Page {
    fn of((at, position, identity): Place) -> Self {
        Self { positions: position..position.plus(1), newest: at, marks: vec![mark(identity)] }
    }

    fn add(&mut self, (at, position, identity): Place) {
        self.positions = self.positions.start.min(position)..self.positions.end.max(position.plus(1));
        self.newest = self.newest.max(at);
        let (Ok(place) | Err(place)) = self.marks.binary_search(&mark(identity));
        self.marks.insert(place, mark(identity));
    }
}

fn place(entry: &Entry) -> Place {
    (entry.sequenced_at, entry.position, entry.fact.identity())
}

/// The first eight bytes of an identity. Two entries may have the same: then a page is read in vain.
fn mark(identity: Identity) -> u64 {
    u64::from_be_bytes(std::array::from_fn(|i| identity.0[i]))
}

fn beginning(hash: [u8; 32]) -> [u8; 16] {
    std::array::from_fn(|i| hash[i])
}
