//! Given, when, then for projections: tests of a fold that read as sentences, without a database.
//!
//! ```text
//! given("INV#7".parse()?).on(day(1), issued(4900)).on(day(3), paid(4900)).totals::<RevenueByMonth>()
//! ```

use annals_kit::{Recorded, StreamId, Timestamp, Version};
use annals_reads::Item;

use crate::rows::{CannotFold, Rows};
use crate::totals::{Amount, Contributions, TotalKey, Totals};

/// The history of one stream, a commit an event.
pub struct Given<E> {
    stream: StreamId,
    history: Vec<(Timestamp, E)>,
}

/// Nothing has happened yet on this stream.
pub fn given<E>(stream: StreamId) -> Given<E> {
    Given { stream, history: vec![] }
}

impl<E> Given<E> {
    /// Then this happened, at that time.
    pub fn on(mut self, at: Timestamp, event: E) -> Self {
        self.history.push((at, event));
        self
    }

    fn folded<S: Default>(&self, mut step: impl FnMut(&mut S, &E, Recorded) -> Result<(), CannotFold>) -> Result<S, CannotFold> {
        let mut state = S::default();
        let mut version = None;
        for (at, event) in &self.history {
            let this = Version::after(version);
            step(&mut state, event, Recorded { version: this, at: *at })?;
            version = Some(this);
        }
        Ok(state)
    }

    /// What the stream contributes to totals, in the order of their keys; or the reason for which it parks.
    pub fn totals<P: Totals<Event = E>>(&self) -> Result<Vec<(String, i128, i128)>, CannotFold> {
        let mut totals = Contributions::default();
        self.folded(|state, event, recorded| P::fold(&self.stream, state, event, recorded, &mut totals))?;
        let plain = |(key, amount): (&TotalKey, Amount)| (key.to_string(), amount.sum, amount.count);
        Ok(totals.iter().map(plain).collect())
    }

    /// The rows of the stream, as entity and attributes without keys; or the reason for which it parks.
    ///
    /// # Panics
    /// When a row cannot be stored in DynamoDB's types.
    pub fn rows<P: Rows<Event = E>>(&self) -> Result<Vec<(&'static str, Item)>, CannotFold> {
        let state = self.folded(|state, event, recorded| P::fold(&self.stream, state, event, recorded))?;
        let rows = P::rows(&self.stream, &state).into_iter();
        Ok(rows.map(|row| (row.entity, row.content.expect("the row has a form that DynamoDB stores"))).collect())
    }
}
