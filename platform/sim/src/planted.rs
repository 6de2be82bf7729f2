//! The bugs that are planted: what they are called, where each is planted, and the table of the docs.

use annals_planted::Bug;

use crate::plan::Layer;

/// How a bug is called on the command line and in tables.
pub fn name(bug: Bug) -> &'static str {
    match bug {
        Bug::HighestFailedNumber => "highest-failed-number",
        Bug::PartialFailureIgnored => "partial-failure-ignored",
        Bug::AdvanceBeforeBus => "advance-before-bus",
        Bug::PublishOnlyDelivered => "publish-only-delivered",
        Bug::FailedEntriesIgnored => "failed-entries-ignored",
        Bug::UnconditionalRow => "unconditional-row",
        Bug::BlindAdd => "blind-add",
        Bug::UnpaginatedLoad => "unpaginated-load",
        Bug::LostResponseReissued => "lost-response-reissued",
        Bug::DoneBeforeDoing => "done-before-doing",
        Bug::NoConsumerDedup => "no-consumer-dedup",
        Bug::BackfillOverwrites => "backfill-overwrites",
        Bug::SnapshotAcrossRevisions => "snapshot-across-revisions",
        Bug::LedgerRedeliveryUnchecked => "ledger-redelivery-unchecked",
        Bug::EpochBeforeSeal => "epoch-before-seal",
        Bug::WarmStateRefuses => "warm-state-refuses",
        Bug::MovedRowResurrected => "moved-row-resurrected",
        Bug::TotalsMixRevisions => "totals-mix-revisions",
        Bug::RestoreReusesEventIds => "restore-reuses-event-ids",
        Bug::KeyAfterErasure => "key-after-erasure",
        Bug::NoReconciler => "no-reconciler",
        Bug::LatestNotTrimHorizon => "latest-not-trim-horizon",
    }
}

/// The bug of this name.
pub fn of(text: &str) -> Result<Bug, String> {
    Bug::ALL.into_iter().find(|bug| name(*bug) == text).ok_or_else(|| format!("no bug is called {text}; see docs/simulator.md"))
}

/// Where a bug is planted.
fn place(bug: Bug) -> &'static str {
    match bug {
        Bug::HighestFailedNumber | Bug::PartialFailureIgnored | Bug::AdvanceBeforeBus | Bug::PublishOnlyDelivered => "projector",
        Bug::UnconditionalRow | Bug::BackfillOverwrites => "rows",
        Bug::BlindAdd | Bug::MovedRowResurrected | Bug::TotalsMixRevisions => "followers",
        Bug::FailedEntriesIgnored => "bus",
        Bug::UnpaginatedLoad | Bug::LostResponseReissued | Bug::SnapshotAcrossRevisions | Bug::WarmStateRefuses => "log",
        Bug::DoneBeforeDoing | Bug::NoConsumerDedup => "send-email",
        Bug::LedgerRedeliveryUnchecked | Bug::EpochBeforeSeal => "ledger",
        Bug::KeyAfterErasure => "vault",
        Bug::RestoreReusesEventIds | Bug::NoReconciler | Bug::LatestNotTrimHorizon => "operations",
    }
}

/// How a bug was found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// The bug.
    pub bug: Bug,
    /// After how many seeds, by which invariant; `None` where it was not.
    pub first: Option<(u64, u8)>,
    /// In how many CPU seconds.
    pub took: f64,
}

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/simulator.md");
const BEGIN: &str = "<!-- planted: cargo run -p sim -- planted --write -->\n";
const END: &str = "<!-- planted end -->\n";

/// Writes the table of the docs: what was found at each layer, of the same bugs in the same order.
pub fn write(layers: &[(Layer, Vec<Found>)], seconds: u64) -> std::io::Result<()> {
    let text = std::fs::read_to_string(DOCS)?;
    let outside = || text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = outside().ok_or_else(|| std::io::Error::other("the marks of the table are missing"))?;
    let (mut head, mut line) = ("| bug | planted in |".to_owned(), "|---|---|".to_owned());
    for (layer, _) in layers {
        head += &format!(" {}: found after seeds of {seconds} s | by invariant | CPU seconds |", layer.name());
        line += "---|---|---|";
    }
    let mut table = format!("{head}\n{line}\n");
    for (place, bug) in layers.iter().take(1).flat_map(|(_, found)| found).map(|found| found.bug).enumerate() {
        table += &format!("| `{}` | {} |", name(bug), self::place(bug));
        for Found { first, took, .. } in layers.iter().map(|(_, found)| found[place]) {
            let (seeds, invariant) = first.map_or(("**not found**".into(), "".into()), |(seed, by)| (seed.to_string(), by.to_string()));
            table += &format!(" {seeds} | {invariant} | {took:.1} |");
        }
        table += "\n";
    }
    std::fs::write(DOCS, format!("{before}{BEGIN}{table}{END}{after}"))
}
