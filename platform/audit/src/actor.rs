//! Question 4: everything that an actor did in a period, refused commands included.

use annals_kit::{Actor, StoredEvent};
use annals_ledger::summary::Sought;
use annals_ledger::{Entry, Fact, Wanted};
use annals_log::Commit;
use serde_json::Value;

use crate::answer::{Cell, Column, Out, Row, Said, columns};
use crate::history::{AuditError, History, Source};
use crate::merged::Merged;
use crate::question::Period;

/// Entries whose commits are read with one call.
const AT_ONCE: usize = 100;

/// A row for each commit of the actor's.
pub(crate) const COLUMNS: &[Column] = columns![
    "service": Text, "position": Integer, "sequenced_at": Time, "recorded_at": Time, "tenant": Text, "what": Text, "stream": Text,
    "version": Integer, "events": Text, "detail": Text, "count": Integer, "correlation": Text, "hash": Text,
];

/// Tells it, by when it was sequenced.
///
/// Cost: the ledgers' items of the period, of which summaries rule out those without the actor; 1 RCU for each refusal or reading.
pub(crate) async fn tell(
    history: &History,
    sources: &[Source<'_>],
    actor: &Actor,
    period: Period,
    out: &mut Out<'_>,
) -> Result<Said, AuditError> {
    let wanted = history.wanted().and(Sought::Actor(actor.clone()));
    let mut merged = within(sources, period, &wanted).await?;
    let (mut commands, mut refused, mut read) = (0u64, 0u64, 0u64);
    loop {
        let some = merged.some(AT_ONCE).await?;
        if some.is_empty() {
            break;
        }
        for (source, entry) in &some {
            let Fact::Commit(commit) = &entry.fact else { continue };
            let mut told = None;
            if commit.stream.stream_type() == "ACCESS" {
                told = source.commits(&[entry]).await?.pop().flatten();
            }
            let noted = told.iter().flat_map(|(commit, _): &(Commit, _)| &commit.events).next().map(noted);
            let (what, detail, count) = noted.unwrap_or(("command", String::new(), 1));
            match what {
                "refused" => refused += count,
                "command" => commands += 1,
                _ => read += 1,
            }
            out.row(row(source, entry, what, detail, count))?;
        }
    }
    let rows = out.rows;
    let says = format!("{actor} did {commands} commands, was refused {refused}, and read or exported history {read} times");
    let said = if rows == 0 { Said::no(format!("{actor} did nothing in {period}")) } else { Said::yes(says) };
    Ok(said.with("commands", commands).with("refused", refused).with("readings", read))
}

/// The entries of a period, of all sources, that are wanted.
pub(crate) async fn within<'a>(sources: &'a [Source<'a>], period: Period, wanted: &Wanted) -> Result<Merged<'a>, AuditError> {
    let mut ranges = vec![];
    for source in sources {
        let range = source.reader.period(period.from, period.until).await?;
        ranges.push((source, range.start.min(source.end)..range.end.min(source.end)));
    }
    Merged::new(ranges, wanted).await
}

/// What an event of an access stream says: what it was, of what, how often.
fn noted(event: &StoredEvent) -> (&'static str, String, u64) {
    let text = |name: &str| event.payload.get(name).and_then(Value::as_str).unwrap_or_default();
    match event.event_type.as_str() {
        "COMMAND_REFUSED" => {
            let count = event.payload.get("count").and_then(Value::as_u64).unwrap_or(1);
            ("refused", format!("{}: {}", text("function"), text("code")), count)
        }
        "HISTORY_READ" => ("read", text("question").to_owned(), 1),
        "HISTORY_EXPORTED" => ("exported", text("question").to_owned(), 1),
        other => ("noted", other.to_owned(), 1),
    }
}

fn row(source: &Source<'_>, entry: &Entry, what: &'static str, detail: String, count: u64) -> Row {
    let Fact::Commit(commit) = &entry.fact else { unreachable!("only commits have an actor") };
    let hash: String = commit.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        Cell::text(source.service.name),
        Cell::number(entry.position.get()),
        entry.sequenced_at.into(),
        commit.recorded_at.into(),
        Cell::text(&commit.tenant),
        Cell::text(what),
        Cell::text(&commit.stream),
        Cell::number(commit.version.get()),
        Cell::text(commit.events.join(" ")),
        if detail.is_empty() { Cell::Nothing } else { detail.into() },
        Cell::number(count),
        Cell::text(commit.correlation),
        hash.into(),
    ]
}
