//! State at a position: how far streams had come by then, and what came late.
//!
//! A commit is late at a position when it was recorded before the last entry that precedes the position was sequenced, and got its own place at or after it: whoever
//! looked at that moment could not have seen it.

use std::collections::BTreeSet;
use std::ops::Range;

use annals_kit::{StreamId, Timestamp, Version};

use crate::entry::Entry;
use crate::fact::{CommitFact, Fact};
use crate::position::Position;
use crate::prefixes::Prefixes;
use crate::reader::Reader;
use crate::search::recorded_within;
use crate::summary::Sought;
use crate::table::LedgerError;
use crate::wanted::Wanted;

/// How a stream stood at a position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamAt {
    /// The last version of its longest prefix without a gap; `None` where nothing could be known.
    pub version: Option<Version>,
    /// Versions that had a place already, behind one that had none.
    pub beyond: BTreeSet<u64>,
    /// Versions that were recorded by then and got their place later, and where.
    pub late: Vec<(Version, Position)>,
}

impl Reader {
    /// How `stream` stood after the entries before `position`, none of which is of the stream before `first`.
    ///
    /// Cost: the entries from `first` on, see [`crate::search::Search::next`].
    pub async fn stream_at(&self, stream: &StreamId, first: Position, position: Position) -> Result<StreamAt, LedgerError> {
        let wanted = Wanted::everything().and(Sought::Stream(stream.clone()));
        let (mut search, mut prefixes) = (self.search(first..position, wanted.clone()).await?, Prefixes::default());
        while let Some(entries) = search.next().await? {
            entries.iter().for_each(|entry| prefixes.add(&entry.fact));
        }
        let mut late = vec![];
        if let Some(moment) = self.moment(position).await? {
            let (from, until) = (Timestamp::new(chrono::DateTime::<chrono::Utc>::MIN_UTC), moment);
            let mut search = self.search(position..self.end().await?, wanted.and_recorded(from, until)).await?;
            while let Some(entries) = search.next().await? {
                late.extend(entries.iter().filter_map(|entry| Some((commit(entry)?.version, entry.position))));
            }
        }
        Ok(StreamAt { version: prefixes.of(stream), beyond: prefixes.beyond(stream), late })
    }

    /// How every stream stood after the entries before `position`.
    ///
    /// Cost: all entries before it. Memory: 30 to 60 bytes a stream.
    pub async fn streams_at(&self, position: Position) -> Result<Prefixes, LedgerError> {
        let mut search = self.search(Position::FIRST..position, Wanted::everything()).await?;
        let mut prefixes = Prefixes::default();
        while let Some(entries) = search.next().await? {
            entries.iter().for_each(|entry| prefixes.add(&entry.fact));
        }
        Ok(prefixes)
    }

    /// When the last entry before `position` was sequenced.
    ///
    /// Cost: as [`Reader::from`], and one item.
    pub async fn moment(&self, position: Position) -> Result<Option<Timestamp>, LedgerError> {
        let Some(last) = position.get().checked_sub(1) else { return Ok(None) };
        Ok(self.entry(Position::new(last)).await?.map(|entry| entry.sequenced_at))
    }

    /// The positions of what was sequenced in a period, and a search for what was recorded in it and got its place later.
    ///
    /// Cost: as [`Reader::since`], twice.
    pub async fn period(&self, from: Timestamp, until: Timestamp) -> Result<Range<Position>, LedgerError> {
        let first = self.position_at(from).await?;
        Ok(first..self.position_at(until).await?.max(first))
    }

    /// A search for the commits that were recorded in a period and got their place behind it, at `end` or later.
    pub async fn late_for(&self, from: Timestamp, until: Timestamp, end: Position) -> Result<crate::search::Search, LedgerError> {
        let (from, until) = recorded_within(from, until);
        self.search(end..self.end().await?, Wanted::everything().and_recorded(from, until)).await
    }
}

/// What an entry says of a commit.
fn commit(entry: &Entry) -> Option<&CommitFact> {
    match &entry.fact {
        Fact::Commit(commit) => Some(commit),
        Fact::Irregular(_) => None,
    }
}
