//! What a developer writes of a projection that sums, counts or collects over many streams.

use std::collections::BTreeMap;
use std::fmt;

use annals_kit::{Event, Recorded, StreamId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::rows::CannotFold;

/// Sums, counts and sets over many streams.
///
/// Each stream's contributions are kept as items of their own, changed in one transaction with the stream's stamp and the totals, so that
/// a total is exactly the sum of its contributions under every fault, and can be explained by them. A new revision counts from the beginning,
/// into totals of its own beside the old ones.
pub trait Totals: Send + Sync + 'static {
    /// Its name, such as `revenue-by-month`, unique in the service: `A-Z a-z 0-9 _ -`.
    const NAME: &'static str;
    /// The streams it reads, such as `INV`.
    const STREAM_TYPE: &'static str;
    /// Raised whenever the fold or the state's form changes.
    const REVISION: u32;
    /// The stream's events.
    type Event: Event;
    /// What one stream must remember between two events.
    type State: Default + Serialize + DeserializeOwned;

    /// Takes in one event: changes the state, and adds to totals. An error, or a panic, parks the stream in this projection only, and
    /// nothing of the commit is added.
    fn fold(
        stream: &StreamId,
        state: &mut Self::State,
        event: &Self::Event,
        recorded: Recorded,
        totals: &mut Contributions,
    ) -> Result<(), CannotFold>;
}

/// What a total is of, such as `EUR/2026-11`: parts from the broad to the narrow, by which totals are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TotalKey(String);

impl TotalKey {
    /// The key of these parts. A `/` within one is spelt `%2F`.
    pub fn of<const N: usize>(parts: [&str; N]) -> Self {
        Self(parts.map(|part| part.replace('%', "%25").replace('/', "%2F")).join("/"))
    }

    /// A key as it is written: parts joined by `/`.
    pub fn written(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TotalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A sum and a count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// The sum, in minor units where it is money.
    pub sum: i128,
    /// How many.
    pub count: i128,
}

impl Amount {
    /// Whether it adds nothing.
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self { sum: self.sum + other.sum, count: self.count + other.count }
    }
}

/// What some commits of a stream add to totals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contributions(BTreeMap<TotalKey, Amount>);

impl Contributions {
    /// Adds `sum`, which may be negative, and `count` to a total.
    pub fn add(&mut self, key: TotalKey, sum: i64, count: i64) {
        let amount = self.0.entry(key).or_default();
        *amount = amount.plus(Amount { sum: sum.into(), count: count.into() });
    }

    /// Puts the stream into a set: a set is the totals under one key whose count is above zero.
    pub fn join(&mut self, member: TotalKey) {
        self.add(member, 0, 1);
    }

    /// Takes the stream out of a set.
    pub fn leave(&mut self, member: TotalKey) {
        self.add(member, 0, -1);
    }

    /// What is added, by key; what adds nothing is left out.
    pub fn iter(&self) -> impl Iterator<Item = (&TotalKey, Amount)> {
        self.0.iter().map(|(key, amount)| (key, *amount)).filter(|(_, amount)| !amount.is_zero())
    }

    /// What is added to one total.
    pub fn to(&self, key: &TotalKey) -> Amount {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: &Self) {
        for (key, amount) in other.iter() {
            let known = self.0.entry(key.clone()).or_default();
            *known = known.plus(amount);
        }
    }
}
