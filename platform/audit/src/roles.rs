//! Question 10: who had a role at a time.
//!
//! By what is known now to have been recorded by then; since when it could be known is told as well.

use std::collections::BTreeMap;

use annals_kit::{Role, Tenant, Timestamp};
use annals_ledger::summary::Sought;
use annals_ledger::{Entry, Position};
use annals_log::Commit;

use crate::answer::{Cell, Column, Out, Row, Said, columns};
use crate::domain::Standing;
use crate::history::{AuditError, History, Source};
use crate::merged::{Merged, commits};
use crate::question::{Moment, Period};

/// Entries whose commits are read at a time.
const AT_ONCE: usize = 400;

/// A row for each holder.
pub(crate) const COLUMNS: &[Column] = columns![
    "tenant": Text, "holder": Text, "kind": Text, "role": Text, "since": Time, "given_by": Text, "service": Text, "position": Integer,
    "sequenced_at": Time, "stream": Text, "version": Integer,
];

/// How somebody stood after a commit.
struct Held<'a> {
    standing: Standing,
    commit: Commit,
    source: &'a Source<'a>,
    position: Position,
    sequenced_at: Timestamp,
}

/// Tells who had it, by tenant and since when.
///
/// Cost: the ledgers' items that summaries do not rule out, and 1 RCU for each event that gave or took a role. Memory: everybody who ever had one.
pub(crate) async fn tell(
    history: &History,
    sources: &[Source<'_>],
    role: Role,
    moment: Moment,
    out: &mut Out<'_>,
) -> Result<Said, AuditError> {
    let at = match moment {
        Moment::Now => Period::always().until,
        Moment::Time(time) => time,
        Moment::Version(_) | Moment::Position(_) => {
            return Err(AuditError::Asked("who had a role is asked of a time, a day or now".into()));
        }
    };
    let standings = standings(history, sources, at).await?;
    let mut holders: Vec<_> = standings.into_values().filter(|held| held.standing.role == Some(role)).collect();
    let order = |held: &Held<'_>| (held.commit.tenant.clone(), held.commit.recorded_at, held.position);
    holders.sort_by_key(order);
    let later = holders.iter().filter(|held| held.sequenced_at > at).count() as u64;
    let count = holders.len() as u64;
    for held in holders {
        out.row(row(&held, role))?;
    }
    let said = match count {
        0 => Said::no(format!("nobody had the role {role} as of {moment}")),
        _ => Said::yes(format!("{count} had the role {role} as of {moment}")),
    };
    Ok(said.with("holders", count).with("known_only_later", later).with("moment", moment.to_string()))
}

/// How everybody stood whom an event recorded by `at` gave a role or took one from.
async fn standings<'a>(
    history: &History,
    sources: &'a [Source<'a>],
    at: Timestamp,
) -> Result<BTreeMap<(Tenant, String), Held<'a>>, AuditError> {
    let kinds = history.domain().role_events().iter().map(|kind| Sought::Event((*kind).to_owned())).collect();
    let wanted = history.wanted().and_one_of(kinds).and_recorded(Period::always().from, at);
    let (mut merged, mut standings) = (Merged::of_all(sources, &wanted).await?, BTreeMap::<_, Held<'a>>::new());
    loop {
        let some = merged.some(AT_ONCE).await?;
        if some.is_empty() {
            return Ok(standings);
        }
        for ((source, entry), commit) in some.iter().zip(commits(sources, &some).await?) {
            let Some(commit) = commit else { continue };
            for held in told(history, source, entry, &commit)? {
                let who = (commit.tenant.clone(), held.standing.holder.clone());
                // One stream says how somebody stands, and its commits may have been sequenced in another order.
                if standings.get(&who).is_none_or(|known| known.commit.version <= commit.version) {
                    standings.insert(who, held);
                }
            }
        }
    }
}

/// What the events of a commit say, in their order.
fn told<'a>(history: &History, source: &'a Source<'a>, entry: &Entry, commit: &Commit) -> Result<Vec<Held<'a>>, AuditError> {
    let mut told = vec![];
    for event in &commit.events {
        let standing = history
            .domain()
            .standing(event)
            .map_err(|error| AuditError::Differs(format!("{} version {} cannot be read: {error}", commit.stream, commit.version)))?;
        told.extend(standing.map(|standing| Held {
            standing,
            commit: commit.clone(),
            source,
            position: entry.position,
            sequenced_at: entry.sequenced_at,
        }));
    }
    Ok(told)
}

fn row(held: &Held<'_>, role: Role) -> Row {
    vec![
        Cell::text(&held.commit.tenant),
        Cell::text(&held.standing.holder),
        Cell::text(held.standing.kind),
        Cell::text(role),
        held.commit.recorded_at.into(),
        Cell::text(&held.commit.actor),
        Cell::text(held.source.service.name),
        Cell::number(held.position.get()),
        held.sequenced_at.into(),
        Cell::text(&held.commit.stream),
        Cell::number(held.commit.version.get()),
    ]
}
