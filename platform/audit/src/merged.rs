//! Several ledgers as one order: by when entries were sequenced, then by service and position.

use std::collections::VecDeque;
use std::ops::Range;

use annals_ledger::{Entry, Position, Search, Wanted};

use crate::history::{AuditError, Source};

/// A search of several ledgers.
pub(crate) struct Merged<'a>(Vec<Lane<'a>>);

struct Lane<'a> {
    source: &'a Source<'a>,
    search: Search,
    waiting: VecDeque<Entry>,
}

impl<'a> Merged<'a> {
    /// Searches each source in its range.
    pub(crate) async fn new(
        ranges: impl IntoIterator<Item = (&'a Source<'a>, Range<Position>)>,
        wanted: &Wanted,
    ) -> Result<Self, AuditError> {
        let mut lanes = vec![];
        for (source, range) in ranges {
            let search = source.reader.search(range, wanted.clone()).await?;
            lanes.push(Lane { source, search, waiting: VecDeque::new() });
        }
        Ok(Self(lanes))
    }

    /// The next entry, and whose it is.
    pub(crate) async fn next(&mut self) -> Result<Option<(&'a Source<'a>, Entry)>, AuditError> {
        for lane in &mut self.0 {
            if lane.waiting.is_empty() {
                lane.waiting = lane.search.next().await?.unwrap_or_default().into();
            }
        }
        let first = self.0.iter_mut().filter(|lane| !lane.waiting.is_empty()).min_by_key(|lane| lane.waiting[0].sequenced_at);
        Ok(first.and_then(|lane| Some((lane.source, lane.waiting.pop_front()?))))
    }

    /// The next entries, at most `most`.
    pub(crate) async fn some(&mut self, most: usize) -> Result<Vec<(&'a Source<'a>, Entry)>, AuditError> {
        let mut some = vec![];
        while some.len() < most
            && let Some(next) = self.next().await?
        {
            some.push(next);
        }
        Ok(some)
    }
}
