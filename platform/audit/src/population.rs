//! Question 6: the complete population of a period: how many, from which position to which, what came late, without gaps, under which root.
//!
//! The period's entries are those that were sequenced in it: their positions follow each other, so their number is a difference. Late are
//! commits that were recorded before the period and sequenced in it, and those recorded in it and sequenced after it.

use annals_kit::Timestamp;
use annals_ledger::proofs::Proofs;
use annals_ledger::search::recorded_within;
use annals_ledger::{Entry, Fact};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::answer::{Cell, Column, Out, Said, columns};
use crate::history::{AuditError, History, Source};
use crate::question::Period;

/// A row for each late commit.
pub(crate) const COLUMNS: &[Column] = columns![
    "service": Text, "late": Text, "position": Integer, "sequenced_at": Time, "recorded_at": Time, "tenant": Text, "actor": Text,
    "stream": Text, "version": Integer, "events": Text,
];

/// Tells the late ones as rows, and the population as facts.
///
/// Cost: every item of the period, to see that none is missing, and of what comes after it the items that may hold late ones; four objects.
pub(crate) async fn tell(history: &History, sources: &[Source<'_>], period: Period, out: &mut Out<'_>) -> Result<Said, AuditError> {
    let (mut populations, mut count) = (vec![], 0);
    for source in sources {
        let population = of_source(history, source, period, out).await?;
        count += population["count"].as_u64().unwrap_or(0);
        populations.push(population);
    }
    let named: Vec<_> = populations
        .iter()
        .map(|population| format!("{} {}", population["service"].as_str().unwrap_or_default(), population["count"]))
        .collect();
    Ok(Said::yes(format!("{count} entries without a gap: {}; {} late commits", named.join(", "), out.rows))
        .with("populations", populations))
}

async fn of_source(history: &History, source: &Source<'_>, period: Period, out: &mut Out<'_>) -> Result<Value, AuditError> {
    let range = source.reader.period(period.from, period.until).await?;
    let (first, end) = (range.start.min(source.end), range.end.min(source.end));
    let before = period.from.plus(-TimeDelta::microseconds(1));
    let came_late = history.wanted().and_recorded(Timestamp::new(DateTime::<Utc>::MIN_UTC), before);
    let into = late(source, source.reader.search(first..end, came_late).await?, "recorded before", out).await?;
    let (from, until) = recorded_within(period.from, period.until);
    let later = source.reader.search(end..source.end, history.wanted().and_recorded(from, until)).await?;
    let after = late(source, later, "sequenced after", out).await?;
    let service = source.service;
    let signed = Proofs::newest(&*service.objects, &service.key, None).await?.filter(|proofs| proofs.head().size >= end.get());
    let root = match &signed {
        Some(proofs) => Some(proofs.root(end.get()).await?.to_string()),
        None => None,
    };
    let count = end.get() - first.get();
    Ok(json!({
        "service": service.name, "count": count, "first": (count > 0).then(|| first.get()), "last": (count > 0).then(|| end.get() - 1),
        "gaps": 0, "recorded_before": into, "sequenced_after": after, "tree_size": end.get(), "root": root,
    }))
}

async fn late(source: &Source<'_>, mut search: annals_ledger::Search, late: &str, out: &mut Out<'_>) -> Result<u64, AuditError> {
    let mut count = 0;
    while let Some(entries) = search.next().await? {
        for entry in &entries {
            count += 1;
            out.row(row(source, entry, late))?;
        }
    }
    Ok(count)
}

fn row(source: &Source<'_>, entry: &Entry, late: &str) -> Vec<Cell> {
    let Fact::Commit(commit) = &entry.fact else { unreachable!("only commits are recorded at a time") };
    vec![
        Cell::text(source.service.name),
        Cell::text(late),
        Cell::number(entry.position.get()),
        entry.sequenced_at.into(),
        commit.recorded_at.into(),
        Cell::text(&commit.tenant),
        Cell::text(&commit.actor),
        Cell::text(&commit.stream),
        Cell::number(commit.version.get()),
        Cell::text(commit.events.join(" ")),
    ]
}
