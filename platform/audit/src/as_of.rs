//! Question 2: what a stream was at a version, a time or a position, and what was believed then.
//!
//! What was so at a time is what is known now to have been recorded by then. What was believed is what had its place in the ledger by then:
//! the stream's longest prefix without a gap. They differ where a commit came late.

use std::collections::{BTreeMap, BTreeSet};

use annals_kit::StreamId;
use annals_ledger::Position;
use annals_ledger::state::StreamAt;
use annals_log::{Commit, CommitHash};
use chrono::TimeDelta;
use serde_json::Value;

use crate::answer::{Cell, Column, Out, Said, columns};
use crate::diff::fields;
use crate::history::{AuditError, History, Source};
use crate::question::Moment;
use crate::revisions::{apply, first_position};

/// A row for each field.
pub(crate) const COLUMNS: &[Column] = columns!["field": Text, "value": Json, "believed": Json];

/// Tells the fields of the state.
///
/// Cost: the stream's commits; for a time or a position also the ledger from its first commit on, of which summaries rule out most.
pub(crate) async fn tell(
    history: &History,
    sources: &[Source<'_>],
    stream: &StreamId,
    moment: Moment,
    out: &mut Out<'_>,
) -> Result<Said, AuditError> {
    let Some((source, commits)) = history.stream(sources, stream).await? else {
        return Ok(Said::no(format!("{stream} has no commit")));
    };
    let (version, believed) = versions(source, stream, &commits, moment).await?;
    if version == 0 && believed.version.is_none() {
        return Ok(Said::no(format!("nothing was known of {stream} as of {moment}")).with("moment", moment.to_string()));
    }
    let known = believed.version.map_or(0, |version| version.get());
    let (value, belief) = (state(history, stream, &commits, version)?, state(history, stream, &commits, known)?);
    let paths: BTreeSet<_> = value.keys().chain(belief.keys()).collect();
    for path in paths {
        out.row(vec![Cell::text(path), Cell::of(value.get(path).cloned()), Cell::of(belief.get(path).cloned())])?;
    }
    let late: Vec<Value> = believed.late.iter().map(|(version, position)| serde_json::json!([version.get(), position.get()])).collect();
    let differs = if known == version { String::new() } else { format!("; believed then: version {known}") };
    let recorded_at =
        version.checked_sub(1).and_then(|place| commits.get(place as usize)).map(|(commit, _)| commit.recorded_at.to_string());
    Ok(Said::yes(format!("{stream} as of {moment} is version {version}{differs}"))
        .with("version", version)
        .with("recorded_at", recorded_at)
        .with("believed_version", known)
        .with("beyond_a_gap", believed.beyond.iter().copied().collect::<Vec<_>>())
        .with("late", late))
}

/// The version that was so, and how the stream stood in the ledger.
async fn versions(
    source: &Source<'_>,
    stream: &StreamId,
    commits: &[(Commit, CommitHash)],
    moment: Moment,
) -> Result<(u64, StreamAt), AuditError> {
    let newest = commits.len() as u64;
    let plainly = |version: u64| (version, StreamAt { version: annals_kit::Version::new(version), ..StreamAt::default() });
    let position = match moment {
        Moment::Now => return Ok(plainly(newest)),
        Moment::Version(version) => return Ok(plainly(version.min(newest))),
        Moment::Time(time) => source.reader.position_at(time.plus(TimeDelta::microseconds(1))).await?,
        Moment::Position(position) => Position::new(position).plus(1),
    };
    if position > source.end {
        let what =
            format!("position {} is asked for, and the ledger of {} has {} entries", position.get() - 1, source.service.name, source.end);
        return Err(AuditError::Asked(what));
    }
    let first = first_position(source, commits).await?.min(position);
    let believed = source.reader.stream_at(stream, first, position).await?;
    let moment = match moment {
        Moment::Time(time) => Some(time),
        _ => source.reader.moment(position).await?,
    };
    let so = commits.iter().take_while(|(commit, _)| moment.is_some_and(|moment| commit.recorded_at <= moment)).count() as u64;
    Ok((so, believed))
}

fn state(
    history: &History,
    stream: &StreamId,
    commits: &[(Commit, CommitHash)],
    version: u64,
) -> Result<BTreeMap<String, Value>, AuditError> {
    let mut state = history.domain().state(stream);
    for (commit, _) in commits.iter().take(version as usize) {
        apply(&mut *state, commit)?;
    }
    Ok(fields(&state.value()))
}
