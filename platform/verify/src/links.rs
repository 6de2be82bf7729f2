//! The chains of a period's streams: every commit names the hash of the one before it, whatever order they were sequenced in.

use std::collections::HashMap;

use crate::commit::Previous;
use crate::finding::Finding;
use crate::leaf::{CommitLeaf, hex};

/// The commits of a stream that follow each other without a gap.
struct Run {
    first: u64,
    /// What the first one names as its predecessor's hash.
    before: Previous,
    last: u64,
    hash: [u8; 32],
    recorded_at: String,
}

/// What is known of the streams so far: one run each, unless commits were sequenced out of order.
#[derive(Default)]
pub(crate) struct Links(HashMap<Box<str>, Vec<Run>>);

impl Links {
    /// Adds a commit, and checks it against those beside it.
    pub(crate) fn add(&mut self, leaf: &CommitLeaf<'_>, previous: Previous) -> Result<(), Finding> {
        let Some(runs) = self.0.get_mut(leaf.stream) else {
            self.0.insert(leaf.stream.into(), vec![Run::of(leaf, previous)]);
            return Ok(());
        };
        if runs.iter().any(|run| (run.first..=run.last).contains(&leaf.version)) {
            return Err(Finding::new("population", format!("{} version {} is there twice", leaf.stream, leaf.version)));
        }
        if let Some(run) = runs.iter_mut().find(|run| run.last + 1 == leaf.version) {
            run.append(leaf, previous)?;
        } else {
            runs.push(Run::of(leaf, previous));
        }
        if runs.len() > 1 {
            join(leaf.stream, runs)?;
        }
        Ok(())
    }

    /// How many streams there are, and how many of them had commits before.
    pub(crate) fn streams(&self) -> (u64, u64) {
        let begun_before = self.0.values().filter(|runs| runs.iter().all(|run| run.first > 1)).count();
        (self.0.len() as u64, begun_before as u64)
    }

    /// The streams of which a version lies between two that are here, and is not here itself: it was sequenced in another period.
    pub(crate) fn torn(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, runs)| runs.len() > 1).map(|(stream, _)| &**stream)
    }
}

impl Run {
    fn of(leaf: &CommitLeaf<'_>, previous: Previous) -> Self {
        Self { first: leaf.version, before: previous, last: leaf.version, hash: leaf.hash, recorded_at: leaf.recorded_at.into() }
    }

    fn append(&mut self, leaf: &CommitLeaf<'_>, previous: Previous) -> Result<(), Finding> {
        linked(leaf.stream, leaf.version, self.hash, previous)?;
        if *leaf.recorded_at < *self.recorded_at {
            let what =
                format!("{} version {} was recorded at {}, before version {}", leaf.stream, leaf.version, leaf.recorded_at, self.last);
            return Err(Finding::new("chain", what));
        }
        (self.last, self.hash) = (leaf.version, leaf.hash);
        leaf.recorded_at.clone_into(&mut self.recorded_at);
        Ok(())
    }
}

/// Joins runs that touch.
fn join(stream: &str, runs: &mut Vec<Run>) -> Result<(), Finding> {
    runs.sort_by_key(|run| run.first);
    let mut joined: Vec<Run> = vec![];
    for run in runs.drain(..) {
        match joined.last_mut().filter(|last| last.last + 1 == run.first) {
            Some(last) => {
                linked(stream, run.first, last.hash, run.before)?;
                (last.last, last.hash, last.recorded_at) = (run.last, run.hash, run.recorded_at);
            }
            None => joined.push(run),
        }
    }
    *runs = joined;
    Ok(())
}

fn linked(stream: &str, version: u64, hash: [u8; 32], previous: Previous) -> Result<(), Finding> {
    if previous == Some(hash) {
        return Ok(());
    }
    let named = previous.map_or("nothing".to_owned(), |hash| hex(&hash));
    let what = format!("{stream} version {version} names {named} as the commit before it, which is {}", hex(&hash));
    Err(Finding::new("chain", what))
}
