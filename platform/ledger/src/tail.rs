//! The end of a ledger, or of the part that has been read: what may come next.

use annals_kit::Timestamp;

use crate::item::{Content, LedgerItem, Opening};
use crate::position::{Epoch, Position};
use crate::table::LedgerError;

/// Where the next entry goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The epoch.
    pub epoch: Epoch,
    /// The position.
    pub next: Position,
    /// When the last item was written; `None` before the first.
    pub sequenced_at: Option<Timestamp>,
}

impl Tail {
    /// Before the first item of any ledger.
    pub const BEFORE_ALL: Self = Self { epoch: Epoch::BEFORE_ALL, next: Position::FIRST, sequenced_at: None };

    /// The beginning of an epoch.
    pub(crate) fn at(opening: Opening) -> Self {
        Self { epoch: opening.epoch, next: opening.first, sequenced_at: Some(opening.opened_at) }
    }

    /// Directly before an item.
    pub(crate) fn before(item: &LedgerItem) -> Self {
        Self { epoch: item.epoch, next: item.position, sequenced_at: Some(item.sequenced_at) }
    }

    /// Directly after a batch; before a seal.
    pub(crate) fn after(item: &LedgerItem) -> Self {
        Self { next: item.end(), ..Self::before(item) }
    }

    /// Moves to `part`, the beginning of something that was read apart and must go on from here.
    pub(crate) fn join(&self, part: &Self) -> Result<(), LedgerError> {
        let goes_on = (part.epoch, part.next) == (self.epoch, self.next) && part.sequenced_at >= self.sequenced_at;
        match goes_on {
            true => Ok(()),
            false => {
                let reason = format!("it should go on at {} {:020}", self.epoch, self.next.get());
                Err(LedgerError::Broken { key: format!("{} {:020}", part.epoch, part.next.get()), reason })
            }
        }
    }

    /// Moves over the next item, which must come directly after: at the next position, not earlier, on its epoch's day.
    pub(crate) fn pass(&mut self, item: &LedgerItem) -> Result<(), LedgerError> {
        let broken = |reason: String| Err(LedgerError::Broken { key: item.key(), reason });
        if item.epoch != self.epoch || item.position != self.next {
            return broken(format!("it should be at {} {:020}", self.epoch, self.next.get()));
        }
        if let Some(last) = self.sequenced_at.filter(|last| item.sequenced_at < *last) {
            return broken(format!("it is of {}, earlier than the one before, of {last}", item.sequenced_at));
        }
        let day = Epoch::of(item.sequenced_at);
        let fits = match &item.content {
            Content::Batch { .. } => day == self.epoch,
            Content::Seal { next } => day == *next && *next > self.epoch,
        };
        if !fits {
            return broken(format!("its time, {}, is not of that day", item.sequenced_at));
        }
        *self = Self::after(item);
        if let Content::Seal { next } = &item.content {
            self.epoch = *next;
        }
        Ok(())
    }
}
