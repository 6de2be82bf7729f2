//! Reads a ledger: its end, and its entries from a position or a time on, a page in memory at a time.

use std::collections::VecDeque;
use std::ops::Range;

use annals_kit::Timestamp;

use crate::entry::Entry;
use crate::item::{LedgerItem, Opening};
use crate::position::Position;
use crate::search::Search;
use crate::table::{LedgerError, LedgerTable};
use crate::tail::Tail;
use crate::wanted::Wanted;

const PAGE: i32 = 50;

/// Reads one ledger.
#[derive(Clone)]
pub struct Reader {
    table: LedgerTable,
}

/// Items in order, each checked to follow the one before.
pub struct Walk {
    table: LedgerTable,
    tail: Tail,
    read: VecDeque<LedgerItem>,
}

impl Reader {
    /// Reads the ledger in `table`.
    pub fn new(table: LedgerTable) -> Self {
        Self { table }
    }

    /// Where the next entry will go: as many entries as this position says are in the ledger.
    ///
    /// Cost: 2 calls, 1 RCU and the newest item.
    pub async fn end(&self) -> Result<Position, LedgerError> {
        let Some(newest) = self.table.newest_epoch(None).await? else { return Ok(Position::FIRST) };
        let items = self.table.newest_first(newest.epoch, None, 1).await?;
        Ok(items.first().map_or(newest.first, LedgerItem::end))
    }

    /// Every item from the very first on, seals included: nothing is taken from the directory.
    pub fn all(&self) -> Walk {
        self.walk(Tail::BEFORE_ALL)
    }

    /// Items from the one that holds `position` on, or, where there is no such entry yet, from the end on.
    ///
    /// Cost: the directory, 1 call and one item to begin with.
    pub async fn from(&self, position: Position) -> Result<Walk, LedgerError> {
        Ok(self.walk(self.tail_at(&self.table.epochs().await?, position).await?))
    }

    /// Before the item that holds `position`.
    async fn tail_at(&self, epochs: &[Opening], position: Position) -> Result<Tail, LedgerError> {
        let Some(epoch) = epochs.iter().rfind(|epoch| epoch.first <= position) else { return Ok(Tail::BEFORE_ALL) };
        let at = self.table.newest_first(epoch.epoch, Some(position), 1).await?;
        Ok(match at.first() {
            Some(item) if item.end() > position => Tail::before(item),
            // The last one before it: the ledger ends there, or what follows is gone.
            Some(item) => Tail::after(item),
            None => Tail::at(*epoch),
        })
    }

    /// The entry at `position`, where there is one.
    ///
    /// Cost: as [`Reader::from`], and one item.
    pub async fn entry(&self, position: Position) -> Result<Option<Entry>, LedgerError> {
        let entries = self.from(position).await?.next_entries().await?.unwrap_or_default();
        Ok(entries.into_iter().find(|entry| entry.position == position))
    }

    /// The position of the first entry that was sequenced at `time` or later; where there is none yet, of the next.
    ///
    /// Cost: as [`Reader::since`].
    pub async fn position_at(&self, time: Timestamp) -> Result<Position, LedgerError> {
        Ok(self.since(time).await?.tail().next)
    }

    /// The wanted entries of a range, which ends with the ledger if it would go on.
    ///
    /// Cost: the directory and 2 calls; then see [`Search::next`].
    pub async fn search(&self, range: Range<Position>, wanted: Wanted) -> Result<Search, LedgerError> {
        let epochs = self.table.epochs().await?;
        let range = range.start..range.end.min(self.end().await?).max(range.start);
        let tail = match range.is_empty() {
            true => Tail { next: range.end, ..Tail::BEFORE_ALL },
            false => self.tail_at(&epochs, range.start).await?,
        };
        Ok(Search::new(self.table.clone(), &epochs, range, tail, wanted))
    }

    /// Items from the first one on that was sequenced at `time` or later.
    ///
    /// Cost: the directory, then 1 call and one item for each halving of the day's items.
    pub async fn since(&self, time: Timestamp) -> Result<Walk, LedgerError> {
        let epochs = self.table.epochs().await?;
        let Some(place) = epochs.iter().rposition(|epoch| epoch.opened_at < time) else { return Ok(self.all()) };
        let end = self.end_of(&epochs, place).await?;
        Ok(self.walk(self.first_since(epochs[place], end, time).await?))
    }

    /// The position after the last entry of an epoch.
    async fn end_of(&self, epochs: &[Opening], place: usize) -> Result<Position, LedgerError> {
        match epochs.get(place + 1) {
            Some(next) => Ok(next.first),
            None => self.end().await,
        }
    }

    /// Halves the positions of an epoch until the last item before `time` is found; after that one.
    async fn first_since(&self, opening: Opening, end: Position, time: Timestamp) -> Result<Tail, LedgerError> {
        let (mut before, mut low, mut high) = (Tail::at(opening), opening.first.get(), end.get());
        while low < high {
            let middle = Position::new(low + (high - low) / 2);
            let Some(item) = self.table.newest_first(opening.epoch, Some(middle), 1).await?.into_iter().next() else { break };
            if item.sequenced_at < time {
                before = Tail::after(&item);
                low = item.end().get();
            } else {
                high = item.position.get();
            }
        }
        Ok(before)
    }

    fn walk(&self, tail: Tail) -> Walk {
        Walk { table: self.table.clone(), tail, read: VecDeque::new() }
    }
}

impl Walk {
    /// The next item, a seal or a batch; `None` where the ledger ends for now. Asking again later goes on from there.
    ///
    /// Cost: 1 call for 50 items or 1 MB, ceil(bytes read / 4 KB) RCU.
    pub async fn next(&mut self) -> Result<Option<LedgerItem>, LedgerError> {
        self.read_on().await?;
        let Some(item) = self.read.front() else { return Ok(None) };
        self.tail.pass(item)?;
        Ok(self.read.pop_front())
    }

    /// The entries of the next item that has any. An item that cannot be read is not passed over: asking again fails again.
    pub async fn next_entries(&mut self) -> Result<Option<Vec<Entry>>, LedgerError> {
        loop {
            self.read_on().await?;
            let Some(item) = self.read.front() else { return Ok(None) };
            let entries = item.entries()?;
            self.next().await?;
            if !entries.is_empty() {
                return Ok(Some(entries));
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), LedgerError> {
        if self.read.is_empty() {
            self.read = self.table.read_from(self.tail.epoch, self.tail.next, PAGE).await?.into();
        }
        Ok(())
    }

    /// Where it has come to.
    pub fn tail(&self) -> Tail {
        self.tail
    }
}
