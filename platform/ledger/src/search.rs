//! Searches a range of a ledger: parts of it are read side by side, items that their summary rules out are passed over, and what is
//! wanted comes in the order of positions. Memory does not depend on how long the range is.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use annals_kit::Timestamp;
use tokio::task::JoinHandle;

use crate::entry::Entry;
use crate::item::{Content, Opening};
use crate::position::{Epoch, Position};
use crate::table::{LedgerError, LedgerTable};
use crate::tail::Tail;
use crate::wanted::Wanted;

/// Positions of one part: some 600 KB of full items.
const PART: u64 = 8_192;
/// Parts that are read or wait to be taken at a time.
const SIDE_BY_SIDE: usize = 8;
/// Items of one call; full ones end it earlier, at 1 MB.
const PAGE: i32 = 400;

/// What a search has read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Items that were read.
    pub items: u64,
    /// Those of them that were passed over, unopened.
    pub passed_over: u64,
    /// Entries of the others.
    pub opened: u64,
}

/// A search under way.
pub struct Search {
    table: LedgerTable,
    wanted: Arc<Wanted>,
    range: Range<Position>,
    parts: VecDeque<Part>,
    reading: VecDeque<Reading>,
    /// Where what has been taken ends.
    tail: Tail,
    found: VecDeque<Vec<Entry>>,
    effort: Effort,
}

/// Items of one epoch whose first position lies between these, both included.
#[derive(Clone, Copy, Debug)]
struct Part {
    epoch: Epoch,
    from: Position,
    until: Position,
}

/// A part on its way; dropped, it is given up.
struct Reading(JoinHandle<Result<Option<ReadPart>, LedgerError>>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A part that was read; its items follow each other.
struct ReadPart {
    before: Tail,
    after: Tail,
    found: Vec<Vec<Entry>>,
    effort: Effort,
}

impl Search {
    /// A search of `range`, which ends at or before the end of the ledger, from the item on that `tail` comes before.
    pub(crate) fn new(table: LedgerTable, epochs: &[Opening], range: Range<Position>, tail: Tail, wanted: Wanted) -> Self {
        let parts = parts(epochs, tail, range.end);
        let (reading, found) = (VecDeque::new(), VecDeque::new());
        Self { table, wanted: Arc::new(wanted), range, parts, reading, tail, found, effort: Effort::default() }
    }

    /// The wanted entries of the next item that has any, in order; `None` after the last.
    ///
    /// Cost: 1 call for each 1 MB or 400 items, ceil(bytes read / 4 KB) RCU: DynamoDB bills an item that is passed over as one that is not.
    ///
    /// Errors: a gap, or an order of items that a ledger does not have, is [`LedgerError::Broken`]: an answer is complete or none.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, LedgerError> {
        loop {
            if let Some(found) = self.found.pop_front() {
                return Ok(Some(found));
            }
            self.read_ahead();
            let Some(mut reading) = self.reading.pop_front() else { return self.whole().map(|()| None) };
            // A part that panics has found a broken invariant, and takes the search with it.
            let part = (&mut reading.0).await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))?;
            let Some(part) = part else { continue };
            self.tail.join(&part.before)?;
            self.tail = part.after;
            self.found = part.found.into();
            self.effort.items += part.effort.items;
            self.effort.passed_over += part.effort.passed_over;
            self.effort.opened += part.effort.opened;
        }
    }

    /// What it has read so far.
    pub fn effort(&self) -> Effort {
        self.effort
    }

    fn read_ahead(&mut self) {
        while self.reading.len() < SIDE_BY_SIDE
            && let Some(part) = self.parts.pop_front()
        {
            let (table, wanted, range) = (self.table.clone(), self.wanted.clone(), self.range.clone());
            self.reading.push_back(Reading(tokio::spawn(async move { read(&table, part, &wanted, &range).await })));
        }
    }

    /// Whether what was read reaches to the end of the range.
    fn whole(&self) -> Result<(), LedgerError> {
        if self.tail.next >= self.range.end {
            return Ok(());
        }
        let reason = format!("it ends there, and should go on to position {}", self.range.end);
        Err(LedgerError::Broken { key: format!("{} {}", self.tail.epoch, self.tail.next), reason })
    }
}

/// The parts of every epoch from `tail` to `end`; where they go on into the next epoch, with the seal between.
fn parts(epochs: &[Opening], tail: Tail, end: Position) -> VecDeque<Part> {
    let mut parts = VecDeque::new();
    for (place, opening) in epochs.iter().enumerate().filter(|(_, opening)| opening.epoch >= tail.epoch && opening.first < end) {
        let sealed_at = epochs.get(place + 1).map(|next| next.first).filter(|sealed| *sealed < end);
        let (mut from, until) = (opening.first.max(tail.next), sealed_at.map_or(end, |sealed| sealed.plus(1)));
        while from < until {
            let next = from.plus(PART).min(until);
            parts.push_back(Part { epoch: opening.epoch, from, until: Position::new(next.get() - 1) });
            from = next;
        }
    }
    parts
}

/// Reads one part; `None` where no item begins in it.
async fn read(table: &LedgerTable, part: Part, wanted: &Wanted, range: &Range<Position>) -> Result<Option<ReadPart>, LedgerError> {
    let (mut read, mut from): (Option<ReadPart>, _) = (None, part.from);
    while from <= part.until {
        let items = table.read_between(part.epoch, from, part.until, PAGE).await?;
        let Some(last) = items.last() else { break };
        from = last.position.plus(1);
        for item in &items {
            let read = read.get_or_insert_with(|| ReadPart {
                before: Tail::before(item),
                after: Tail::before(item),
                found: vec![],
                effort: Effort::default(),
            });
            read.after.pass(item)?;
            let Content::Batch { summary, .. } = &item.content else { continue };
            read.effort.items += 1;
            if !wanted.may_be_in(summary) {
                read.effort.passed_over += 1;
                continue;
            }
            let mut entries = item.entries()?;
            read.effort.opened += entries.len() as u64;
            entries.retain(|entry| range.contains(&entry.position) && wanted.keeps(entry));
            if !entries.is_empty() {
                read.found.push(entries);
            }
        }
    }
    Ok(read)
}

/// The times between which commits of a period were recorded, both included.
pub fn recorded_within(from: Timestamp, until: Timestamp) -> (Timestamp, Timestamp) {
    (from, until.plus(-chrono::TimeDelta::microseconds(1)))
}
