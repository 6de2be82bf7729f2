//! Gives every commit its position, exactly once: batches of records become items, one insert each.
//!
//! The insert at the next position decides between writers. Whoever loses, or gets no answer, reads from that position on (strongly
//! consistent), drops what is there by now, and goes on after it; so what an insert came to is never guessed. A record that is delivered
//! again is found in the window of what was sequenced since its creation, less a margin for clocks that disagree.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use annals_kit::{Clock, Ids, Timestamp};
use annals_log::BoxError;
use annals_log::insert::Inserted;
use annals_planted::{Bug, planted};
use chrono::TimeDelta;
use tokio::sync::Mutex;

use crate::fact::{Fact, Identity};
use crate::item::{Content, LedgerItem, Opening};
use crate::position::{Epoch, Position};
use crate::reader::Reader;
use crate::records::Delivered;
use crate::table::{LedgerError, LedgerTable};
use crate::tail::Tail;
use crate::window::{Remembered, Retention, Seen, Window};

/// How far clocks may disagree: ten minutes, and the stream's rounding to seconds.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(15);
/// How much longer than it must the window remembers, so that a batch a little older than the last does not read it anew.
const SLACK: TimeDelta = TimeDelta::minutes(15);
/// Inserts without progress before a batch is given back.
const ATTEMPTS: u32 = 10;
/// Items read at a time; 50 full ones are more than one page of 1 MB.
const PAGE: i32 = 50;

/// The sequencer of one service's ledger. Any number may run at once.
pub struct Sequencer {
    table: LedgerTable,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    retention: Retention,
    /// What is known of the ledger's end. One batch at a time: the next could only lose against it.
    state: Mutex<Option<State>>,
}

struct State {
    tail: Tail,
    window: Window,
}

/// A batch could not be sequenced to its end; handing it over again is safe.
#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    /// The ledger cannot be read, or is not what it should be.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Every attempt was throttled, lost or without an answer.
    #[error("the ledger does not take entries")]
    Busy {
        /// What the last attempt said.
        source: BoxError,
    },
    /// An insert was refused: a permission or the table is missing.
    #[error("the ledger refuses entries")]
    Refused {
        /// What it said.
        source: BoxError,
    },
}

impl Sequencer {
    /// A sequencer that knows nothing of the ledger yet.
    pub fn new(table: LedgerTable, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { table, clock, ids, retention: Retention::USUAL, state: Mutex::new(None) }
    }

