//! Question 11: who read or exported history.

use annals_ledger::summary::Sought;
use serde_json::Value;

use crate::actor::within;
use crate::answer::{Cell, Column, Out, Said, columns};
use crate::history::{AuditError, History, Source};
use crate::question::Period;

/// Entries whose commits are read at a time.
const AT_ONCE: usize = 100;

/// A row for each reading and each export.
pub(crate) const COLUMNS: &[Column] = columns![
    "service": Text, "position": Integer, "recorded_at": Time, "tenant": Text, "actor": Text, "what": Text, "question": Text,
    "parameters": Json, "format": Text, "rows": Integer, "sha256": Text,
];

/// Tells them by when they were sequenced.
///
/// Cost: the ledgers' items of the period, of which summaries rule out those without a reading; 1 RCU for each reading.
pub(crate) async fn tell(history: &History, sources: &[Source<'_>], period: Period, out: &mut Out<'_>) -> Result<Said, AuditError> {
    let kinds = ["HISTORY_READ", "HISTORY_EXPORTED"].map(|kind| Sought::Event(kind.to_owned()));
    let mut merged = within(sources, period, &history.wanted().and_one_of(kinds.to_vec())).await?;
    let (mut read, mut exported) = (0u64, 0u64);
    loop {
        let some = merged.some(AT_ONCE).await?;
        if some.is_empty() {
            break;
        }
        for (source, entry) in &some {
            let Some((commit, _)) = source.commits(&[entry]).await?.pop().flatten() else { continue };
            for event in &commit.events {
                let field = |name: &str| event.payload.get(name).cloned();
                let text = |name: &str| Cell::of(field(name).and_then(|value| value.as_str().map(str::to_owned)));
                let is_export = event.event_type == "HISTORY_EXPORTED";
                (read, exported) = (read + u64::from(!is_export), exported + u64::from(is_export));
                out.row(vec![
                    Cell::text(source.service.name),
                    Cell::number(entry.position.get()),
                    commit.recorded_at.into(),
                    Cell::text(&commit.tenant),
                    Cell::text(&commit.actor),
                    Cell::text(if is_export { "exported" } else { "read" }),
                    text("question"),
                    Cell::of(field("parameters")),
                    text("format"),
                    Cell::of(field("rows").as_ref().and_then(Value::as_u64)),
                    text("sha256"),
                ])?;
            }
        }
    }
    let said = match read + exported {
        0 => Said::no(format!("nobody read history in {period}")),
        _ => Said::yes(format!("history was read {read} times and exported {exported} times")),
    };
    Ok(said.with("read", read).with("exported", exported))
}
