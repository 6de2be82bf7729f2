//! Question 13: all that is held on a person: every event that names them, everything else in streams that are theirs, what they did, and the
//! rows that are made of it.

use std::collections::{BTreeMap, BTreeSet};

use annals_kit::{Actor, CustomerId, StoredEvent, StreamId, Version};
use annals_ledger::summary::Sought;
use annals_ledger::{Entry, Wanted};
use annals_log::Commit;
use serde_json::Value;

use crate::answer::{Cell, Column, Out, Row, Said, columns};
use crate::domain::About;
use crate::history::{AuditError, History, Source};
use crate::merged::{Merged, commits};

/// Entries whose commits are read at a time.
pub(crate) const AT_ONCE: usize = 400;

/// A row for each event, then one for each row of a projection. What is sealed stands as it is kept.
pub(crate) const COLUMNS: &[Column] = columns![
    "service": Text, "position": Integer, "recorded_at": Time, "tenant": Text, "actor": Text, "stream": Text, "version": Integer, "what": Text,
    "because": Text, "sealed": Text, "detail": Json,
];

/// Where something of a person's may be.
#[derive(Default)]
pub(crate) struct Places {
    /// Streams that are about them and nobody else.
    own: BTreeSet<StreamId>,
    /// Streams about several, of which some events name them.
    shared: BTreeSet<StreamId>,
    /// Whom history calls them.
    actors: BTreeSet<Actor>,
}

/// What was told.
#[derive(Default)]
struct Counts {
    events: u64,
    deeds: u64,
    sealed: u64,
    rows: u64,
    newest: BTreeMap<StreamId, Version>,
}

/// Tells it by when it was sequenced, then the rows.
///
/// Cost: the tenant's whole history, read once to find what names the person: nothing else is sure to miss nothing. Then what was found, once
/// more. Memory: the person's streams.
pub(crate) async fn tell(history: &History, sources: &[Source<'_>], person: &CustomerId, out: &mut Out<'_>) -> Result<Said, AuditError> {
    let places = places(history, sources, person).await?;
    let mut merged = Merged::of_all(sources, &places.wanted(history)).await?;
    let mut counts = Counts::default();
    loop {
        let some = merged.some(AT_ONCE).await?;
        if some.is_empty() {
            break;
        }
        for ((source, entry), commit) in some.iter().zip(commits(sources, &some).await?) {
            if let Some(commit) = commit {
                events(history, &places, person, (source, entry, &commit), &mut counts, out)?;
            }
        }
    }
    rows(history, &mut counts, out).await?;
    let Counts { events, deeds, sealed, rows, newest } = counts;
    let streams = newest.len() as u64;
    let said = match events + deeds {
        0 => Said::no(format!("nothing is held on {person}")),
        _ => Said::yes(format!(
            "{events} events about {person}, {sealed} of them with sealed text; {deeds} events of what they did; {rows} rows of {streams} streams"
        )),
    };
    Ok(said.with("events", events).with("deeds", deeds).with("sealed", sealed).with("rows", rows).with("streams", streams))
}

/// Reads everything once, for what names the person.
pub(crate) async fn places(history: &History, sources: &[Source<'_>], person: &CustomerId) -> Result<Places, AuditError> {
    if !history.is_of_one_tenant() {
        return Err(AuditError::Asked("a person is one of an organisation's: say of which".into()));
    }
    let (mut merged, mut places) = (Merged::of_all(sources, &history.wanted()).await?, Places::default());
    loop {
        let some = merged.some(AT_ONCE).await?;
        if some.is_empty() {
            return Ok(places);
        }
        for commit in commits(sources, &some).await?.into_iter().flatten() {
            for about in commit.events.iter().filter_map(|event| history.domain().about(&commit.stream, event, person)) {
                places.actors.extend(about.acts_as);
                let streams = if about.of_nobody_else { &mut places.own } else { &mut places.shared };
                streams.insert(commit.stream.clone());
            }
        }
    }
}

impl Places {
    /// What is surely not passed over: it may be more than what is told.
    pub(crate) fn wanted(&self, history: &History) -> Wanted {
        let streams = self.own.iter().chain(&self.shared).cloned().map(Sought::Stream);
        let actors = self.actors.iter().cloned().map(Sought::Actor);
        history.wanted().and_one_of(streams.chain(actors).collect())
    }

    /// Whether an event is about the person.
    pub(crate) fn is_theirs(&self, history: &History, commit: &Commit, event: &StoredEvent, person: &CustomerId) -> bool {
        self.own.contains(&commit.stream) || history.domain().about(&commit.stream, event, person).is_some()
    }

    /// Why an event of a commit is told, if it is.
    fn because(&self, commit: &Commit, about: Option<&About>) -> Option<String> {
        match about {
            Some(about) => Some(format!("{} names them", about.named_as)),
            None if self.own.contains(&commit.stream) => Some("the stream is theirs".into()),
            None if self.actors.contains(&commit.actor) => Some("they did it".into()),
            None => None,
        }
    }
}

/// The rows of one commit's events.
fn events(
    history: &History,
    places: &Places,
    person: &CustomerId,
    (source, entry, commit): (&Source<'_>, &Entry, &Commit),
    counts: &mut Counts,
    out: &mut Out<'_>,
) -> Result<(), AuditError> {
    for event in &commit.events {
        let about = history.domain().about(&commit.stream, event, person);
        let Some(because) = places.because(commit, about.as_ref()) else { continue };
        let sealed = history.domain().sealed(&commit.stream, event).join(" ");
        match about.is_some() || places.own.contains(&commit.stream) {
            true => counts.events += 1,
            false => counts.deeds += 1,
        }
        counts.sealed += u64::from(!sealed.is_empty());
        let sealed = if sealed.is_empty() { Cell::Nothing } else { sealed.into() };
        let payload = Cell::Json(Value::Object(event.payload.clone()));
        let mut row: Row = vec![
            Cell::text(source.service.name),
            Cell::number(entry.position.get()),
            commit.recorded_at.into(),
            Cell::text(&commit.tenant),
            Cell::text(&commit.actor),
            Cell::text(&commit.stream),
            Cell::number(commit.version.get()),
        ];
        row.extend([Cell::text(&event.event_type), because.into(), sealed, payload]);
        out.row(row)?;
    }
    if places.own.contains(&commit.stream) {
        let newest = counts.newest.entry(commit.stream.clone()).or_insert(commit.version);
        *newest = commit.version.max(*newest);
    }
    Ok(())
}

/// What projections have of the person's streams.
async fn rows(history: &History, counts: &mut Counts, out: &mut Out<'_>) -> Result<(), AuditError> {
    for (stream, version) in &counts.newest {
        let derived = history.domain().derived(stream, *version).await.map_err(|source| AuditError::Derived { source })?;
        for row in derived {
            counts.rows += 1;
            let said = row.differs.map_or_else(|| "as the log folds to".to_owned(), |differs| format!("differs: {differs}"));
            let nothing = || Cell::Nothing;
            let mut told: Row =
                vec![nothing(), nothing(), nothing(), nothing(), nothing(), Cell::text(stream), Cell::number(version.get())];
            told.extend([Cell::text(format!("row {}", row.projection)), said.into(), nothing(), nothing()]);
            out.row(told)?;
        }
    }
    Ok(())
}
