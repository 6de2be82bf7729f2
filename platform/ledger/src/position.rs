//! Where an entry stands: its position in the ledger, and the epoch that holds it.

use std::fmt;
use std::str::FromStr;

use annals_kit::Timestamp;
use chrono::NaiveDate;

/// The place of an entry in the total order of a service's commits, counted from 0 without gaps: also its leaf index in the Merkle tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// The first entry of a ledger.
    pub const FIRST: Self = Self(0);

    /// The position of this number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number: how many entries come before.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The position this many entries later.
    pub fn plus(self, entries: u64) -> Self {
        Self(self.0.saturating_add(entries))
    }

    /// The sort key: 20 digits, so that text order is number order.
    pub(crate) fn sort_key(self) -> String {
        format!("{:020}", self.0)
    }

    pub(crate) fn from_sort_key(text: &str) -> Option<Self> {
        let digits = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The UTC day on which entries were sequenced, written `2026-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(NaiveDate);

/// The text is not an epoch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a day such as 2026-01-31")]
pub struct NotAnEpoch;

impl Epoch {
    /// The epoch before all others. It has no entries: its seal, at position 0, names the first day of the ledger, so that two writers
    /// cannot begin on different days.
    pub const BEFORE_ALL: Self = Self(NaiveDate::from_ymd_opt(0, 1, 1).unwrap());

    /// The epoch of entries sequenced at this time.
    pub fn of(time: Timestamp) -> Self {
        Self(time.date())
    }

    /// The day before; of the first day of all, itself.
    pub(crate) fn before(self) -> Self {
        Self(self.0.pred_opt().filter(|day| *day >= Self::BEFORE_ALL.0).unwrap_or(Self::BEFORE_ALL.0))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%d").fmt(f)
    }
}

impl FromStr for Epoch {
    type Err = NotAnEpoch;

    fn from_str(text: &str) -> Result<Self, NotAnEpoch> {
        let epoch = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self).map_err(|_| NotAnEpoch)?;
        if epoch.to_string() == text { Ok(epoch) } else { Err(NotAnEpoch) }
    }
}
