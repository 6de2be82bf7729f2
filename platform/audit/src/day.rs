//! Question 15: the events of a day, or of another period, in order.

use annals_ledger::{Entry, Fact};
use annals_log::Commit;
use serde_json::Value;

use crate::actor::within;
use crate::amount;
use crate::answer::{Cell, Column, Out, Said, columns};
use crate::history::{AuditError, History, Source};
use crate::merged::commits;
use crate::question::Period;

/// Entries whose commits are read at a time.
const AT_ONCE: usize = 400;

/// A row for each event; what is no commit has one row, with what happened as its event.
pub(crate) const COLUMNS: &[Column] = columns![
    "service": Text, "position": Integer, "sequenced_at": Time, "recorded_at": Time, "tenant": Text, "actor": Text, "stream": Text,
    "version": Integer, "event": Text, "amount": Decimal, "currency": Text, "payload": Json, "correlation": Text,
];

/// Tells them by when they were sequenced, then by service and position.
///
/// Cost: the ledgers' items of the period, and 1 RCU or more a commit, 100 a call.
pub(crate) async fn tell(history: &History, sources: &[Source<'_>], period: Period, out: &mut Out<'_>) -> Result<Said, AuditError> {
    let mut merged = within(sources, period, &history.wanted()).await?;
    let (mut entries, mut events) = (0u64, 0u64);
    loop {
        let some = merged.some(AT_ONCE).await?;
        if some.is_empty() {
            break;
        }
        for ((source, entry), commit) in some.iter().zip(commits(sources, &some).await?) {
            entries += 1;
            events += rows(source, entry, commit.as_ref(), out)?;
        }
    }
    let said = match entries {
        0 => Said::no(format!("nothing was sequenced in {period}")),
        _ => Said::yes(format!("{events} events of {entries} entries")),
    };
    Ok(said.with("entries", entries).with("events", events))
}

/// The rows of one entry; how many.
fn rows(source: &Source<'_>, entry: &Entry, commit: Option<&Commit>, out: &mut Out<'_>) -> Result<u64, AuditError> {
    let head = [Cell::text(source.service.name), Cell::number(entry.position.get()), entry.sequenced_at.into()];
    let Some(commit) = commit else {
        let Fact::Irregular(irregular) = &entry.fact else { return Ok(0) };
        let key = Cell::text(format!("{} {}", irregular.pk, irregular.sk));
        let nothing = || Cell::Nothing;
        let mut row = head.to_vec();
        row.extend([nothing(), nothing(), nothing(), key, nothing(), Cell::text(irregular.kind.word())]);
        row.extend([nothing(), nothing(), nothing(), nothing()]);
        out.row(row)?;
        return Ok(1);
    };
    for event in &commit.events {
        let (amount, currency) = amount::of_event(&event.payload).unzip();
        let mut row = head.to_vec();
        row.extend([
            commit.recorded_at.into(),
            Cell::text(&commit.tenant),
            Cell::text(&commit.actor),
            Cell::text(&commit.stream),
            Cell::number(commit.version.get()),
            Cell::text(&event.event_type),
            Cell::of(amount),
            Cell::of(currency),
            Cell::Json(Value::Object(event.payload.clone())),
            Cell::text(commit.correlation),
        ]);
        out.row(row)?;
    }
    Ok(commit.events.len() as u64)
}
