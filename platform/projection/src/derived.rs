//! Projections of several rows and of totals without their types, as a follower holds them; and folds that may fail.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use annals_kit::{Event, Recorded, StreamId, Version};
use annals_log::Commit;
use annals_planted::{Bug, planted};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::projection::Stuck;
use crate::rows::{CannotFold, NewRow, Rows};
use crate::totals::{Contributions, Totals};

/// What folding some commits of a stream came to.
pub(crate) struct Outcome {
    /// The state after the last commit that could be folded.
    pub(crate) state: AttributeValue,
    /// How many commits could be.
    pub(crate) folded: usize,
    /// What they add to totals.
    pub(crate) totals: Contributions,
    /// The rows before and after them.
    pub(crate) rows: (Vec<NewRow>, Vec<NewRow>),
    /// Why the others could not be.
    pub(crate) stuck: Option<Stuck>,
}

/// A projection of several rows or of totals, without its types.
pub(crate) trait Derived: Send + Sync {
    fn name(&self) -> &'static str;
    fn stream_type(&self) -> &'static str;
    fn revision(&self) -> u32;
    fn has_totals(&self) -> bool;
    /// What the stamps of its revision are kept under.
    fn slot(&self) -> String {
        self.slot_at(self.revision())
    }
    /// The same of another revision: totals have stamps of their own for each.
    fn slot_at(&self, revision: u32) -> String {
        if self.has_totals() && !planted(Bug::TotalsMixRevisions) { format!("{}-r{revision}", self.name()) } else { self.name().into() }
    }
    /// Folds commits into a stored state; `None` before the first.
    fn fold(&self, stream: &StreamId, stored: Option<&AttributeValue>, commits: &[Commit]) -> Result<Outcome, serde_dynamo::Error>;
}

pub(crate) struct OfRows<P>(pub(crate) PhantomData<fn() -> P>);
pub(crate) struct OfTotals<P>(pub(crate) PhantomData<fn() -> P>);

impl<P: Rows> Derived for OfRows<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn stream_type(&self) -> &'static str {
        P::STREAM_TYPE
    }

    fn revision(&self) -> u32 {
        P::REVISION
    }

    fn has_totals(&self) -> bool {
        false
    }

    fn fold(&self, stream: &StreamId, stored: Option<&AttributeValue>, commits: &[Commit]) -> Result<Outcome, serde_dynamo::Error> {
        let before = stored.map(|_| load::<P::State>(stored)).transpose()?;
        let start = || load::<P::State>(stored);
        let (state, folded, stuck) = fold_commits(start, commits, |state, stream, events: &[P::Event], recorded| {
            events.iter().try_for_each(|event| P::fold(stream, state, event, recorded))
        })?;
        let rows = |state: &P::State| P::rows(stream, state);
        let rows = (before.as_ref().map_or_else(Vec::new, rows), rows(&state));
        Ok(Outcome { state: serde_dynamo::to_attribute_value(&state)?, folded, totals: Contributions::default(), rows, stuck })
    }
}

impl<P: Totals> Derived for OfTotals<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn stream_type(&self) -> &'static str {
        P::STREAM_TYPE
    }

    fn revision(&self) -> u32 {
        P::REVISION
    }

    fn has_totals(&self) -> bool {
        true
    }

    fn fold(&self, _: &StreamId, stored: Option<&AttributeValue>, commits: &[Commit]) -> Result<Outcome, serde_dynamo::Error> {
        let start = || load::<P::State>(stored).map(|state| (state, Contributions::default()));
        let ((state, totals), folded, stuck) = fold_commits(start, commits, |(state, totals), stream, events: &[P::Event], recorded| {
            events.iter().try_for_each(|event| P::fold(stream, state, event, recorded, totals))
        })?;
        Ok(Outcome { state: serde_dynamo::to_attribute_value(&state)?, folded, totals, rows: (vec![], vec![]), stuck })
    }
}

fn load<S: Default + Serialize + DeserializeOwned>(stored: Option<&AttributeValue>) -> Result<S, serde_dynamo::Error> {
    stored.map_or_else(|| Ok(S::default()), |value| serde_dynamo::from_attribute_value(value.clone()))
}

/// Folds whole commits; where one cannot be read or folded, all before it, and nothing of it.
pub(crate) fn fold_commits<S, E: Event, X>(
    start: impl Fn() -> Result<S, X>,
    commits: &[Commit],
    step: impl Fn(&mut S, &StreamId, &[E], Recorded) -> Result<(), CannotFold>,
) -> Result<(S, usize, Option<Stuck>), X> {
    let (mut most, mut stuck) = (commits.len(), None);
    loop {
        let mut state = start()?;
        match commits[..most].iter().enumerate().find_map(|(n, commit)| Some((n, fold_commit(&mut state, commit, &step).err()?))) {
            None => return Ok((state, most, stuck)),
            // The commit may have been taken in by half: once more, up to it. It ends, as each time there are fewer.
            Some((n, reason)) => (most, stuck) = (n, Some(reason)),
        }
    }
}

fn fold_commit<S, E: Event>(
    state: &mut S,
    commit: &Commit,
    step: &impl Fn(&mut S, &StreamId, &[E], Recorded) -> Result<(), CannotFold>,
) -> Result<(), Stuck> {
    let stuck = |reason: String| Stuck { version: commit.version, reason };
    let events: Vec<E> =
        commit.events.iter().map(|event| event.decode()).collect::<Result<_, _>>().map_err(|error| stuck(error.to_string()))?;
    let recorded = Recorded { version: commit.version, at: commit.recorded_at };
    let types = || commit.events.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>().join(", ");
    match caught(|| step(state, &commit.stream, &events, recorded)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(stuck(format!("{}: {reason}", types()))),
        Err(panic) => Err(stuck(format!("{}: the fold panicked: {panic}", types()))),
    }
}

/// Runs what a developer wrote; what its panic said. The state it leaves behind is thrown away.
fn caught<T>(fold: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(fold)).map_err(|panic: Box<dyn Any + Send>| {
        let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
        said.unwrap_or_else(|| "without a word".into())
    })
}

/// The first version that some commits lack, to park at where none of them is to blame.
pub(crate) fn first_version(commits: &[Commit]) -> Version {
    commits.first().map_or(Version::FIRST, |commit| commit.version)
}
