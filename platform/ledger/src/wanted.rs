//! What a search keeps of a ledger's entries, and which items it may pass over for it.

use annals_kit::Timestamp;

use crate::entry::Entry;
use crate::fact::Fact;
use crate::summary::{Sought, Summary};

/// Conditions, all of which hold of what is kept; none at first.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of each list at least one holds.
    sought: Vec<Vec<Sought>>,
    recorded: Option<(Timestamp, Timestamp)>,
}

impl Wanted {
    /// Every entry.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Only those of this kind as well.
    pub fn and(self, sought: Sought) -> Self {
        self.and_one_of(vec![sought])
    }

    /// Only those that are of one of these kinds as well.
    pub fn and_one_of(mut self, sought: Vec<Sought>) -> Self {
        self.sought.push(sought);
        self
    }

    /// Only commits recorded between these times, both included, as well.
    pub fn and_recorded(mut self, from: Timestamp, until: Timestamp) -> Self {
        self.recorded = Some((from, until));
        self
    }

    /// Whether an item of this summary may hold one; when not, it surely does not.
    pub fn may_be_in(&self, summary: &Summary) -> bool {
        let sought = self.sought.iter().all(|kinds| kinds.iter().any(|kind| summary.may_hold(kind)));
        sought && self.recorded.is_none_or(|(from, until)| summary.may_be_recorded(from, until))
    }

    /// Whether it keeps this entry.
    pub fn keeps(&self, entry: &Entry) -> bool {
        let recorded = |from: Timestamp, until: Timestamp| match &entry.fact {
            Fact::Commit(commit) => (from..=until).contains(&commit.recorded_at),
            Fact::Irregular(_) => false,
        };
        let sought = self.sought.iter().all(|kinds| kinds.iter().any(|kind| kind.is(&entry.fact)));
        sought && self.recorded.is_none_or(|(from, until)| recorded(from, until))
    }
}
