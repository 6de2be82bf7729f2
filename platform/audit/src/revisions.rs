//! Questions 1 and 3: every revision of a stream, field by field; or who changed one field.

use std::collections::BTreeMap;

use annals_kit::StreamId;
use annals_ledger::{Entry, Fact, Position};
use chrono::TimeDelta;

use crate::answer::{Cell, Column, Out, Said, columns};
use crate::diff::{changes, fields, is_in};
use crate::domain::State;
use crate::history::{AuditError, History, Source};

/// How much earlier than it was recorded a commit may seem to have been sequenced: clocks disagree.
pub(crate) const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(15);

/// One row for each field that a revision changed; a revision that changed none has one row, without a field.
pub(crate) const COLUMNS: &[Column] = columns![
    "version": Integer, "position": Integer, "recorded_at": Time, "actor": Text, "events": Text, "field": Text, "from": Json, "to": Json,
    "correlation": Text, "command": Text, "tenant": Text, "hash": Text,
];

/// Tells them all, or those that changed `field`.
///
/// Cost: the stream's commits, and the ledger from its first commit on, of which summaries rule out most. Memory: the stream's commits.
pub(crate) async fn tell(
    history: &History,
    sources: &[Source<'_>],
    stream: &StreamId,
    field: Option<&str>,
    out: &mut Out<'_>,
) -> Result<Said, AuditError> {
    let Some((source, commits)) = history.stream(sources, stream).await? else {
        return Ok(Said::no(format!("{stream} has no commit")));
    };
    let positions = positions(source, stream, &commits).await?;
    let (mut state, mut before, mut revisions) = (history.domain().state(stream), BTreeMap::new(), 0u64);
    for (commit, hash) in &commits {
        apply(&mut *state, commit)?;
        let after = fields(&state.value());
        let mut changed = changes(&before, &after);
        before = after;
        if let Some(field) = field {
            changed.retain(|(path, ..)| is_in(path, field));
            if changed.is_empty() {
                continue;
            }
        }
        revisions += 1;
        let events: Vec<_> = commit.events.iter().map(|event| event.event_type.as_str()).collect();
        let row = |path: Cell, from: Cell, to: Cell| {
            vec![
                Cell::number(commit.version.get()),
                Cell::of(positions.get(&commit.version.get()).map(|position| position.get())),
                commit.recorded_at.into(),
                Cell::text(&commit.actor),
                Cell::text(events.join(" ")),
                path,
                from,
                to,
                Cell::text(commit.correlation),
                Cell::text(commit.command),
                Cell::text(&commit.tenant),
                Cell::text(hash),
            ]
        };
        if changed.is_empty() {
            out.row(row(Cell::Nothing, Cell::Nothing, Cell::Nothing))?;
        }
        for (path, from, to) in changed {
            out.row(row(path.into(), Cell::of(from), Cell::of(to)))?;
        }
    }
    let waiting = commits.len() - positions.len();
    let said = match field {
        Some(field) if revisions == 0 => Said::no(format!("no revision of {stream} changed {field}")),
        Some(field) => Said::yes(format!("{revisions} of {} revisions of {stream} changed {field}", commits.len())),
        None => Said::yes(format!("{revisions} revisions of {stream}")),
    };
    Ok(said.with("revisions", revisions).with("without_position", waiting as u64))
}

pub(crate) fn apply(state: &mut dyn State, commit: &annals_log::Commit) -> Result<(), AuditError> {
    state
        .apply(commit)
        .map_err(|error| AuditError::Differs(format!("{} version {} cannot be folded: {error}", commit.stream, commit.version)))
}

/// Where the commits of a stream are in the ledger. One that is there otherwise than in the log, or not in the log at all, is tampering;
/// one that is not there yet waits for its turn.
pub(crate) async fn positions(
    source: &Source<'_>,
    stream: &StreamId,
    commits: &[(annals_log::Commit, annals_log::CommitHash)],
) -> Result<BTreeMap<u64, Position>, AuditError> {
    let first = first_position(source, commits).await?;
    let mut positions = BTreeMap::new();
    for entry in entries(source, stream, first).await? {
        let Fact::Commit(fact) = &entry.fact else { continue };
        let stored = commits.get(fact.version.get() as usize - 1).map(|(_, hash)| hash.0);
        // Commits that came after the log was read are not in it yet.
        if stored.is_some_and(|hash| hash != fact.hash) {
            let what = format!("{stream} version {} is not what was sequenced at position {}", fact.version, entry.position);
            return Err(AuditError::Differs(what));
        }
        if stored.is_some() {
            positions.insert(fact.version.get(), entry.position);
        }
    }
    Ok(positions)
}

/// The first position at which an entry of the stream may be.
pub(crate) async fn first_position(
    source: &Source<'_>,
    commits: &[(annals_log::Commit, annals_log::CommitHash)],
) -> Result<Position, AuditError> {
    match commits.first() {
        Some((first, _)) => Ok(source.reader.position_at(first.recorded_at.plus(-CLOCKS_DIFFER)).await?),
        None => Ok(Position::FIRST),
    }
}

async fn entries(source: &Source<'_>, stream: &StreamId, first: Position) -> Result<Vec<Entry>, AuditError> {
    let wanted = annals_ledger::Wanted::everything().and(annals_ledger::summary::Sought::Stream(stream.clone()));
    let (mut search, mut entries) = (source.reader.search(first..source.end, wanted).await?, vec![]);
    while let Some(more) = search.next().await? {
        entries.extend(more);
    }
    Ok(entries)
}
