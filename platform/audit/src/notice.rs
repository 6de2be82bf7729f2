//! Question 14: whether a notice was sent: its attempts, and what came of it.

use annals_kit::StreamId;
use serde_json::Value;

use crate::answer::{Cell, Column, Out, Said, columns};
use crate::history::{AuditError, History, Source};
use crate::revisions::positions;

/// A row for each event of the notice.
pub(crate) const COLUMNS: &[Column] = columns![
    "version": Integer, "position": Integer, "recorded_at": Time, "actor": Text, "event": Text, "attempt": Integer, "effect": Text, "detail": Json,
];

/// Tells them; yes if it was sent.
///
/// Cost: the notice's commits, and the ledger from the first one on, of which summaries rule out most.
pub(crate) async fn tell(history: &History, sources: &[Source<'_>], stream: &StreamId, out: &mut Out<'_>) -> Result<Said, AuditError> {
    let Some((source, commits)) = history.stream(sources, stream).await? else {
        return Ok(Said::no(format!("there is no notice {stream}")));
    };
    let positions = positions(source, stream, &commits).await?;
    let (mut attempts, mut effect) = (0u64, None);
    for (commit, _) in &commits {
        for event in &commit.events {
            let attempt = event.payload.get("attempt").and_then(Value::as_u64);
            attempts = attempts.max(attempt.unwrap_or(0));
            let done = history.domain().effect(stream, event);
            out.row(vec![
                Cell::number(commit.version.get()),
                Cell::of(positions.get(&commit.version.get()).map(|position| position.get())),
                commit.recorded_at.into(),
                Cell::text(&commit.actor),
                Cell::text(&event.event_type),
                Cell::of(attempt),
                Cell::of(done.clone()),
                Cell::Json(Value::Object(event.payload.clone())),
            ])?;
            effect = done.or(effect);
        }
    }
    let said = match &effect {
        Some(effect) => Said::yes(format!("{stream}: {effect}, attempt {attempts}")),
        None => Said::no(format!("{stream} was not sent: {attempts} attempts, last {}", last(&commits))),
    };
    Ok(said.with("attempts", attempts).with("effect", effect))
}

/// The last thing that happened.
fn last(commits: &[(annals_log::Commit, annals_log::CommitHash)]) -> &str {
    commits.last().and_then(|(commit, _)| commit.events.last()).map_or("nothing", |event| &event.event_type)
}