    /// The same that remembers more, or less.
    pub fn remembering(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// The table it writes.
    pub fn table(&self) -> &LedgerTable {
        &self.table
    }

    /// Gives every fact that has no position yet the next one, in this order; how many there were.
    ///
    /// Cost: 1 call and ceil(bytes / 1 KB) WCU an item, one item a batch as far as 400 KB reach, 73 bytes a commit; a lost race that and a
    /// strong Query of what is new. On the first batch of an instance also what was sequenced in the last 15 minutes, ceil(bytes / 4 KB)
    /// RCU. On the first batch of a day two inserts more.
    /// RCU. A record that comes again when 16,384 commits have been sequenced since costs what reading 8,192 of them does, 150 RCU.
    ///
    /// Memory: 1.6 MB, and eight bytes for each commit sequenced since the oldest record was created, and for half an hour before.
    pub async fn sequence(&self, delivered: &[Delivered]) -> Result<u64, SequenceError> {
        let Some(oldest) = delivered.iter().map(|one| one.created_at).min() else { return Ok(0) };
        self.sequence_since(delivered, oldest.plus(-CLOCKS_DIFFER)).await
    }

    /// The same, where none of the facts that are already in the ledger was sequenced before `since`.
    pub(crate) async fn sequence_since(&self, delivered: &[Delivered], since: Timestamp) -> Result<u64, SequenceError> {
        let mut guard = self.state.lock().await;
        let mut state = match guard.take() {
            Some(state) if state.window.covers(since) => state,
            _ => self.load(since).await?,
        };
        if planted(Bug::LedgerRedeliveryUnchecked) {
            state.window = Window::new(since, self.retention);
        }
        // An error leaves no state behind: the next batch reads it anew.
        let sequenced = self.append(&mut state, delivered).await?;
        state.window.forget_before(since.plus(-SLACK));
        *guard = Some(state);
        Ok(sequenced)
    }

    async fn append(&self, state: &mut State, delivered: &[Delivered]) -> Result<u64, SequenceError> {
        let (mut sequenced, mut attempt, mut recalled) = (0, 0, Remembered::default());
        loop {
            self.recall(&mut recalled, &state.window, delivered).await?;
            let new = unsequenced(&state.window, &recalled, delivered);
            if new.is_empty() {
                return Ok(sequenced);
            }
            let now = self.clock.now();
            let now = state.tail.sequenced_at.map_or(now, |last| now.max(last));
            let Tail { epoch, next, .. } = state.tail;
            if planted(Bug::EpochBeforeSeal) && state.tail.sequenced_at.is_some() && Epoch::of(now) > epoch {
                state.tail.epoch = Epoch::of(now);
                self.open(Opening { epoch: state.tail.epoch, first: next, opened_at: now }).await?;
                continue;
            }
            let item = match Epoch::of(now) > epoch {
                true => LedgerItem::seal(epoch, next, now, Epoch::of(now)),
                false => LedgerItem::batch(epoch, next, now, &new).0,
            };
            match self.table.insert(&item).await {
                Inserted::Written => {
                    sequenced += item.end().get() - item.position.get();
                    self.take_in(state, &item).await?;
                    attempt = 0;
                }
                Inserted::Taken => self.follow(state).await?,
                Inserted::NoAnswer(reason) => {
                    // What is there now is taken in, ours or not; where nothing is, a late arrival of this insert can only collide with the next.
                    let before = state.tail;
                    self.follow(state).await?;
                    if state.tail == before {
                        attempt = self.pause(attempt, reason).await?;
                    }
                }
                Inserted::Throttled(reason) => attempt = self.pause(attempt, reason).await?,
                Inserted::Refused(source) => return Err(SequenceError::Refused { source }),
            }
        }
    }

    /// Reads on the entries around those that may be of these facts, where the window does not know them exactly.
    async fn recall(&self, recalled: &mut Remembered, window: &Window, delivered: &[Delivered]) -> Result<(), LedgerError> {
        if window.is_exact() {
            return Ok(());
        }
        let unknown = delivered.iter().flat_map(identities).filter(|identity| !recalled.has(*identity));
        let places: BTreeSet<_> = unknown.flat_map(|identity| window.places(identity)).map(|place| (place.start, place.end)).collect();
        for (start, end) in places {
            let mut walk = Reader::new(self.table.clone()).from(start).await?;
            while walk.tail().next < end
                && let Some(entries) = walk.next_entries().await?
            {
                entries.iter().for_each(|entry| recalled.add(entry));
            }
        }
        Ok(())
    }

    /// Takes in what others have sequenced after the tail.
    async fn follow(&self, state: &mut State) -> Result<(), SequenceError> {
        loop {
            let Tail { epoch, next, .. } = state.tail;
            let items = self.table.read_from(epoch, next, PAGE).await?;
            if items.is_empty() {
                return Ok(());
            }
            for item in &items {
                self.take_in(state, item).await?;
            }
        }
    }

    /// Moves the tail over an item that is known to be stored.
    async fn take_in(&self, state: &mut State, item: &LedgerItem) -> Result<(), SequenceError> {
        state.tail.pass(item)?;
        for entry in item.entries().map_err(LedgerError::from)? {
            state.window.add(&entry);
        }
        if let Content::Seal { next } = item.content {
            // Before anything goes into it, so that whoever looks for the newest epoch finds it.
            self.open(Opening { epoch: next, first: item.position, opened_at: item.sequenced_at }).await?;
        }
        Ok(())
    }

    async fn open(&self, opening: Opening) -> Result<(), SequenceError> {
        let mut attempt = 0;
        loop {
            match self.table.open(opening).await {
                Inserted::Written | Inserted::Taken => return Ok(()),
                Inserted::NoAnswer(reason) | Inserted::Throttled(reason) => attempt = self.pause(attempt, reason).await?,
                Inserted::Refused(source) => return Err(SequenceError::Refused { source }),
            }
        }
    }

    /// The end of the ledger, and what was sequenced since, read backwards.
    async fn load(&self, since: Timestamp) -> Result<State, SequenceError> {
        let newest = self.table.newest_epoch(None).await?;
        let mut window = Window::new(since, self.retention);
        let mut tail = match newest {
            Some(opening) => Tail::at(opening),
            None => Tail::BEFORE_ALL,
        };
        let (mut at, mut epoch, mut end_is_known) = (None, newest, false);
        while let Some(opening) = epoch {
            let items = self.table.newest_first(opening.epoch, at, PAGE).await?;
            for item in &items {
                if !end_is_known {
                    // A seal is left to `follow`, which opens what it names.
                    tail = Tail::after(item);
                    end_is_known = true;
                }
                if item.sequenced_at < since {
                    epoch = None;
                    break;
                }
                item.entries().map_err(LedgerError::from)?.iter().rev().for_each(|entry| window.add_before(entry));
            }
            let oldest = items.last().map(|item| item.position);
            if epoch.is_none() {
                break;
            }
            match oldest {
                Some(oldest) if oldest > opening.first => at = Some(Position::new(oldest.get() - 1)),
                // The beginning of the epoch, or nothing in it yet.
                _ => (at, epoch) = (None, self.epoch_before(opening, since).await?),
            }
        }
        let mut state = State { tail, window };
        self.follow(&mut state).await?;
        Ok(state)
    }

    /// The epoch before `opening`, unless all of it is older than `since`.
    async fn epoch_before(&self, opening: Opening, since: Timestamp) -> Result<Option<Opening>, SequenceError> {
        if opening.opened_at < since {
            return Ok(None);
        }
        let before = opening.epoch.before();
        Ok(self.table.newest_epoch(Some(before)).await?)
    }

    /// Waits before the next attempt, longer each time and never as long as another writer; gives up after the last.
    async fn pause(&self, attempt: u32, source: BoxError) -> Result<u32, SequenceError> {
        if attempt + 1 >= ATTEMPTS {
            return Err(SequenceError::Busy { source });
        }
        let most = 10_000u64.saturating_mul(1 << attempt.min(10)).min(1_000_000);
        tokio::time::sleep(Duration::from_micros(self.ids.random() % most)).await;
        Ok(attempt + 1)
    }
}

/// What a fact may be known as: itself, or a replacement of what is there.
fn identities(one: &Delivered) -> impl Iterator<Item = Identity> {
    let replaced = one.fact.is_insert().then(|| one.fact.replaced(&one.record).identity());
    std::iter::once(one.fact.identity()).chain(replaced)
}

/// The facts that are not known, each once. One whose key is known with other content is a replacement.
fn unsequenced(window: &Window, recalled: &Remembered, delivered: &[Delivered]) -> Vec<Fact> {
    let (mut here, mut new) = (HashMap::new(), vec![]);
    for one in delivered {
        let mut fact = one.fact.clone();
        loop {
            let (identity, hash) = (fact.identity(), fact.hash());
            let seen = match here.get(&identity) {
                Some(known) if *known == hash => Seen::Same,
                Some(_) => Seen::Other,
                None => window.seen(identity, hash).or(|| recalled.seen(identity, hash)),
            };
            match seen {
                Seen::New => {
                    here.insert(identity, hash);
                    new.push(fact);
                    break;
                }
                Seen::Other if fact.is_insert() => fact = fact.replaced(&one.record),
                Seen::Same | Seen::Other => break,
            }
        }
    }
    new
}
