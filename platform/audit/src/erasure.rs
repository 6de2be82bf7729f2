//! Question 12: whether a person was erased: the certificate, the commits whose text it closed, and whether history is what it was before.

use annals_kit::{CustomerId, Timestamp};
use annals_ledger::Position;
use annals_ledger::proofs::Proofs;
use annals_verify::checkpoint::TreeHead;
use serde_json::{Value, json};

use crate::answer::{Cell, Column, Out, Said, columns};
use crate::history::{AuditError, History, Source};
use crate::merged::{Merged, commits};
use crate::person::{AT_ONCE, places};

/// A row for each event with text that is sealed for the person, and for each certificate.
pub(crate) const COLUMNS: &[Column] = columns![
    "service": Text, "position": Integer, "recorded_at": Time, "tenant": Text, "actor": Text, "stream": Text, "version": Integer, "event": Text,
    "sealed": Text, "certificate": Json,
];

/// A certificate, and where it stands.
struct Certificate<'a> {
    source: &'a Source<'a>,
    position: Position,
    certified_at: Timestamp,
    /// When the keys were destroyed, as it says.
    erased_at: Timestamp,
    payload: Value,
}

/// Tells the certificate and what it closed; yes where there is one, and nothing was sealed after it.
///
/// Cost: as all that is held on a person; and of each ledger two checkpoints and the proof between them. Every commit that is told is what was
/// sequenced, and every ledger still begins with what was signed before: otherwise there is no answer.
pub(crate) async fn tell(history: &History, sources: &[Source<'_>], person: &CustomerId, out: &mut Out<'_>) -> Result<Said, AuditError> {
    let places = places(history, sources, person).await?;
    let mut merged = Merged::of_all(sources, &places.wanted(history)).await?;
    let (mut certificate, mut sealed_at) = (None, vec![]);
    loop {
        let some = merged.some(AT_ONCE).await?;
        if some.is_empty() {
            break;
        }
        for ((source, entry), commit) in some.iter().zip(commits(sources, &some).await?) {
            let Some(commit) = commit else { continue };
            for event in &commit.events {
                let is_theirs = places.is_theirs(history, &commit, event, person);
                let fields = history.domain().sealed(&commit.stream, event).join(" ");
                let certified = if is_theirs { history.domain().certified(event) } else { None };
                if !is_theirs || (fields.is_empty() && certified.is_none()) {
                    continue;
                }
                let payload = Value::Object(event.payload.clone());
                out.row(vec![
                    Cell::text(source.service.name),
                    Cell::number(entry.position.get()),
                    commit.recorded_at.into(),
                    Cell::text(&commit.tenant),
                    Cell::text(&commit.actor),
                    Cell::text(&commit.stream),
                    Cell::number(commit.version.get()),
                    Cell::text(&event.event_type),
                    if fields.is_empty() { Cell::Nothing } else { Cell::text(&fields) },
                    Cell::of(certified.map(|_| payload.clone())),
                ])?;
                if !fields.is_empty() {
                    sealed_at.push(commit.recorded_at);
                }
                if let Some(erased_at) = certified {
                    let (position, certified_at) = (entry.position, commit.recorded_at);
                    certificate = Some(Certificate { source, position, certified_at, erased_at, payload });
                }
            }
        }
    }
    let Some(certificate) = certificate else {
        let says = format!("nothing certifies that {person} was erased; text of theirs is sealed {} times", sealed_at.len());
        return Ok(Said::no(says).with("sealed", sealed_at.len()));
    };
    let erased_at = certificate.erased_at;
    let since = sealed_at.iter().filter(|at| **at > erased_at).count();
    let said = match since {
        0 => Said::yes(format!("{person} was erased at {erased_at}: text that was sealed {} times stays closed", sealed_at.len())),
        _ => Said::no(format!("{person} was erased at {erased_at}, and text was sealed {since} times since")),
    };
    Ok(said
        .with("erased_at", erased_at.to_string())
        .with("certified_at", certificate.certified_at.to_string())
        .with("certificate", certificate.payload.clone())
        .with("sealed", sealed_at.len())
        .with("sealed_since", since)
        .with("ledgers", ledgers(sources, &certificate).await?))
}

/// For each ledger what was signed before the certificate, and that what is signed now begins with it.
async fn ledgers(sources: &[Source<'_>], certificate: &Certificate<'_>) -> Result<Vec<Value>, AuditError> {
    let mut ledgers = vec![];
    for source in sources {
        let end = match std::ptr::eq(source, certificate.source) {
            true => certificate.position,
            false => source.reader.position_at(certificate.certified_at).await?,
        };
        let (objects, key) = (&*source.service.objects, &source.service.key);
        let Some(now) = Proofs::newest(objects, key, None).await? else { continue };
        let Some(before) = Proofs::newest(objects, key, Some(end.get())).await? else { continue };
        now.extension(before.head()).await?;
        let told = |head: TreeHead| json!({ "size": head.size, "root": head.root.to_string() });
        ledgers.push(json!({ "service": source.service.name, "before": told(before.head()), "now": told(now.head()) }));
    }
    Ok(ledgers)
}
